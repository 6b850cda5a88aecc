import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createIssuer } from '../../../src/broker/local-ca/create-local-ca.ts'
import { IssuerFiles } from '../../../src/broker/local-ca/issuer-files.ts'
import { UnexpectedAnswer } from '../../support/acme-client.ts'
import { freePort } from '../../support/child-process.ts'
import { startTestCa } from '../../support/test-ca/test-ca.ts'
import { type Composed, compose, Opened, until } from '../composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

const NAMES = ['.example.com']
const PASSPHRASE = 'drop by drop'
const LABELS = [{ name: 'team-a', names: NAMES, from: ['127.0.0.0/8', '::1/128'] }]
const ENDPOINT = { name: 'fleet', cas: ['ca', 'internal'], eab: 'optional', proof: 'policy', labels: LABELS }

/** The whole server: a CA that takes every challenge, a local CA, and an endpoint over them. */
async function serve(sections: Record<string, unknown> = {}) {
  const ca = opened.add(await startTestCa())
  const settings = { names: NAMES, networks: [], common_name: 'acmetap local CA' }
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust, hosts: ['127.0.0.1'] } },
      {
        sections: {
          broker: [ENDPOINT],
          local_cas: { internal: { names: NAMES, key_passphrase: PASSPHRASE } },
          engine: {
            accounts: [{ ca: 'ca', agree_terms: true }],
            solvers: [{ name: 'web', http: { port: await freePort() } }],
          },
          ...sections,
        },
      },
    ),
  )
  const files = new IssuerFiles(world.data, 'internal')
  await createIssuer(files, settings, { passphrase: PASSPHRASE }, Date.now() * 1000)
  await world.settled()
  return { world, ca }
}

