import { hash, type X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { Attempt } from '../../../src/engine/solver.ts'
import type { RespondingSolver } from '../../../src/engine/solvers/http-responder.ts'
import { serverNameOf } from '../../../src/engine/solvers/server-name.ts'
import { createTlsAlpn } from '../../../src/engine/solvers/tls-alpn.ts'
import { attemptFor, context, type SolverWorld, solverContract } from '../../contract/solver.contract.ts'

const anywhere = { address: '127.0.0.1', port: 0 }

/** The handshake of a validator: what it negotiated and the certificate; rejects where the handshake fails. */
async function shake(port: number, options: ConnectionOptions) {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  socket.on('error', () => undefined)
  const [event] = await Promise.race([
    once(socket, 'secureConnect').then(() => ['secure'] as const),
    once(socket, 'close').then(() => ['closed'] as const),
  ])
  if (event === 'closed') throw new Error('the handshake failed')
  const certificate = socket.getPeerX509Certificate() as X509Certificate
  const { alpnProtocol } = socket
  const closed = once(socket, 'close')
  socket.destroy()
  await closed
  return { certificate, alpnProtocol, protocol: socket.getProtocol() }
}

/** As RFC 8737 §3 wants it: one name, one critical extension with the digest. */
function satisfies(certificate: X509Certificate, { identifier, keyAuthorization }: Attempt): boolean {
  const digest = hash('sha256', keyAuthorization, 'buffer')
  // SEQUENCE { OID 1.3.6.1.5.5.7.1.31, TRUE, OCTET STRING { OCTET STRING digest } }
  const extension = Buffer.concat([
    Buffer.from('303106082b060105050701 1f0101ff04220420'.replace(' ', ''), 'hex'),
    digest,
  ])
  const names =
    identifier.type === 'ip' ? `IP Address:${identifier.value.toUpperCase()}` : `DNS:${identifier.value}`
  return certificate.raw.includes(extension) && certificate.subjectAltName === names
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function open(): Promise<SolverWorld> {
  const port = await freePort()
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  return {
    make: () => createTlsAlpn('tls', { ...anywhere, port }),
    async sees(attempt) {
      const seen = await shake(port, {
        servername: serverNameOf(attempt.identifier),
        ALPNProtocols: ['acme-tls/1'],
      }).catch(() => null)
      return seen?.alpnProtocol === 'acme-tls/1' && satisfies(seen.certificate, attempt)
    },
    broken: () => createTlsAlpn('tls', { ...anywhere, port: (taken.address() as AddressInfo).port }),
    async close() {
      taken.close()
    },
  }
}

solverContract('tls-alpn-01 responder', 'tls-alpn-01', open, { volatile: true })

describe('tls-alpn-01 responder (RFC 8737)', () => {
  let responder: RespondingSolver
  const attempt = attemptFor('www.example.test', 'tls-alpn-01')
  const started = async (...attempts: Attempt[]) => {
    responder = createTlsAlpn('tls', anywhere)
    const { port } = await responder.listen()
    for (const one of attempts) await responder.present(one, context())
    return port
  }
  afterEach(() => responder.close())
  const ACME = { ALPNProtocols: ['acme-tls/1'] }

  it('has a certificate of one name, self-signed, with the critical digest', async () => {
    const port = await started(attempt)
    const { certificate, alpnProtocol } = await shake(port, { ...ACME, servername: 'www.example.test' })
    expect(alpnProtocol).toBe('acme-tls/1')
    expect(satisfies(certificate, attempt)).toBe(true)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.subject).toBe('O=acmetap')
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const port = await started(attempt)
    const seen = await shake(port, {
      ...ACME,
      servername: 'www.example.test',
      minVersion: version,
      maxVersion: version,
    })
    expect(satisfies(seen.certificate, attempt)).toBe(true)
  })

  it('answers for a name in capitals', async () => {
    const port = await started(attempt)
    expect(
      satisfies((await shake(port, { ...ACME, servername: 'WWW.Example.TEST' })).certificate, attempt),
    ).toBe(true)
  })

  it.each([
    ['another name', { ...ACME, servername: 'other.example.test' }],
    ['a name below', { ...ACME, servername: 'a.www.example.test' }],
    ['no name', { ...ACME, servername: '' }],
    ['another protocol', { ALPNProtocols: ['http/1.1'], servername: 'www.example.test' }],
    ['more protocols', { ALPNProtocols: ['acme-tls/1', 'h2'], servername: 'www.example.test' }],
    [
      'TLS 1.1',
      {
        ...ACME,
        servername: 'www.example.test',
        minVersion: 'TLSv1' as const,
        maxVersion: 'TLSv1.1' as const,
      },
    ],
  ])('refuses the handshake for %s', async (_what, options) => {
    const port = await started(attempt)
    await expect(shake(port, options)).rejects.toThrow()
  })

  it('says nothing to whoever offers no protocol', async () => {
    const port = await started(attempt)
    const socket = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      servername: 'www.example.test',
    })
    socket.on('error', () => undefined)
    let said = 0
    socket.on('data', (part: Buffer) => {
      said += part.length
    })
    socket.write('GET / HTTP/1.1\r\nHost: www.example.test\r\n\r\n')
    await once(socket, 'close')
    expect(said).toBe(0)
  })

  it.each([
    ['192.0.2.7', '7.2.0.192.in-addr.arpa'],
    ['2001:db8::1', '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa'],
  ])('answers for %s by the name in the reverse tree (RFC 8738 §6)', async (value, servername) => {
    const one = attemptFor(value, 'tls-alpn-01', { identifier: { type: 'ip', value } })
    const port = await started(one)
    const { certificate } = await shake(port, { ...ACME, servername })
    expect(certificate.raw.includes(hash('sha256', one.keyAuthorization, 'buffer'))).toBe(true)
    expect(certificate.checkIP(value)).toBeDefined()
    expect(certificate.subjectAltName).toMatch(/^IP Address:[^,]+$/)
  })

  it('answers for the newer of two challenges for one name, and then for the older', async () => {
    const newer = attemptFor('www.example.test', 'tls-alpn-01', { seed: 'newer' })
    const port = await started(attempt, newer)
    const seen = async () => (await shake(port, { ...ACME, servername: 'www.example.test' })).certificate
    expect(satisfies(await seen(), newer)).toBe(true)
    await responder.cleanUp(newer, context())
    expect(satisfies(await seen(), attempt)).toBe(true)
  })
})
