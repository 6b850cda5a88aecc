import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AdminCertificates } from '../../src/app/admin-tls.ts'
import { prepareListenerRoot } from '../../src/app/listeners.ts'
import { type Config, configSchema } from '../../src/config/schema.ts'
import type { CertificateEvent } from '../../src/proxy/listener-options.ts'
import { openAdmin } from '../api/example-operations.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'

let folder: string
let events: CertificateEvent[]
let app: FastifyInstance | null
let certificates: AdminCertificates | null
const root = makeRoot('Operators')

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'admin-tls-'))
  events = []
  app = certificates = null
})
afterEach(async () => {
  certificates?.close()
  await app?.close()
  await rm(folder, { recursive: true, force: true })
})

function configOf(admin: object): Config {
  const parsed = configSchema.parse({
    version: 1,
    data: folder,
    listeners: { admin: { tls: true, ...admin } },
  })
  return { ...parsed, data: folder }
}

async function open(admin: object) {
  const config = configOf(admin)
  await prepareListenerRoot(config)
  certificates = await AdminCertificates.open(config, (event) => events.push(event))
  const opened = await openAdmin(undefined, { tls: certificates })
  app = opened.app
  await app.listen({ host: '127.0.0.1', port: 0 })
  return opened
}

/** The status, and the subject names of who answered; rejects where TLS does. */
function ask(options: ConnectionOptions, path = '/healthz', headers = {}) {
  const { port } = app!.server.address() as AddressInfo
  return new Promise<{ status: number; names: string; strict: unknown }>((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, agent: false, servername: 'localhost', headers, ...options },
      (response) => {
        const socket = response.socket as unknown as { getPeerCertificate(): { subjectaltname: string } }
        const names = socket.getPeerCertificate().subjectaltname
        response.resume().on('end', () => {
          resolve({
            status: response.statusCode!,
            names,
            strict: response.headers['strict-transport-security'],
          })
        })
      },
    )
    outgoing.on('error', reject).end()
  })
}

async function files(name: string, pair: { pem: string; keyPem: string }) {
  const certificate = { chain: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  await writeFile(certificate.chain, pair.pem)
  await writeFile(certificate.key, pair.keyPem, { mode: 0o600 })
  return certificate
}

test('a certificate of the listener root, for the configured names', async () => {
  const { bearer } = await open({ names: ['localhost', 'tap.example'] })
  const ca = await readFile(join(folder, 'listener-root.pem'), 'utf8')
  const answer = await ask({ ca }, '/api/v1/orders', await bearer('viewer'))
  expect(answer).toEqual({ status: 200, names: 'DNS:localhost, DNS:tap.example', strict: 'max-age=31536000' })
  expect((await ask({ ca }, '/api/v1/orders')).status).toBe(401)
  await expect(ask({ ca: root.pem })).rejects.toThrow()
  await expect(ask({ ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' })).rejects.toThrow()
})

test('files, and other files in their place without a restart', async () => {
  const certificate = await files(
    'leaf',
    makeServerCertificate({ names: ['localhost', 'old.example'], issuer: root }),
  )
  await open({ certificate })
  expect((await ask({ ca: root.pem })).names).toContain('old.example')
  await files('leaf', makeServerCertificate({ names: ['localhost', 'new.example'], issuer: root }))
  await certificates!.check()
  expect((await ask({ ca: root.pem })).names).toContain('new.example')
  expect(events.map(({ kind }) => kind)).toEqual(['certificateReplaced'])
  await writeFile(certificate.chain, 'nothing')
  await certificates!.check()
  await certificates!.check()
  expect((await ask({ ca: root.pem })).names).toContain('new.example')
  expect(events.at(-1)?.kind).toBe('certificateRefused')
})

test.each([true, false])('client certificates, required: %s', async (required) => {
  const trust = join(folder, 'operators.pem')
  await writeFile(trust, root.pem)
  const { bearer } = await open({ client_certificates: { trust, required } })
  const ca = await readFile(join(folder, 'listener-root.pem'), 'utf8')
  const good = makeServerCertificate({ names: ['operator.example'], issuer: root })
  const bad = makeServerCertificate({ names: ['operator.example'], issuer: makeRoot('Others') })
  const expired = makeServerCertificate({
    names: ['operator.example'],
    issuer: root,
    notBefore: new Date(Date.now() - 9e7),
    notAfter: new Date(Date.now() - 1e6),
  })
  const shown = (pair: typeof good) => ({ ca, cert: pair.pem, key: pair.keyPem })
  expect((await ask(shown(good))).status).toBe(200)
  // Either way a token is asked for beside it.
  expect((await ask(shown(good), '/api/v1/orders')).status).toBe(401)
  expect((await ask(shown(good), '/api/v1/orders', await bearer('viewer'))).status).toBe(200)
  await expect(ask(shown(bad))).rejects.toThrow()
  await expect(ask(shown(expired))).rejects.toThrow()
  if (required) await expect(ask({ ca })).rejects.toThrow()
  else expect((await ask({ ca })).status).toBe(200)
})

test('whose certificates are taken changes with the file; a file without one changes nothing', async () => {
  const trust = join(folder, 'operators.pem')
  await writeFile(trust, root.pem)
  await open({ client_certificates: { trust, required: true } })
  const ca = await readFile(join(folder, 'listener-root.pem'), 'utf8')
  const others = makeRoot('Others')
  const one = makeServerCertificate({ names: ['x.example'], issuer: root })
  const other = makeServerCertificate({ names: ['x.example'], issuer: others })
  const shown = (pair: typeof one) => ({ ca, cert: pair.pem, key: pair.keyPem })
  await writeFile(trust, others.pem)
  await certificates!.check()
  expect((await ask(shown(other))).status).toBe(200)
  await expect(ask(shown(one))).rejects.toThrow()
  await writeFile(trust, '# none yet\n')
  await certificates!.check()
  await certificates!.check()
  expect((await ask(shown(other))).status).toBe(200)
  expect(events.map(({ kind }) => kind)).toEqual(['certificateReplaced', 'certificateRefused'])
})

test('a file of roots without one stops the start', async () => {
  const trust = join(folder, 'operators.pem')
  await writeFile(trust, '')
  await expect(open({ client_certificates: { trust } })).rejects.toThrow(
    /operators\.pem holds no certificate/,
  )
})
