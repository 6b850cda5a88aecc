import { setImmediate as nextTurn } from 'node:timers/promises'
import { LabelNode, walk } from './label-trie.ts'
import type { Pattern } from './pattern.ts'
import type { PolicyName } from './policy-name.ts'

/** What patterns that end at a node say together: these labels alone, or 1 to `depth` more before them. */
interface Ends {
  apex: boolean
  depth: number
  /** A pattern with one more label ends with it. */
  oneMore: boolean
}

/** Patterns put into the tree before others get their turn: a few milliseconds' worth. */
const AT_ONCE = 500

/**
 * Patterns of DNS names, asked in a time that the name's labels set, however many patterns there are. Addresses are in
 * no set.
 */
export class NameSet {
  readonly #root = new LabelNode<Ends>(noEnds())

  static of(patterns: Iterable<Pattern>): NameSet {
    const set = new NameSet()
    for (const pattern of patterns) set.#add(pattern)
    return set
  }

  /** The same for long lists: lets the event loop go on meanwhile. */
  static async built(patterns: Iterable<Pattern>): Promise<NameSet> {
    const set = new NameSet()
    let count = 0
    for (const pattern of patterns) {
      set.#add(pattern)
      if (++count % AT_ONCE === 0) await nextTurn()
    }
    return set
  }

  /** Whether every host that the name stands for is in the set. */
  covers({ type, labels, covers }: PolicyName): boolean {
    if (type !== 'dns') return false
    if (covers === 'subtree') return this.#coversBelow(labels)
    const more = covers === 'wildcard' ? 1 : 0
    return walk(this.#root, labels, ({ value, star }, left) => {
      if (left + more > 0 && left + more <= value.depth) return true
      if (left > 0) return false
      return more === 0 ? value.apex : star?.value.apex === true
    })
  }

  /** Whether some host that the name stands for is in the set. */
  touches({ type, labels, covers }: PolicyName): boolean {
    if (type !== 'dns') return false
    if (covers === 'subtree') {
      // A node stands for at least one pattern that ends there or below it.
      return walk(this.#root, labels, ({ value }, left) => left === 0 || left <= value.depth)
    }
    const more = covers === 'wildcard' ? 1 : 0
    return walk(this.#root, labels, ({ value }, left) => {
      if (left + more > 0 && left + more <= value.depth) return true
      return left === 0 && (more === 0 ? value.apex : value.oneMore)
    })
  }

  #add({ labels, apex, depth }: Pattern): void {
    let node = this.#root
    for (const [place, label] of labels.entries()) {
      if (apex && place === labels.length - 1) node.value.oneMore = true
      node = node.below(label, noEnds)
    }
    if (apex) node.value.apex = true
    node.value.depth = Math.max(node.value.depth, depth)
  }

  /** Several patterns may cover the name and everything below it together: `example.com` and `**.example.com`. */
  #coversBelow(labels: readonly string[]): boolean {
    const depths: [from: number, to: number][] = []
    walk(this.#root, labels, (node, left) => {
      if (left > 0) {
        if (left <= node.value.depth) depths.push([0, node.value.depth - left])
        return false
      }
      for (let [below, at]: [LabelNode<Ends> | null, number] = [node, 0]; below; below = below.star, at++) {
        if (below.value.apex) depths.push([at, at])
        if (below.value.depth > 0) depths.push([at + 1, at + below.value.depth])
      }
      return false
    })
    let next = 0
    for (const [from, to] of depths.sort((a, b) => a[0] - b[0]))
      if (from <= next) next = Math.max(next, to + 1)
    return next === Number.POSITIVE_INFINITY
  }
}

function noEnds(): Ends {
  return { apex: false, depth: 0, oneMore: false }
}
