/**
 * Things in the order of their times. Taking the oldest away and adding to the end cost nothing; what comes late is put
 * in its place. Counting is a binary search.
 */
export class Timeline<T> {
  readonly #timeOf: (item: T) => number
  #items: T[] = []
  /** What stands before is gone. */
  #head = 0

  constructor(timeOf: (item: T) => number) {
    this.#timeOf = timeOf
  }

  add(item: T): void {
    const time = this.#timeOf(item)
    const last = this.#items.at(-1)
    if (this.size === 0) {
      // Most hold one: a list that is made with it has room for no more.
      this.#items = [item]
      this.#head = 0
    } else if (this.#timeOf(last as T) <= time) this.#items.push(item)
    else this.#items.splice(this.#behind(time), 0, item)
  }

  /** Removes it, or one that is equal to it; nothing where there is none. */
  remove(item: T): void {
    const time = this.#timeOf(item)
    for (let at = this.#behind(time) - 1; at >= this.#head; at -= 1) {
      const candidate = this.#items[at] as T
      if (candidate === item) {
        if (at === this.#head) this.shift()
        else this.#items.splice(at, 1)
        return
      }
      if (this.#timeOf(candidate) < time) return
    }
  }

  first(): T | undefined {
    return this.size === 0 ? undefined : this.#items[this.#head]
  }

  shift(): void {
    if (this.size === 0) return
    this.#head += 1
    if (this.#head * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }

  /** How many are later than `since` and not later than `until`. */
  between(since: number, until: number): number {
    return Math.max(0, this.#behind(until) - this.#behind(since))
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  /** Index behind the last item that is not later. */
  #behind(time: number): number {
    let low = this.#head
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#timeOf(this.#items[middle] as T) <= time) low = middle + 1
      else high = middle
    }
    return low
  }
}
