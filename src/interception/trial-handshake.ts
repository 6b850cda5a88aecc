import { isIP } from 'node:net'
import { duplexPair } from 'node:stream'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import { secureContextOptions } from './secure-context.ts'

/** What a client that trusts `root` alone says against this server as `host`; null where it accepts. No network. */
export async function refusalOf(
  served: { readonly chain: string; readonly key: string },
  root: string,
  host: string,
): Promise<string | null> {
  const [near, far] = duplexPair()
  const server = new TLSSocket(far, {
    isServer: true,
    secureContext: createSecureContext(secureContextOptions(served)),
  })
  server.on('error', () => undefined)
  const client = connect({
    socket: near,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ca: root,
    minVersion: 'TLSv1.2',
  })
  try {
    return await new Promise((resolve) => {
      client.on('secureConnect', () => resolve(null))
      client.on('error', (error) => resolve(error.message))
    })
  } finally {
    client.destroy()
    server.destroy()
  }
}
