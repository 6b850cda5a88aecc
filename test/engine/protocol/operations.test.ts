/** Every operation of RFC 8555 as the engine sends it, through the real stages to a CA that speaks it. */
import { X509Certificate } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { readLeaf } from '../../../src/acme/certificate.ts'
import { makeAccountKey, type Signer, signerOf } from '../../../src/engine/account-key.ts'
import type { AcmeSession } from '../../../src/engine/acme-session.ts'
import { deactivateAuthorization, fetchAuthorization } from '../../../src/engine/authorization.ts'
import { answerChallenge, keyAuthorization } from '../../../src/engine/challenge.ts'
import { downloadCertificate } from '../../../src/engine/download-certificate.ts'
import { finalize } from '../../../src/engine/finalize.ts'
import { newAccount } from '../../../src/engine/new-account.ts'
import { newAuthz } from '../../../src/engine/new-authz.ts'
import { fetchOrder, newOrder } from '../../../src/engine/new-order.ts'
import type { OrderObject } from '../../../src/engine/order-object.ts'
import { ordersList } from '../../../src/engine/orders-list.ts'
import { renewalInfo } from '../../../src/engine/renewal-info.ts'
import { revokeCertificate } from '../../../src/engine/revocation.ts'
import { Refusal } from '../../support/test-ca/answer.ts'
import { makeRoot } from '../../support/test-ca/certificates.ts'
import { faultOf, type ProtocolWorld, requestFor, SIGNAL, startProtocolWorld } from './protocol-world.ts'

let world: ProtocolWorld | null = null
afterEach(async () => {
  await world?.close()
  world = null
})

async function registered(): Promise<{ world: ProtocolWorld; session: AcmeSession; signer: Signer }> {
  world = await startProtocolWorld()
  const session = world.stages.session()
  const bare = signerOf(await makeAccountKey('ec256'), null)
  const wanted = { contact: [], agreeTerms: true, external: null }
  const { url } = await newAccount(session, bare, wanted, SIGNAL)
  return { world, session, signer: { ...bare, kid: url } }
}

const dns = (...names: string[]) => names.map((value) => ({ type: 'dns', value }))
const plain = { profile: null, replaces: null }

async function authorized(session: AcmeSession, signer: Signer, order: OrderObject): Promise<void> {
  for (const url of order.authorizations) {
    const { challenges } = await fetchAuthorization(session, signer, url, SIGNAL)
    await answerChallenge(session, signer, challenges[0]!.url, SIGNAL)
  }
}

test('an issuance takes as few requests as there can be, and all of them are verified', async () => {
  const { world, session, signer } = await registered()
  const announced: string[] = []
  const announce = async (exchange: string) => void announced.push(exchange)
  const { order } = await newOrder(
    session,
    signer,
    { identifiers: dns('a.example'), ...plain, announce },
    SIGNAL,
  )
  expect(order).toMatchObject({ status: 'pending', identifiers: dns('a.example'), certificate: null })
  const [challenge] = (await fetchAuthorization(session, signer, order.authorizations[0]!, SIGNAL)).challenges
  expect(keyAuthorization(challenge!.token, signer)).toBe(`${challenge!.token}.${signer.thumbprint}`)
  expect(await answerChallenge(session, signer, challenge!.url, SIGNAL)).toMatchObject({ status: 'valid' })
  const ready = await fetchOrder(session, signer, order.url, SIGNAL)
  expect(ready.status).toBe('ready')
  const { csr } = requestFor(['a.example'])
  const done = await finalize(
    session,
    signer,
    { order: order.url, url: ready.finalize, csr, announce },
    SIGNAL,
  )
  expect(done).toMatchObject({ status: 'valid', url: order.url })
  const chain = await downloadCertificate(session, signer, done.certificate!, SIGNAL)
  expect(chain.certificates.map(({ ca }) => ca)).toEqual([false, true])
  expect(new X509Certificate(chain.pem).subjectAltName).toBe('DNS:a.example')

  const { exchanges } = world.stages
  expect(exchanges.map(({ operation, request }) => `${request.method} ${operation}`)).toEqual([
    'GET directory',
    'GET newNonce',
    'POST newAccount',
    'POST newOrder',
    'POST authorization',
    'POST challenge',
    'POST order',
    'POST finalize',
    'POST certificate',
  ])
  const posts = exchanges.filter(({ request }) => request.method === 'POST')
  expect(posts.map(({ inspection }) => inspection?.verdict)).toEqual(posts.map(() => 'verified'))
  expect(exchanges.flatMap(({ ambiguities }) => ambiguities)).toEqual([])
  const byOperation = (name: string) => posts.find(({ operation }) => operation === name)!
  expect(announced).toEqual([byOperation('newOrder').id, byOperation('finalize').id])
  const nonces = posts.map(({ inspection }) => inspection!.jws.header.nonce)
  expect(new Set(nonces).size).toBe(nonces.length)
  for (const { fields, httpVersion } of posts.map(({ request }) => request)) {
    expect(httpVersion).toBe('1.1')
    expect(fields).toContainEqual(['Content-Type', 'application/jose+json'])
    expect(fields).toContainEqual(['Accept-Language', 'en'])
  }
})

