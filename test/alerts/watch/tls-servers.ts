/** Servers that show certificates, honest and otherwise, for tests of what looks at them. Loopback only. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { readPlace } from '../../../src/alerts/watch/place.ts'
import { type Probed, probe, watchDial } from '../../../src/alerts/watch/probe.ts'
import { rootsWith } from '../../../src/alerts/watch/roots.ts'
import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import type { Resolve } from '../../../src/ca/resolve.ts'
import { createResolve } from '../../../src/ca/resolve.ts'
import {
  makeRoot,
  makeServerCertificate,
  type ServerCertificate,
} from '../../support/test-ca/certificates.ts'

export const ROOT = makeRoot('Root of the watched')
export const ROOTS = rootsWith([ROOT.pem])
export const DAY = 86_400_000

export interface Door {
  readonly port: number
  /** Everything that clients sent in plain text. */
  readonly said: () => string
  close(): Promise<void>
}

/** A TCP server; `talk` is given each connection and a way to go on in TLS. */
export async function openDoor(
  talk: (socket: Socket, secure: () => TLSSocket) => void,
  options: {
    readonly certificate?: ServerCertificate
    readonly host?: string
  } = {},
): Promise<Door> {
  const { key, pem } = served(options.certificate)
  const open = new Set<Socket>()
  const said: Buffer[] = []
  const server: Server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    const hear = (bytes: Buffer) => said.push(bytes)
    socket.on('data', hear)
    talk(socket, () => {
      socket.off('data', hear)
      socket.removeAllListeners('data')
      const secured = new TLSSocket(socket, {
        isServer: true,
        secureContext: createSecureContext({ key, cert: pem }),
      })
      secured.on('error', () => undefined)
      return secured
    })
  })
  server.listen(0, options.host ?? '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    said: () => Buffer.concat(said).toString('latin1'),
    async close() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function served(certificate = certificateFor(['watched.test'])) {
  return { key: certificate.keyPem, pem: certificate.pem }
}

export function certificateFor(
  names: readonly string[],
  options: { readonly from?: number; readonly days?: number; readonly issuer?: typeof ROOT | 'self' } = {},
): ServerCertificate {
  const { from = -1, days = 30, issuer = ROOT } = options
  return makeServerCertificate({
    names,
    issuer,
    notBefore: new Date(Date.now() + from * DAY),
    notAfter: new Date(Date.now() + days * DAY),
  })
}

/** Names that end in .test are this machine; any other goes to the system. */
export const resolveHere: Resolve = async (host, signal) =>
  host.endsWith('.test') ? ['127.0.0.1'] : createResolve()(host, signal)

export function look(endpoint: string, timeout = 5000, resolve: Resolve = resolveHere): Promise<Probed> {
  const dial = watchDial({ resolve, own: new OwnAddresses(), proxy: null })
  return probe(readPlace(endpoint), { dial, roots: ROOTS, timeout })
}
