import { parentPort } from 'node:worker_threads'
import { messageOf } from '../exchange/message-of.ts'
import { StoreRefusal } from './refusal.ts'
import type { Greeting, Reply, Request } from './thread.ts'

export type Handlers = Readonly<Record<string, (argument: never) => unknown>>

export interface ThreadSide {
  readonly handlers: Handlers
  /** Runs after each answer has gone out. */
  readonly idle?: () => void
  close(): void
}

/** The other end of a Thread: greet, then answer each request by name. For use in a worker's own script only. */
export function answerRequests(open: () => ThreadSide): void {
  const port = parentPort
  if (!port) throw new Error('this file is a worker thread of the store')
  let side: ThreadSide
  try {
    side = open()
  } catch (error) {
    const reason = error instanceof StoreRefusal ? error.reason : 'io'
    port.postMessage({ reason, message: messageOf(error) } satisfies Greeting)
    return
  }
  const { handlers, idle } = side
  port.on('message', (request: Request) => {
    if (request.name === 'close') {
      side.close()
      port.postMessage({ id: request.id, value: null } satisfies Reply)
      port.close()
      return
    }
    try {
      const value = handlers[request.name]?.(request.argument as never)
      if (value instanceof Promise) {
        value.then(
          (result) => port.postMessage({ id: request.id, value: result } satisfies Reply),
          (error: unknown) => port.postMessage(failure(request.id, error)),
        )
      } else {
        port.postMessage({ id: request.id, value } satisfies Reply)
      }
    } catch (error) {
      port.postMessage(failure(request.id, error))
    }
    idle?.()
  })
  port.postMessage('ready' satisfies Greeting)
}

function failure(id: number, error: unknown): Reply {
  const code = error instanceof StoreRefusal ? error.reason : (error as { code?: unknown } | null)?.code
  return { id, error: { message: messageOf(error), code: typeof code === 'string' ? code : null } }
}