test('profiles: one the CA has is asked for, any other is refused before anything is sent', async () => {
  const { world, session, signer } = await registered()
  const wanted = { identifiers: dns('a.example'), replaces: null, profile: 'shortlived' }
  expect(await faultOf(newOrder(session, signer, wanted, SIGNAL))).toBe(
    'input: the CA "test-ca" has no profile "shortlived"; it has no profiles: leave profile out',
  )
  world.ca.state.offers.profiles = { classic: 'text', tlsserver: 'text' }
  const fresh = world.stages.session()
  const before = world.stages.exchanges.length
  expect(await faultOf(newOrder(fresh, signer, wanted, SIGNAL))).toBe(
    'input: the CA "test-ca" has no profile "shortlived"; it has classic, tlsserver',
  )
  expect(world.stages.exchanges.slice(before).map(({ operation }) => operation)).toEqual(['directory'])
  const { order } = await newOrder(fresh, signer, { ...wanted, profile: 'tlsserver' }, SIGNAL)
  expect(order.profile).toBe('tlsserver')
})

test.each([
  new Refusal('alreadyReplaced', 'cannot indicate an order replaces certificate, which already has one'),
  new Refusal(
    'unauthorized',
    'requester account did not request the certificate being replaced by this order',
  ),
  new Refusal('malformed', 'parsing ARI CertID failed'),
])('replaces: $type makes it ask once more without it, announced anew', async (refusal) => {
  const { world, session, signer } = await registered()
  const announced: string[] = []
  const wanted = {
    identifiers: dns('a.example'),
    profile: null,
    replaces: 'aaaa.bbbb',
    announce: async (exchange: string) => void announced.push(exchange),
  }
  expect((await newOrder(session, signer, wanted, SIGNAL)).replaces).toBe('aaaa.bbbb')
  world.ca.state.offers.isReplaceable = () => refusal
  expect((await newOrder(session, signer, wanted, SIGNAL)).replaces).toBeNull()
  const orders = world.stages.exchanges.filter(({ operation }) => operation === 'newOrder')
  expect(announced).toEqual(orders.map(({ id }) => id))
  expect(orders.map(({ asked }) => asked?.kind === 'order' && asked.replaces)).toEqual([
    'aaaa.bbbb',
    'aaaa.bbbb',
    null,
  ])
  expect(world.ca.state.orders.size).toBe(2)
})

test('another refusal of an order that replaces is not tried again', async () => {
  const { world, session, signer } = await registered()
  world.ca.state.offers.isReplaceable = () => new Refusal('rejectedIdentifier', 'replace that name')
  const wanted = { identifiers: dns('a.example'), profile: null, replaces: 'aaaa.bbbb' }
  expect(await faultOf(newOrder(session, signer, wanted, SIGNAL))).toBe(
    'problem: the CA "test-ca" refused newOrder: replace that name (rejectedIdentifier)',
  )
  expect(world.stages.operations().filter((name) => name === 'newOrder')).toHaveLength(1)
})

test('IP identifiers go out as RFC 5952 has them, wildcards come back with their star said apart', async () => {
  const { world, session, signer } = await registered()
  const identifiers = [
    { type: 'ip', value: '2001:DB8:0:0::1' },
    { type: 'ip', value: '192.0.2.7' },
    ...dns('*.Example.NET', 'example.net'),
  ]
  const { order } = await newOrder(session, signer, { identifiers, ...plain }, SIGNAL)
  expect(order.identifiers.map(({ value }) => value)).toEqual([
    '2001:db8::1',
    '192.0.2.7',
    '*.example.net',
    'example.net',
  ])
  const shown = []
  for (const url of order.authorizations) shown.push(await fetchAuthorization(session, signer, url, SIGNAL))
  expect(shown.map(({ identifier, wildcard }) => [identifier.value, wildcard])).toEqual([
    ['2001:db8::1', false],
    ['192.0.2.7', false],
    ['example.net', true],
    ['example.net', false],
  ])
  expect((await deactivateAuthorization(session, signer, shown[0]!.url, SIGNAL)).status).toBe('deactivated')
  expect((await fetchOrder(session, signer, order.url, SIGNAL)).status).toBe('invalid')
  expect(world.ca.state.orders.size).toBe(1)
})

