import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { RecordedExchange, RecordReader } from './record-store.ts'

/** Ids a slow listener may fall behind before it is cut off. */
const BACKLOG = 10_000
const PAGE = 200

/** Tells listeners of exchanges as they end: first what the record has from a sequence number on, then live. */
export class Feed {
  readonly #reader: RecordReader
  readonly #listeners = new Set<(id: ExchangeId) => void>()

  constructor(reader: RecordReader) {
    this.#reader = reader
  }

  publish(id: ExchangeId): void {
    for (const listener of this.#listeners) listener(id)
  }

  /** `from` is the first intent's sequence number; null begins now. Ends with the signal, or when too slow. */
  async *follow(from: number | null, signal: AbortSignal): AsyncGenerator<RecordedExchange> {
    const waiting: ExchangeId[] = []
    let wake = () => {}
    let tooSlow = false
    const listener = (id: ExchangeId) => {
      if (waiting.length < BACKLOG) waiting.push(id)
      else tooSlow = true
      wake()
    }
    const stop = () => wake()
    this.#listeners.add(listener)
    signal.addEventListener('abort', stop)
    try {
      const seen = yield* this.#past(from, signal)
      while (!signal.aborted && !tooSlow) {
        const id = waiting.shift()
        if (id === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          continue
        }
        if (seen.delete(id)) continue
        const exchange = await this.#reader.exchange(id)
        if (exchange) yield exchange
      }
    } finally {
      this.#listeners.delete(listener)
      signal.removeEventListener('abort', stop)
    }
  }

  async *#past(from: number | null, signal: AbortSignal): AsyncGenerator<RecordedExchange, Set<ExchangeId>> {
    const recent = new Set<ExchangeId>()
    if (from === null) return recent
    let after = from - 1
    while (!signal.aborted) {
      const page = await this.#reader.exchanges({ after }, PAGE)
      for (const exchange of page) {
        after = exchange.intent.sequence
        if (!exchange.outcome) continue
        // Only what ended since we began to listen can come again; that is at most the backlog.
        if (recent.size >= 2 * BACKLOG) recent.clear()
        recent.add(exchange.id)
        yield exchange
      }
      if (page.length < PAGE) break
    }
    return recent
  }
}
