import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from './engine-error.ts'

/** What comes first: the promise's end, or EngineError (`aborted`). What was begun goes on by itself. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(stopped())
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
    aborted.catch(() => {})
    promise.catch(() => {})
  }
}

/** Rejects with EngineError (`aborted`) as soon as the signal is. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    throw stopped()
  }
}

export function stopped(): EngineError {
  return new EngineError('aborted', 'it was stopped before it was done')
}
