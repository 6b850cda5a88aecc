import { hash, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { AcmeProblem } from '../../acme/problem.ts'
import { hostOf } from '../../engine/solvers/http-host.ts'
import { serverNameOf } from '../../engine/solvers/server-name.ts'
import type { ValidationRequest } from '../validate.ts'
import { addressesOf } from './addresses.ts'
import type { Perspective } from './perspective.ts'
import { tlsFault } from './tls-fault.ts'
import { certificateFault } from './validation-certificate-fault.ts'

const PROTOCOL = 'acme-tls/1'

/**
 * RFC 8737 §3, RFC 8738 §6: a handshake for `acme-tls/1` alone brings a self-signed certificate with this one name and the
 * digest. IPv6 first, then IPv4. Rejects with AcmeProblem, or CannotTell.
 */
export async function validateTlsAlpn01(request: ValidationRequest, perspective: Perspective): Promise<void> {
  const { tlsPort } = perspective.settings
  const name = hostOf(request.identifier)
  const [first, second] = await addressesOf(perspective, name, tlsPort)
  const taken = await take(request, perspective, first, second === undefined ? 1 : 0.5).catch(
    (error: unknown) => {
      if (second === undefined || !(error instanceof AcmeProblem)) throw error
      return null
    },
  )
  const { address, protocol, certificate } = taken ?? (await take(request, perspective, second!, 1))
  if (protocol !== PROTOCOL)
    throw new AcmeProblem(
      'unauthorized',
      `Cannot negotiate ALPN protocol "${PROTOCOL}" for tls-alpn-01 challenge`,
    )
  if (certificate === null)
    throw new AcmeProblem('unauthorized', 'No certs presented for tls-alpn-01 challenge')
  const digest = hash('sha256', request.keyAuthorization, 'buffer')
  const fault = certificateFault(certificate, request.identifier, digest)
  if (fault === null) return
  const place = `${isIP(address) === 6 ? `[${address}]` : address}:${tlsPort}`
  throw new AcmeProblem(
    'unauthorized',
    `Incorrect validation certificate for tls-alpn-01 challenge. Requested ${name} from ${place}. ${fault}`,
  )
}

interface Taken {
  readonly address: string
  readonly protocol: string | null
  readonly certificate: X509Certificate | null
}

function take(
  { identifier }: ValidationRequest,
  { settings, from, signal, left }: Perspective,
  address: string,
  share: number,
): Promise<Taken> {
  return new Promise((resolve, reject) => {
    let connected = false
    const fail = (type: 'connection' | 'malformed' | 'tls', says: string) =>
      end(() => reject(new AcmeProblem(type, `${address}: ${says}`)))
    const late = () =>
      fail(
        'connection',
        connected
          ? 'Timeout after connect (your server may be slow or overloaded)'
          : 'Timeout during connect (likely firewall problem)',
      )
    const socket: TLSSocket = connect({
      host: address,
      port: settings.tlsPort,
      ...(from === null ? {} : { localAddress: from }),
      servername: serverNameOf(identifier),
      ALPNProtocols: [PROTOCOL],
      // What vouches for it is the digest in it.
      rejectUnauthorized: false,
    })
    const timer = setTimeout(late, left() * share)
    const end = (settle: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', late)
      settle()
      socket.destroy()
    }
    signal.addEventListener('abort', late, { once: true })
    socket.once('connect', () => {
      connected = true
    })
    socket.once('secureConnect', () =>
      end(() =>
        resolve({
          address,
          protocol: socket.alpnProtocol || null,
          certificate: socket.getPeerX509Certificate() ?? null,
        }),
      ),
    )
    socket.on('error', (error: NodeJS.ErrnoException) => fail(...told(error)))
    socket.on('close', () => fail('connection', 'Connection reset by peer'))
    if (signal.aborted) late()
  })
}

function told(error: NodeJS.ErrnoException): readonly ['connection' | 'malformed' | 'tls', string] {
  switch (error.code) {
    case 'ECONNREFUSED':
      return ['connection', 'Connection refused']
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return ['connection', 'Network unreachable']
    case 'ETIMEDOUT':
      return ['connection', 'Timeout during connect (likely firewall problem)']
    case 'ECONNRESET':
    case 'EPIPE':
      return ['connection', 'Connection reset by peer']
    default:
      return tlsFault(error)
  }
}
