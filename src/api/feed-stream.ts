/** The live feed as text: server-sent events (WHATWG HTML §9.2), or one JSON object a line. */
import type { RecordedExchange } from '../audit/record-store.ts'

/** Something now and then shows both ends of a quiet feed that the other is still there. */
const HEARTBEAT = 15_000
/** A reader that takes nothing for so long is cut off; it can go on later where it was. */
const PATIENCE = 60_000

export interface FeedForm {
  /** Sent at once, so that the reader sees the answer, and can go on here if it is cut off before the first event. */
  beginning(place: number): string
  event(exchange: RecordedExchange, place: number): string
  /** `place` is up to where everything was told; null where the last event or beat said so. */
  beat(place: number | null): string
}

export const sse: FeedForm = {
  beginning: (place) => `retry: 2000\nid: ${place}\n\n`,
  event: (exchange, place) => `id: ${place}\nevent: exchange\ndata: ${JSON.stringify(exchange)}\n\n`,
  beat: (place) => (place === null ? ':\n\n' : `id: ${place}\n\n`),
}

/** Empty lines mean nothing. */
export const ndjson: FeedForm = {
  beginning: () => '\n',
  event: (exchange) => `${JSON.stringify(exchange)}\n`,
  beat: () => '\n',
}

export interface Timing {
  readonly heartbeat: number
  readonly patience: number
}

/**
 * `place` is the sequence number before the first that may come. `cut` is called when the reader has taken nothing for
 * long; the caller then ends the exchanges and the connection.
 */
export async function* feedText(
  exchanges: AsyncIterable<RecordedExchange>,
  form: FeedForm,
  place: number,
  wanted: (exchange: RecordedExchange) => boolean,
  cut: () => void,
  timing: Timing = { heartbeat: HEARTBEAT, patience: PATIENCE },
): AsyncGenerator<string> {
  const source = exchanges[Symbol.asyncIterator]()
  const told = impatient(cut, timing.patience)
  yield* told(form.beginning(place))
  let [seen, said] = [place, place]
  let next = source.next()
  try {
    for (;;) {
      const result = await orBeat(next, timing.heartbeat)
      if (result === 'beat') {
        yield* told(form.beat(seen === said ? null : seen))
        said = seen
        continue
      }
      if (result.done === true) return
      const exchange = result.value
      seen = exchange.outcome?.sequence ?? seen
      next = source.next()
      if (!wanted(exchange)) continue
      yield* told(form.event(exchange, seen))
      said = seen
    }
  } finally {
    next.catch(() => undefined)
    await source.return?.()
  }
}

/** Hands out one text; if nobody asks for more in time, calls `cut`. */
function impatient(cut: () => void, patience: number) {
  return function* (text: string): Generator<string> {
    const timer = setTimeout(cut, patience)
    try {
      yield text
    } finally {
      clearTimeout(timer)
    }
  }
}

async function orBeat<T>(next: Promise<T>, after: number): Promise<T | 'beat'> {
  const beat = Promise.withResolvers<'beat'>()
  const timer = setTimeout(() => beat.resolve('beat'), after)
  return Promise.race([next, beat.promise]).finally(() => clearTimeout(timer))
}
