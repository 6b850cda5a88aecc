/** tls-alpn-01 (RFC 8737) on a port of its own: a certificate for each open challenge, and for nothing else. */
import { createSecureContext, createServer, type SecureContext } from 'node:tls'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { RespondingSolver } from './http-responder.ts'
import { listenerOf } from './listening.ts'
import { serverNameOf } from './server-name.ts'
import { throwIfAborted } from './solver-error.ts'
import { tokenOf } from './token.ts'

export type TlsAlpnSettings = NonNullable<SolverConfig['tls_alpn']>

const PROTOCOL = 'acme-tls/1'
const MOST_CONNECTIONS = 512
const HANDSHAKE_WITHIN = 10_000

interface Open {
  readonly token: string
  readonly context: SecureContext
}

export function createTlsAlpn(name: string, settings: TlsAlpnSettings): RespondingSolver {
  /** By server name; the newest first, where two orders wait for the same name. */
  const open = new Map<string, readonly Open[]>()
  const others = (serverName: string, token: string) =>
    (open.get(serverName) ?? []).filter((one) => one.token !== token)
  const server = createServer({
    // RFC 8737 §4. A server of its own has no other certificate: without a server name the handshake fails.
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_WITHIN,
    SNICallback: (asked, done) => {
      const newest = open.get(asked.toLowerCase())?.[0]
      if (newest === undefined) done(new Error('no challenge is open for this name'))
      else done(null, newest.context)
    },
    // RFC 8737 §3: a validator offers this protocol alone.
    ALPNCallback: ({ protocols }) => (protocols.join() === PROTOCOL ? PROTOCOL : undefined),
  })
  server.maxConnections = MOST_CONNECTIONS
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    // Whoever offers no protocol at all gets this far, and no further.
    if (socket.alpnProtocol === PROTOCOL) socket.end()
    else socket.destroy()
  })
  const listener = listenerOf(server, name, settings)
  return {
    name,
    types: ['tls-alpn-01'],
    listen: listener.listen,
    async present(attempt, { signal, progress }) {
      throwIfAborted(signal, name, attempt.identifier.value)
      const token = tokenOf(attempt, name)
      const { address, port } = await listener.listen()
      // What makes certificates takes 0.1 s to load; most solvers never need it.
      const { validationCertificate } = await import('./validation-certificate.ts')
      const made = await validationCertificate(attempt.identifier, attempt.keyAuthorization, new Date())
      const context = createSecureContext({ cert: made.certificate, key: made.key, minVersion: 'TLSv1.2' })
      const serverName = serverNameOf(attempt.identifier)
      open.set(serverName, [{ token, context }, ...others(serverName, token)])
      progress(`the certificate is served on ${address} port ${port}`)
    },
    async cleanUp({ identifier, token }) {
      const serverName = serverNameOf(identifier)
      const left = others(serverName, token)
      if (left.length > 0) open.set(serverName, left)
      else open.delete(serverName)
    },
    close: listener.close,
  }
}
