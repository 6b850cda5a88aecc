import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { controlApp } from './control.ts'
import { controlSocketPath } from './control-socket-path.ts'
import type { ReportError } from './error-handler.ts'
import type { Operations } from './operations.ts'

export { controlSocketPath }

export interface ControlSocket {
  readonly path: string
  close(): Promise<void>
}

/**
 * Opens `<folder>/control.sock` for this user alone: mode 0600 from the moment it exists. A socket left over by
 * a dead process is replaced; one that answers belongs to another server and is an error.
 */
export async function openControlSocket(
  operations: Operations,
  folder: string,
  report: ReportError,
): Promise<ControlSocket> {
  const path = controlSocketPath(folder)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  await removeStale(path)
  const stop = new AbortController()
  const app = controlApp(operations, report, stop.signal)
  await app.ready()
  const server = createServer((request, response) => app.routing(request, response))
  await listenPrivately(server, path)
  return {
    path,
    async close() {
      stop.abort()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const force = setTimeout(() => server.closeAllConnections(), 1000)
      await closed
      clearTimeout(force)
      await app.close()
    },
  }
}

/** Binding a path is synchronous, so the umask is ours for exactly that call. */
function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const long = error.code === 'EINVAL' && Buffer.byteLength(path) > 100
      reject(
        long ? new Error(`the path ${path} is too long for a socket; choose a shorter data folder`) : error,
      )
    })
    const umask = process.umask(0o177)
    try {
      server.listen(path, () => {
        chmodSync(path, 0o600)
        resolve()
      })
    } finally {
      process.umask(umask)
    }
  })
}

async function removeStale(path: string): Promise<void> {
  const facts = lstatSync(path, { throwIfNoEntry: false })
  if (facts === undefined) return
  if (!facts.isSocket()) throw new Error(`${path} is in the way: it is not a socket. Move it elsewhere`)
  if (await answers(path)) throw new Error(`another acmetap serves this data folder: ${path} answers`)
  unlinkSync(path)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
