import type { Server } from 'node:net'
import { solverError, systemFault } from './solver-error.ts'

export interface Listener {
  /** Binds where it is not bound. Rejects with EngineError. */
  listen(): Promise<{ readonly address: string; readonly port: number }>
  close(): Promise<void>
}

/** A server that is bound when it is first needed, and whose connections end with it. */
export function listenerOf(
  server: Server,
  solver: string,
  { address, port }: { readonly address: string; readonly port: number },
): Listener {
  let binding: Promise<void> | null = null
  const open = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  const bind = () =>
    new Promise<void>((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) => reject(solverError(solver, null, cannot(error)))
      server.once('error', refused)
      server.listen(port, address, () => {
        server.off('error', refused)
        resolve()
      })
    })
  const cannot = (error: NodeJS.ErrnoException): string => {
    const place = `cannot listen on ${address.includes(':') ? `[${address}]` : address}:${port}`
    if (error.code === 'EADDRINUSE')
      return `${place}: another program does (a web server, or acmetap itself). Give it another port, and lead the CA there`
    if (error.code === 'EACCES')
      return `${place}: this user may not. Choose a port above 1023 and lead the CA there, or allow it (CAP_NET_BIND_SERVICE)`
    return `${place}: ${systemFault(error)}. Correct its address`
  }
  return {
    async listen() {
      binding ??= bind()
      try {
        await binding
      } catch (error) {
        binding = null
        throw error
      }
      const bound = server.address()
      return typeof bound === 'object' && bound !== null ? bound : { address, port }
    },
    async close() {
      await binding?.catch(() => undefined)
      if (!server.listening) return
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
      binding = null
    },
  }
}
