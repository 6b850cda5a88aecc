import { setImmediate as nextTurn } from 'node:timers/promises'
import { LabelNode, walk } from './label-trie.ts'
import type { Pattern } from './pattern.ts'
import type { PolicyName } from './policy-name.ts'

/** Indices of rules, ascending. Nodes with the same rules have the same array. */
type RuleList = readonly number[]

interface RulesHere {
  /** With a pattern that is these labels alone. */
  apex: RuleList
  /** With a pattern that is these labels with any number of others before them. */
  deep: RuleList
  /** With one that limits their number. */
  limited: { readonly rules: RuleList; readonly depth: number }[] | null
  /** With a pattern that is one label more. */
  oneMore: RuleList
  /** With a pattern that ends here or below. */
  below: RuleList
}

const NONE: RuleList = []
/** Patterns put into the tree before others get their turn. */
const AT_ONCE = 500

/** The patterns of all rules in one tree: which rules have to be asked about a name. */
export class RuleIndex {
  readonly #root = new LabelNode<RulesHere>(nothing())
  readonly #always: RuleList
  readonly #count: number

  private constructor(sets: readonly (readonly Pattern[] | null)[]) {
    this.#always = sets.flatMap((patterns, rule) => (patterns === null ? [rule] : []))
    this.#count = sets.length
  }

  /** One set for each rule; null for a rule that asks nothing of names. */
  static of(sets: readonly (readonly Pattern[] | null)[]): RuleIndex {
    const index = new RuleIndex(sets)
    for (const _ of index.#adding(sets));
    return index
  }

  /** The same for many: lets the event loop go on meanwhile. */
  static async built(sets: readonly (readonly Pattern[] | null)[]): Promise<RuleIndex> {
    const index = new RuleIndex(sets)
    let count = 0
    for (const _ of index.#adding(sets)) if (++count % AT_ONCE === 0) await nextTurn()
    return index
  }

  /** A step for each pattern. */
  *#adding(sets: readonly (readonly Pattern[] | null)[]): Generator<void> {
    for (const [rule, patterns] of sets.entries()) {
      const longer = appending(rule)
      for (const pattern of patterns ?? []) yield this.#add(rule, pattern, longer)
    }
  }

  /** Ascending: the rules with a pattern that touches the name, and those that ask nothing of names. */
  rulesFor(name: PolicyName): readonly number[] {
    const found = this.listsFor(name)
    const [first] = found
    if (first === undefined) return this.#always
    if (found.length === 1 && this.#always.length === 0) return first
    return this.#merged([this.#always, ...found])
  }

  /** Lists of rules with a pattern that touches the name; lists of the same rules are one array, always the same. */
  listsFor({ type, labels, covers }: PolicyName): readonly (readonly number[])[] {
    if (type !== 'dns') return []
    const found: RuleList[] = []
    const take = (rules: RuleList) => {
      if (rules.length > 0) found.push(rules)
    }
    const more = covers === 'wildcard' ? 1 : 0
    walk(this.#root, labels, ({ value }, left) => {
      if (left + more > 0 || covers === 'subtree') take(value.deep)
      if (value.limited !== null && (left + more > 0 || covers === 'subtree')) {
        for (const { rules, depth } of value.limited) if (left + more <= depth) take(rules)
      }
      if (left === 0) take(covers === 'subtree' ? value.below : more === 1 ? value.oneMore : value.apex)
      return false
    })
    return found
  }

  #merged(lists: readonly RuleList[]): RuleList {
    const marked = new Uint8Array(this.#count)
    for (const list of lists) for (const rule of list) marked[rule] = 1
    const rules: number[] = []
    for (let rule = marked.indexOf(1); rule !== -1; rule = marked.indexOf(1, rule + 1)) rules.push(rule)
    return rules
  }

  #add(rule: number, { labels, apex, depth }: Pattern, longer: (list: RuleList) => RuleList): void {
    let node = this.#root
    node.value.below = longer(node.value.below)
    for (const [place, label] of labels.entries()) {
      if (apex && place === labels.length - 1) node.value.oneMore = longer(node.value.oneMore)
      node = node.below(label, nothing)
      node.value.below = longer(node.value.below)
    }
    if (apex) node.value.apex = longer(node.value.apex)
    if (depth === Number.POSITIVE_INFINITY) node.value.deep = longer(node.value.deep)
    else if (depth > 0) {
      node.value.limited ??= []
      node.value.limited.push({ rules: [rule], depth })
    }
  }
}

/** Rules come in ascending order, so a list has the rule already if it ends with it. */
function appending(rule: number): (list: RuleList) => RuleList {
  const made = new Map<RuleList, RuleList>()
  return (list) => {
    if (list.at(-1) === rule) return list
    const known = made.get(list)
    if (known !== undefined) return known
    const longer = [...list, rule]
    made.set(list, longer)
    return longer
  }
}

function nothing(): RulesHere {
  return { apex: NONE, deep: NONE, limited: null, oneMore: NONE, below: NONE }
}
