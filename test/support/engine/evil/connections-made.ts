import { createHook } from 'node:async_hooks'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'

/** Where this thread went since it was watched: every TCP connection, every name that was asked for, whoever did it. */
export interface ConnectionsMade {
  /** `address port`, or `name` for a question. */
  readonly made: ReadonlySet<string>
  stop(): void
}

interface Request {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

/** Node's own requests to the system are what is counted: no library is below them. */
export function watchConnections(): ConnectionsMade {
  const seen: { readonly type: string; readonly resource: Request }[] = []
  const made = new Set<string>()
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (
        type === 'TCPCONNECTWRAP' ||
        type === 'GETADDRINFOREQWRAP' ||
        type === 'QUERYWRAP' ||
        type === 'PIPECONNECTWRAP'
      )
        seen.push({ type, resource: resource as Request })
    },
  }).enable()
  return {
    // What it is about is filled in after it was made.
    get made() {
      for (const { type, resource } of seen.splice(0)) {
        const { address, port, hostname } = resource
        made.add(
          hostname === undefined
            ? `${type === 'PIPECONNECTWRAP' ? 'pipe ' : ''}${address} ${port}`
            : `name ${hostname}`,
        )
      }
      return made
    },
    stop: () => void hook.disable(),
  }
}

/** A port on 127.0.0.1 that nobody has a reason to come to. */
export async function openTrap(): Promise<{
  readonly port: number
  visits(): number
  close(): Promise<void>
}> {
  let visits = 0
  const server = createServer((socket) => {
    visits += 1
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    visits: () => visits,
    async close() {
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}
