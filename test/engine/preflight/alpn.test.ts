import { once } from 'node:events'
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { examineDomain } from '../../../src/engine/preflight/examine-domain.ts'
import { makeRoot, makeServerCertificate } from '../../support/test-ca/certificates.ts'

const root = makeRoot()
let server: Server | null = null

afterEach(async () => {
  if (server === null) return
  const closed = once(server, 'close')
  server.close()
  await closed
  server = null
})

async function open(tls: Server): Promise<number> {
  server = tls.listen(0, '127.0.0.1')
  tls.on('tlsClientError', () => undefined)
  await once(tls, 'listening')
  return (tls.address() as AddressInfo).port
}

function secure(name: string, options: TlsOptions): Promise<number> {
  const { pem, keyPem } = makeServerCertificate({ names: [name], issuer: root })
  return open(
    createServer({ cert: pem, key: keyPem, ...options }, (socket) =>
      socket.on('error', () => undefined).resume(),
    ),
  )
}

/** An IP address as the name: no DNS is in the way then (RFC 8738). */
async function look(https: number) {
  const { all } = await examineDomain({
    name: '127.0.0.1',
    wildcard: false,
    challenge: 'tls-alpn-01',
    issuer: null,
    account: null,
    resolvers: [],
    ports: { http: 80, https, dns: 53 },
    notPublic: () => null,
    patience: { dns: 300, answer: 1000, all: 5000 },
  })
  expect(all).toHaveLength(1)
  return all[0]!
}

describe('doctor domain --challenge tls-alpn-01, RFC 8737 §3', () => {
  test('a client that answers', async () => {
    const port = await secure('127.0.0.1', { ALPNProtocols: ['acme-tls/1'] })
    expect(await look(port)).toMatchObject({ check: 'alpn', state: 'ok' })
  })

  test('a certificate for another name', async () => {
    const port = await secure('other.test', { ALPNProtocols: ['acme-tls/1'] })
    expect(await look(port)).toMatchObject({
      check: 'alpn',
      state: 'fail',
      says: expect.stringMatching(/certificate for DNS:other\.test/),
      remedy: expect.stringMatching(/must name this one name/),
    })
  })

  test('a server that does not offer it now', async () => {
    const port = await secure('127.0.0.1', { ALPNProtocols: ['http/1.1'] })
    expect(await look(port)).toMatchObject({
      check: 'alpn',
      state: 'note',
      remedy: expect.stringMatching(/pass acme-tls\/1 on untouched/),
    })
  })

  test('a server that has not heard of protocols', async () => {
    const port = await secure('127.0.0.1', {})
    expect(await look(port)).toMatchObject({
      check: 'alpn',
      state: 'fail',
      says: expect.stringMatching(/completed without a protocol/),
      remedy: expect.stringMatching(/load balancer, CDN or old web server/),
    })
  })

  test('no TLS there', async () => {
    const port = await open(
      createTcp(
        (socket) =>
          void socket
            .on('error', () => undefined)
            .resume()
            .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
      ),
    )
    expect(await look(port)).toMatchObject({
      check: 'other-server',
      state: 'fail',
      remedy: expect.stringMatching(/Another service/),
    })
  })

  test('nobody there', async () => {
    const port = await open(createTcp())
    const closed = once(server!, 'close')
    server!.close()
    await closed
    server = null
    expect(await look(port)).toMatchObject({ check: 'connection-refused', state: 'fail' })
  })
})
