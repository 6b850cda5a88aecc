import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect, createSecureContext, type TLSSocket } from 'node:tls'

/** Does TLS over a connected socket. Rejects with Node's error, or with the signal's reason; then the socket is gone. */
export type Secure = (socket: Socket, signal: AbortSignal) => Promise<TLSSocket>

/**
 * TLS towards one server: its certificate is always verified, by the roots in `trust` (PEM) or by the public ones, for
 * this name, or for this address and then without SNI. Sessions are resumed (RFC 8446 §2.2).
 */
export function secureFor(host: string, trust: string | null): Secure {
  const secureContext = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(trust === null ? {} : { ca: trust }),
  })
  let session: Buffer | undefined
  return (socket, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        socket.destroy()
        return reject(signal.reason)
      }
      const secured = connect({
        socket,
        host,
        servername: isIP(host) === 0 ? host : '',
        secureContext,
        rejectUnauthorized: true,
        // RFC 9525 §2: the common name is no name of a server, but Node falls back to it where there is no other.
        checkServerIdentity: (name, certificate) =>
          checkServerIdentity(name, { ...certificate, subject: { ...certificate.subject, CN: '' } }),
        ALPNProtocols: ['http/1.1'],
        ...(session === undefined ? {} : { session }),
      })
      const giveUp = () => {
        secured.destroy()
        reject(signal.reason)
      }
      const settled = () => signal.removeEventListener('abort', giveUp)
      signal.addEventListener('abort', giveUp)
      secured.on('session', (latest) => {
        session = latest
      })
      secured.once('secureConnect', () => {
        settled()
        resolve(secured)
      })
      secured.on('error', (error) => {
        settled()
        reject(error)
      })
      secured.once('close', () => {
        settled()
        reject(Object.assign(new Error('closed before TLS was established'), { code: 'ECONNRESET' }))
      })
    })
}
