import type { RecordedExchange, RecordReader } from './record-store.ts'

const PAGE = 200
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
        const page = await this.#reader.outcomesAfter(after, PAGE)
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
}
