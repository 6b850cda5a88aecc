/** A place in the tree of labels, read from the right. */
export class LabelNode<T> {
  children: Map<string, LabelNode<T>> | null = null
  /** Any one label. */
  star: LabelNode<T> | null = null
  /** What the patterns say that end here, or below. */
  value: T

  constructor(value: T) {
    this.value = value
  }

  /** The node for one more label, made if there is none. */
  below(label: string, value: () => T): LabelNode<T> {
    if (label === '*') {
      this.star ??= new LabelNode(value())
      return this.star
    }
    this.children ??= new Map()
    let child = this.children.get(label)
    if (child === undefined) {
      child = new LabelNode(value())
      this.children.set(label, child)
    }
    return child
  }
}

/**
 * Visits the nodes whose patterns fit these labels, from the root on, until `visit` says true. `left`: how many labels
 * of the name stand left of the node's.
 *
 * A tree has one way to each node, so a name comes to no more nodes of a depth than there are ways to put `*` in place
 * of labels among the patterns. Patterns with a `*` right of another label have ten labels at most: 2¹⁰ ways in all.
 * Those whose `*` come first add one way for each number of them. So the number of patterns does not count.
 */
export function walk<T>(
  root: LabelNode<T>,
  labels: readonly string[],
  visit: (node: LabelNode<T>, left: number) => boolean,
): boolean {
  return step(root, labels, 0, visit)
}

function step<T>(
  node: LabelNode<T>,
  labels: readonly string[],
  place: number,
  visit: (node: LabelNode<T>, left: number) => boolean,
): boolean {
  if (visit(node, labels.length - place)) return true
  const label = labels[place]
  if (label === undefined) return false
  const child = node.children?.get(label)
  if (child !== undefined && step(child, labels, place + 1, visit)) return true
  return node.star !== null && step(node.star, labels, place + 1, visit)
}
