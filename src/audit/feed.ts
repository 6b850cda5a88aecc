import type { EndedExchange, RecordedExchange, RecordReader } from './record-store.ts'

/** What is parsed at once holds up the event loop: some ms. */
const PAGE = 50
/** Outcomes that waited in the spill file reach the record without anybody publishing them. */
const LOOK_AGAIN = 2_000

/**
 * Tells listeners of exchanges as they end, in the order in which the record has their outcomes. Whoever was told of
 * an outcome can go on behind its sequence number later: none is left out and none comes twice. A listener takes what
 * it is told at its own pace, for it is read from the record a page at a time and kept nowhere.
 */
export class Feed {
  readonly #reader: Pick<RecordReader, 'outcomesAfter' | 'tally'>
  readonly #listeners = new Set<() => void>()
  #turn: Promise<void> = Promise.resolve()

  constructor(reader: Pick<RecordReader, 'outcomesAfter' | 'tally'>) {
    this.#reader = reader
  }

  /** An exchange has ended. */
  publish(): void {
    for (const wake of this.#listeners) wake()
  }

  /** `from`: the first sequence number an outcome may have; null begins now. Ends with the signal. */
  async *follow(from: number | null, signal: AbortSignal): AsyncGenerator<RecordedExchange> {
    let published = true
    let wake = () => {}
    const listener = () => {
      published = true
      wake()
    }
    this.#listeners.add(listener)
    signal.addEventListener('abort', listener)
    try {
      let after = from === null ? (await this.#reader.tally()).sequence : from - 1
      while (!signal.aborted) {
        published = false
        const page = await this.#page(after, signal)
        for (const { sequence, exchange } of page) {
          if (signal.aborted) return
          after = sequence
          yield exchange
        }
        if (page.length === PAGE || published || signal.aborted) continue
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, LOOK_AGAIN)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    } finally {
      this.#listeners.delete(listener)
      signal.removeEventListener('abort', listener)
    }
  }

  /**
   * Listeners that catch up read one after the other, and after each page the reader and the event loop are others' for
   * as long as it took: however many replay the record, clients' exchanges wait for one page.
   */
  async #page(after: number, signal: AbortSignal): Promise<readonly EndedExchange[]> {
    const before = this.#turn
    const turn = Promise.withResolvers<void>()
    this.#turn = turn.promise
    await before
    const began = performance.now()
    try {
      return signal.aborted ? [] : await this.#reader.outcomesAfter(after, PAGE)
    } finally {
      if (signal.aborted) turn.resolve()
      else setTimeout(turn.resolve, performance.now() - began)
    }
  }
}