test('newAuthz, where the CA offers it', async () => {
  const { world, session, signer } = await registered()
  const [name] = dns('a.example')
  expect(await faultOf(newAuthz(session, signer, name!, SIGNAL))).toMatch(/^input: .*does not offer newAuthz/)
  world.ca.state.offers.newAuthz = true
  const fresh = world.stages.session()
  const made = await newAuthz(fresh, signer, name!, SIGNAL)
  expect(made).toMatchObject({ status: 'pending', identifier: name })
  expect(made.challenges.map(({ type }) => type)).toEqual(['http-01', 'dns-01', 'tls-alpn-01'])
  expect(await fetchAuthorization(fresh, signer, made.url, SIGNAL)).toMatchObject({ url: made.url })
})

test('chains, renewal information and revocation', async () => {
  const { world, session, signer } = await registered()
  world.ca.state.offers.alternate = makeRoot('Another Root')
  const issue = async (name: string) => {
    const { order } = await newOrder(session, signer, { identifiers: dns(name), ...plain }, SIGNAL)
    await authorized(session, signer, order)
    const { csr, key } = requestFor([name])
    const done = await finalize(session, signer, { order: order.url, url: order.finalize, csr }, SIGNAL)
    return { key, chain: await downloadCertificate(session, signer, done.certificate!, SIGNAL) }
  }
  const { chain } = await issue('a.example')
  expect(chain.alternates).toHaveLength(1)
  const other = await downloadCertificate(session, signer, chain.alternates[0]!, SIGNAL)
  expect(other.certificates.map(({ subject }) => subject)).toEqual([
    chain.certificates[0]!.subject,
    'CN=Another Root',
  ])

  const der = chain.certificates[0]!.raw
  const { ariId } = readLeaf(der)!
  const window = (await renewalInfo(session, ariId!, SIGNAL))!
  expect(window.end - window.start).toBe(2 * 86_400_000_000)
  expect([window.retryAfter, window.explanation]).toEqual([21600, null])
  expect(await faultOf(renewalInfo(session, '../x', SIGNAL))).toMatch(/^input: /)

  for (const reason of [2, 6, 7, 8, 10, 11, -1, 1.5, Number.NaN]) {
    const fault = await faultOf(revokeCertificate(session, signer, der, reason, SIGNAL))
    expect(fault).toMatch(/^input: the reason .* Give one of 0 \(unspecified\), 1 \(keyCompromise\), 3 /)
  }
  expect(world.stages.operations()).not.toContain('revokeCert')
  expect(await revokeCertificate(session, signer, der, 4, SIGNAL)).toBe('revoked')
  expect(await revokeCertificate(session, signer, der, 4, SIGNAL)).toBe('alreadyRevoked')
  const second = await issue('b.example')
  const byKey = signerOf(second.key, null)
  expect(await revokeCertificate(session, byKey, second.chain.certificates[0]!.raw, 1, SIGNAL)).toBe(
    'revoked',
  )
  expect([...world.ca.state.certificates.values()].map(({ revoked }) => revoked)).toEqual([true, true])
  expect(world.stages.exchanges.at(-1)!.inspection).toMatchObject({ verdict: 'verified' })
})

async function listed(session: AcmeSession, signer: Signer, list: string): Promise<string[]> {
  const orders: string[] = []
  for await (const url of ordersList(session, signer, list, SIGNAL)) orders.push(url)
  return orders
}

test('the orders list is read page by page, and only as far as it is asked for', async () => {
  const { world, session, signer } = await registered()
  world.ca.state.offers.ordersPerPage = 2
  const made: string[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const identifiers = dns(`${name}.example`)
    made.push((await newOrder(session, signer, { identifiers, ...plain }, SIGNAL)).order.url)
  }
  const list = `${signer.kid}/orders`
  expect(await listed(session, signer, list)).toEqual(made)
  expect(world.stages.operations().filter((name) => name === 'orders')).toHaveLength(3)
  for await (const url of ordersList(session, signer, list, SIGNAL)) {
    expect(url).toBe(made[0])
    break
  }
  expect(world.stages.operations().filter((name) => name === 'orders')).toHaveLength(4)

  // A list that leads to itself, and one that never ends.
  const body = (n: number) => JSON.stringify({ orders: [`https://${world.ca.authority}/order/${n}`] })
  const link = (n: number) => ['Link', `<${list}?from=${n}>;rel="next"`] as const
  const fields = [['Content-Type', 'application/json']] as const
  const loop = world.ca.script(
    { operation: 'orders' },
    { kind: 'answer', status: 200, body: body(1), fields: [...fields, link(7)] },
  )
  expect(await listed(session, signer, list)).toHaveLength(2)
  loop.remove()
  for (let n = 0; n < 60; n++) {
    world.ca.script(
      { operation: 'orders', path: n === 0 ? /orders$/ : new RegExp(`from=${n}$`) },
      { kind: 'answer', status: 200, body: body(n), fields: [...fields, link(n + 1)] },
    )
  }
  expect(await listed(session, signer, list)).toHaveLength(50)
})
