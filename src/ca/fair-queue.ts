/**
 * A queue that serves clients in rounds, one item of each per round, and each client's own items in their order
 * (self-clocked fair queueing with equal costs). An item's round is fixed when it is added: the one after its
 * client's last, and after the one being served. So what is added later can only push back items of clients that
 * have more waiting, and never a client's only item.
 */
export class FairQueue<Item extends { readonly client: string }> {
  readonly #rounds = new Map<number, Set<Item>>()
  readonly #roundOf = new Map<Item, number>()
  readonly #clients = new Map<string, { last: number; waiting: number }>()
  #serving = 0
  #last = 0

  get size(): number {
    return this.#roundOf.size
  }

  /** How many items of this client wait. */
  waiting(client: string): number {
    return this.#clients.get(client)?.waiting ?? 0
  }

  /** How many items would be served before a new one of this client. */
  ahead(client: string): number {
    return this.#upTo(this.#nextRound(client))
  }

  add(item: Item): void {
    const round = this.#nextRound(item.client)
    const known = this.#clients.get(item.client)
    this.#clients.set(item.client, { last: round, waiting: (known?.waiting ?? 0) + 1 })
    const items = this.#rounds.get(round)
    if (items) items.add(item)
    else this.#rounds.set(round, new Set([item]))
    this.#roundOf.set(item, round)
    this.#last = Math.max(this.#last, round)
  }

  /** The next to serve, taken out. */
  shift(): Item | null {
    if (this.size === 0) return null
    for (;;) {
      const items = this.#rounds.get(this.#serving)
      for (const item of items ?? []) {
        this.delete(item)
        return item
      }
      this.#rounds.delete(this.#serving)
      this.#serving += 1
    }
  }

  delete(item: Item): boolean {
    const round = this.#roundOf.get(item)
    if (round === undefined) return false
    this.#roundOf.delete(item)
    this.#rounds.get(round)?.delete(item)
    const client = this.#clients.get(item.client)!
    client.waiting -= 1
    if (client.waiting === 0) this.#clients.delete(item.client)
    if (this.size === 0) this.#startOver()
    return true
  }

  /** In the order they will be served. */
  *[Symbol.iterator](): Iterator<Item> {
    for (let round = this.#serving; round <= this.#last; round++) yield* this.#rounds.get(round) ?? []
  }

  /** Those that a new item pushes back, with their places in the queue, counted from 1. Items may be deleted on the way. */
  *behind(item: Item): Iterable<readonly [item: Item, place: number]> {
    const round = this.#roundOf.get(item) ?? this.#last
    let place = this.#upTo(round)
    for (let later = round + 1; later <= this.#last; later++) {
      for (const pushed of this.#rounds.get(later) ?? []) {
        place += 1
        yield [pushed, place]
        if (!this.#roundOf.has(pushed)) place -= 1
      }
    }
  }

  #nextRound(client: string): number {
    return Math.max(this.#serving, this.#clients.get(client)?.last ?? 0) + 1
  }

  #upTo(round: number): number {
    if (round >= this.#last) return this.size
    let items = 0
    for (let each = this.#serving; each <= round; each++) items += this.#rounds.get(each)?.size ?? 0
    return items
  }

  #startOver(): void {
    this.#rounds.clear()
    this.#serving = 0
    this.#last = 0
  }
}
