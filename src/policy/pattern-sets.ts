import type { ConditionDocument, PolicyDocument } from './document.ts'
import { NameSet } from './names/name-set.ts'
import { type Pattern, parsePattern } from './names/pattern.ts'

/** The patterns of a policy's conditions, those of a list read once however many rules name it. */
export class PatternSets {
  readonly #lists: Readonly<Record<string, readonly string[]>>
  readonly #patterns = new Map<string, readonly Pattern[]>()
  readonly #sets = new Map<string, NameSet>()
  readonly #entries = new Map<string, readonly string[]>()
  readonly #made = new Map<readonly Pattern[], NameSet>()

  private constructor(lists: PolicyDocument['lists']) {
    this.#lists = lists
  }

  /** Big lists are read bit by bit, so that requests go on meanwhile. */
  static async of({ lists, rules }: PolicyDocument): Promise<PatternSets> {
    const sets = new PatternSets(lists)
    for (const written of rules.flatMap(({ when }) => namesIn(when))) await sets.#read(written)
    return sets
  }

  /** With `@list` replaced by what the list holds; the same array for the same text. Throws a TypeError for a list that is not there. */
  entries(written: readonly string[]): readonly string[] {
    const key = written.join('\n')
    const entries = this.#entries.get(key) ?? written.flatMap((text) => this.#listed(text))
    this.#entries.set(key, entries)
    return entries
  }

  #listed(text: string): readonly string[] {
    if (!text.startsWith('@')) return [text]
    const name = text.slice(1)
    if (!Object.hasOwn(this.#lists, name)) throw new TypeError(`no list is called ${JSON.stringify(name)}`)
    return this.#lists[name]!
  }

  patterns(written: readonly string[]): readonly Pattern[] {
    return this.#patterns.get(written.join('\n'))!
  }

  nameSet(written: readonly string[]): NameSet {
    return this.#sets.get(written.join('\n'))!
  }

  /** Undefined for patterns that no condition on names has. */
  setOf(patterns: readonly Pattern[]): NameSet | undefined {
    return this.#made.get(patterns)
  }

  async #read(written: readonly string[]): Promise<void> {
    const key = written.join('\n')
    if (this.#sets.has(key)) return
    const patterns: Pattern[] = []
    for (const [index, text] of this.entries(written).entries()) {
      if (index % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve))
      const pattern = parsePattern(text)
      if ('fault' in pattern) throw new TypeError(`a pattern that cannot be read: ${pattern.fault}`)
      patterns.push(pattern)
    }
    this.#patterns.set(key, patterns)
    const set = await NameSet.built(patterns)
    this.#sets.set(key, set)
    this.#made.set(patterns, set)
  }
}

const AT_ONCE = 2000

function namesIn({ all = [], any = [], not, names }: ConditionDocument): readonly (readonly string[])[] {
  const inner = [...all, ...any, ...(not === undefined ? [] : [not])].flatMap(namesIn)
  return names === undefined ? inner : [names, ...inner]
}
