import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createSecureContext, createServer, type Server } from 'node:tls'

/**
 * Answers tls-alpn-01 (RFC 8737 §3) with the certificates that a client puts into `folder` as `NAME.crt.pem` and
 * `NAME.key.pem`.
 */
export async function answerAlpn(folder: string, address: string, port: number): Promise<Server> {
  const server = createServer({
    ALPNProtocols: ['acme-tls/1'],
    SNICallback(name, done) {
      try {
        const pem = (kind: string) => readFileSync(path.join(folder, `${path.basename(name)}.${kind}.pem`))
        done(null, createSecureContext({ cert: pem('crt'), key: pem('key') }))
      } catch (error) {
        done(error as Error)
      }
    },
  })
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined)
    socket.end()
  })
  server.listen(port, address)
  await once(server, 'listening')
  return server
}
