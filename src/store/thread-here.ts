import { messageOf } from '../exchange/message-of.ts'
import { type Asked, ThreadError } from './thread.ts'
import type { ThreadSide } from './thread-side.ts'

/** A {@link ThreadSide} in the thread that calls: for commands, which have nothing else to do. */
export function threadHere({ handlers, idle, close }: ThreadSide): Asked {
  let closed = false
  return {
    async call<T>(name: string, argument: unknown): Promise<T> {
      if (closed) throw new ThreadError('the store is closed', null)
      try {
        return (await handlers[name]?.(argument as never)) as T
      } catch (error) {
        const code = (error as { code?: unknown } | null)?.code
        throw new ThreadError(messageOf(error), typeof code === 'string' ? code : null)
      } finally {
        if (!closed) idle?.()
      }
    },
    async close() {
      if (closed) return
      closed = true
      close()
    },
  }
}
