/** Events of something that runs for long, one JSON object a line. Empty lines show that the other end is still there. */
import { StoreUnavailable } from '../audit/record-store.ts'
import { EngineError } from '../engine/engine-error.ts'
import { OperationRefused } from './operations.ts'
import { Content } from './route.ts'

const HEARTBEAT = 15_000

/** The last line of a stream that could not come to its end. */
export interface FailedEvent {
  readonly kind: 'failed'
  /** One line without secrets. */
  readonly detail: string
}

/** Resolves with the first event: what is refused at once still has a status. `beat` in ms. */
export async function eventLines(source: AsyncIterable<object>, beat = HEARTBEAT): Promise<Content> {
  const events = source[Symbol.asyncIterator]()
  const first = await events.next()
  return new Content('application/x-ndjson; charset=utf-8', lines(events, first, beat))
}

async function* lines(
  events: AsyncIterator<object>,
  first: IteratorResult<object>,
  beat: number,
): AsyncGenerator<string> {
  let next = Promise.resolve(first)
  try {
    for (;;) {
      const result = await orBeat(next, beat)
      if (result === 'beat') {
        yield '\n'
        continue
      }
      if (result.done === true) return
      next = events.next()
      // Where the reader has gone meanwhile, nobody looks at it any more.
      next.catch(() => undefined)
      yield `${JSON.stringify(result.value)}\n`
    }
  } catch (error) {
    if (!isTold(error)) throw error
    yield `${JSON.stringify({ kind: 'failed', detail: error.message } satisfies FailedEvent)}\n`
  } finally {
    await events.return?.()
  }
}

function isTold(error: unknown): error is Error {
  return (
    error instanceof OperationRefused || error instanceof StoreUnavailable || error instanceof EngineError
  )
}

async function orBeat<T>(next: Promise<T>, after: number): Promise<T | 'beat'> {
  const beat = Promise.withResolvers<'beat'>()
  const timer = setTimeout(() => beat.resolve('beat'), after)
  return Promise.race([next, beat.promise]).finally(() => clearTimeout(timer))
}