async function registered(world: Composed, path = '/fleet/~team-a/directory') {
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${path}`)
  await client.newAccount()
  return client
}

const issuerOf = (pem: string) => new X509Certificate(pem).issuer

test('a client has certificates of a CA it never saw; the record tells both sides, and who asked', async () => {
  const { world } = await serve()
  const client = await registered(world)
  const { pem, order } = await client.issue(['www.example.com'])
  expect(new X509Certificate(pem).subjectAltName).toBe('DNS:www.example.com')
  expect(issuerOf(pem)).not.toContain('acmetap local CA')
  expect(order).toMatch(/\/fleet\/order\/[A-Za-z0-9_-]{22}$/)

  const seen = await world.exchanges({ mode: 'broker' })
  for (const { intent, outcome } of seen) {
    expect(intent.ca).toBe('fleet')
    expect(outcome?.status, intent.operation).toBeLessThan(300)
    if (intent.jws !== null) expect([intent.jws.verdict, intent.client.label]).toEqual(['verified', 'team-a'])
  }
  const asked = seen.find(({ intent }) => intent.operation === 'newOrder')
  const placed = (await world.exchanges({ mode: 'engine' })).filter(({ intent }) => intent.parent !== null)
  expect(placed.map(({ intent }) => intent.operation)).toContain('newOrder')
  for (const { intent } of placed) expect([intent.ca, intent.parent]).toEqual(['ca', asked?.intent.exchange])

  const { inventory } = world.running.operations
  await until(async () => (await inventory.certificates({ limit: 10 })).items.length > 0)
  const orders = (await inventory.orders({ limit: 10 })).items
  expect(orders.map((one) => one.ca).sort()).toEqual(['ca', 'fleet'])
  // The CA's certificate, and the client's order.
  const told = async () => (await inventory.certificates({ limit: 10 })).items[0]
  await until(async () => (await told())?.client != null)
  const asking = (await inventory.clients({ limit: 10 })).items.find(({ label }) => label === 'team-a')
  expect(await told()).toMatchObject({ ca: 'ca', client: asking?.id })
  const metrics = (await world.admin('/metrics')).body
  expect(metrics).toContain('acmetap_broker_orders_total{endpoint="fleet",ca="ca",outcome="placed"} 1')
  expect(metrics).toContain('acmetap_broker_orders_total{endpoint="fleet",ca="ca",outcome="issued"} 1')
  expect(metrics).toContain('acmetap_broker_issuance_seconds_count{endpoint="fleet",ca="ca"} 1')
})

test('a CA that fails is left for the next one: the client sees nothing of it', async () => {
  const { world, ca } = await serve()
  const client = await registered(world)
  ca.script({ operation: 'newOrder' }, { kind: 'answer', status: 500, body: '{}' })
  expect(issuerOf((await client.issue(['www.example.com'])).pem)).toContain('acmetap local CA')
  const [order] = await world.running.operations.broker.orders({ limit: 1 })
  expect(order).toMatchObject({ ca: 'internal', status: 'valid', left: [{ ca: 'ca' }] })
  expect((await world.admin('/metrics')).body).toMatch(
    /acmetap_broker_orders_total\{endpoint="fleet",ca="ca",outcome="left"\} [1-9]/,
  )
  expect(world.log.map(({ event }) => event)).toContain('broker.moved')
})

test('what a policy denies at one CA goes to the next; what it denies at the endpoint goes nowhere', async () => {
  const { world } = await serve()
  await writeFile(
    join(world.folder, 'policy.yaml'),
    `version: 1
mode: enforce
default: allow
rules:
  - { name: not-there, when: { ca: ca, names: '.inside.example.com' }, effect: deny, message: 'inside stays inside' }
  - { name: no-such-key, when: { ca: ca, key: { type: ECDSA }, names: '.keys.example.com' }, effect: deny, message: 'RSA only' }
  - { name: not-at-all, when: { client: { label: team-a }, names: never.example.com }, effect: deny, message: 'never' }
`,
  )
  await world.addSections({ policy: './policy.yaml' })
  expect(await world.running.reload()).toMatchObject({ ok: true })
  const client = await registered(world)
  expect(issuerOf((await client.issue(['a.inside.example.com'])).pem)).toContain('acmetap local CA')
  // By the kind of its key, which is known with finalize alone: the order moves then, with the same request.
  expect(issuerOf((await client.issue(['a.keys.example.com'])).pem)).toContain('acmetap local CA')
  const denied = await client.issue(['never.example.com']).catch((error: unknown) => error)
  expect(denied).toBeInstanceOf(UnexpectedAnswer)
  const { status, body, fields } = (denied as UnexpectedAnswer).answer
  expect(status).toBe(403)
  expect(body.toString()).toMatch(/rejectedIdentifier.*not-at-all denies never\.example\.com: never/)
  expect(fields['replay-nonce']).toBeDefined()
})

test('endpoints change with the configuration; what they gave out stays good', async () => {
  const { world } = await serve()
  const client = await registered(world)
  const { url } = await client.issue(['www.example.com'])
  const twin = { ...ENDPOINT, staging: ['internal'] }
  await world.addSections({ broker: [twin, { ...ENDPOINT, name: 'lab', cas: ['internal'], labels: LABELS }] })
  expect(await world.running.reload()).toMatchObject({ ok: true })
  for (const path of ['/fleet/staging/~team-a/directory', '/lab/~team-a/directory']) {
    const other = await registered(world, path)
    expect(issuerOf((await other.issue(['lab.example.com'])).pem)).toContain('acmetap local CA')
  }
  expect((await client.post(url)).status).toBe(200)
  await world.restart()
  await world.settled()
  expect((await client.post(url).catch(() => client.post(url))).status).toBe(200)
})

test('what is revoked is in the list of the local CA, for everybody to read', async () => {
  const { world } = await serve({ broker: [{ ...ENDPOINT, cas: ['internal'] }] })
  const client = await registered(world)
  const { pem } = await client.issue(['www.example.com'])
  const list = async () => Buffer.from((await world.admin('/crl/internal.crl')).body, 'latin1')
  const before = await list()
  expect(before.length).toBeGreaterThan(100)
  expect((await client.revoke(pem)).status).toBe(200)
  expect((await list()).length).toBeGreaterThan(before.length)
  for (const path of ['/crl/other.crl', '/crl/internal.9.crl', '/crl/..%2f..%2fetc'])
    expect((await world.admin(path)).status, path).toBe(404)
  await expect(client.revoke(pem)).rejects.toThrow(/alreadyRevoked/)
  const again = await readFile(join(world.data, 'broker.sqlite'))
  expect(again.includes(PASSPHRASE)).toBe(false)
})
