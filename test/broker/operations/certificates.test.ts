import { generateKeyPairSync } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import type { Jwk } from '../../../src/acme/jwk.ts'
import { issuerError } from '../../support/broker/fake-issuer.ts'
import { fieldOf, idOf, OperationsWorld } from '../../support/broker/operations-world.ts'
import { type AccountKeyPair, makeAccountKey, thumbprintOf } from '../../support/sign-jws.ts'
import { makeCsr } from '../../support/test-ca/certificates.ts'

let world = new OperationsWorld()
afterEach(() => world.close())
const urn = (name: string) => `urn:ietf:params:acme:error:${name}`

/** A certificate of that account, and its key. */
async function issued(endpoint: ConstructorParameters<typeof OperationsWorld>[0] = {}) {
  world = new OperationsWorld(endpoint)
  const account = await world.bound()
  const order = await world.order(account, ['www.a.example'])
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const csr = makeCsr(privateKey, spki, order.json.identifiers).toString('base64url')
  const reply = await world.ask('finalize', { csr }, { account, ids: [idOf(fieldOf(order, 'location'))] })
  const owner = { endpoint: 'fleet', account: account.id }
  const kept = (await world.store.certificate(owner, idOf(reply.json.certificate)))!
  const [, pem = ''] = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END/.exec(kept.chains[0]!) ?? []
  const certificate = Buffer.from(pem, 'base64').toString('base64url')
  const jwk = publicKey.export({ format: 'jwk' }) as unknown as Jwk
  const key: AccountKeyPair = { alg: 'ES256', privateKey, publicKey, jwk, thumbprint: thumbprintOf(jwk) }
  const current = async () => (await world.store.certificate(owner, kept.id))!
  return { account, certificate, kept, key, current }
}

test('RFC 8555 §7.6: by the account that has it, once, under our account at the CA', async () => {
  const { account, certificate, kept, current } = await issued()
  const reply = await world.ask('revokeCert', { certificate, reason: 4 }, { account })
  expect(reply).toMatchObject({ status: 200, json: null, text: null })
  expect(world.ca('one').events.at(-1)).toEqual({ what: 'revoked', serial: kept.serial, reason: 4 })
  expect((await current()).revokedAt).not.toBeNull()
  const again = await world.ask('revokeCert', { certificate }, { account })
  expect(again.problem).toMatchObject({ type: urn('alreadyRevoked'), status: 400 })
  expect(world.ca('one').calls.filter((call) => call.startsWith('revoke'))).toHaveLength(1)
})

test("by the certificate's key", async () => {
  const { certificate, key, current } = await issued()
  expect((await world.ask('revokeCert', { certificate, reason: 1 }, { key })).status).toBe(200)
  expect((await current()).revokedAt).not.toBeNull()
})

test('by an account that is authorized for all its names', async () => {
  const { certificate, current } = await issued()
  const other = await world.bound()
  expect((await world.ask('revokeCert', { certificate }, { account: other })).status).toBe(404)
  await world.order(other, ['www.a.example'])
  expect((await world.ask('revokeCert', { certificate }, { account: other })).status).toBe(200)
  expect((await current()).revokedAt).not.toBeNull()
})

test('not by one whose EAB key was revoked since, though its authorizations still stand', async () => {
  const { account, certificate, current } = await issued()
  const other = await world.bound()
  await world.order(other, ['www.a.example'])
  for (const one of [account, other]) {
    const key = (await world.store.eabKey(one.eabKey!))!
    await world.store.putEabKey({ ...key, revokedAt: world.clock.now().wall })
  }
  const { problem } = await world.ask('revokeCert', { certificate }, { account: other })
  expect(problem).toMatchObject({ type: urn('unauthorized'), status: 403 })
  expect((await current()).revokedAt).toBeNull()
  expect((await world.ask('revokeCert', { certificate }, { account })).status, 'what is its own').toBe(200)
})

test('J14: whoever may not is answered as if there were none', async () => {
  const other = await issued()
  await world.close()
  const { certificate, current } = await issued()
  const stranger = await world.bound()
  const answers = await Promise.all([
    world.ask('revokeCert', { certificate }, { account: stranger }),
    world.ask('revokeCert', { certificate: other.certificate }, { account: stranger }),
    world.ask('revokeCert', { certificate: other.certificate }, { key: makeAccountKey() }),
    world.ask('revokeCert', { certificate }, { key: makeAccountKey() }),
  ])
  expect(new Set(answers.map((each) => JSON.stringify(each.problem))).size).toBe(1)
  expect(answers[0]!.problem).toMatchObject({ type: urn('malformed'), status: 404 })
  expect((await current()).revokedAt).toBeNull()
})

test('a key that is an account’s too, but not the certificate’s, revokes nothing', async () => {
  const { certificate } = await issued()
  const { key } = await world.register()
  expect((await world.ask('revokeCert', { certificate }, { key })).status).toBe(404)
})

test.each([2, 6, 7, 8, 10, -1, 1.5, '1', true, [], {}, 256])('reason %j is none', async (reason) => {
  const { account, certificate } = await issued()
  const { problem } = await world.ask('revokeCert', { certificate, reason }, { account })
  expect(problem).toMatchObject({ type: urn('badRevocationReason'), status: 400 })
  expect(problem!.detail).toContain('keyCompromise (1)')
})

test.each([0, 1, 3, 4, 5, 9, null])('reason %j is one', async (reason) => {
  const { account, certificate } = await issued()
  expect((await world.ask('revokeCert', { certificate, reason }, { account })).status).toBe(200)
})

test.each([undefined, null, '', 'x', 7, {}, 'AAAA', 'MAAA'])(
  'certificate %j is none',
  async (certificate) => {
    world = new OperationsWorld()
    const { problem } = await world.ask('revokeCert', { certificate }, { account: await world.bound() })
    expect(problem).toMatchObject({ type: urn('malformed'), status: 400 })
  },
)

test('what the CA says against it is told, and it stays as it was', async () => {
  const { account, certificate, current } = await issued()
  world.ca('one').steps.revoke = () => {
    throw issuerError('one', 'unavailable', 'down for maintenance', { status: 503, retryAfter: 120 })
  }
  const reply = await world.ask('revokeCert', { certificate }, { account })
  expect(reply.problem).toMatchObject({ type: urn('serverInternal'), status: 503 })
  expect(reply.problem!.detail).toContain('down for maintenance (from the CA "one"')
  expect(fieldOf(reply, 'retry-after')).toBe('120')
  expect((await current()).revokedAt).toBeNull()
})

test('what was revoked at the CA behind us is known from then on', async () => {
  const { account, certificate, kept, current } = await issued()
  await world.ca('one').revoke(Buffer.from(certificate, 'base64url'), null, 0)
  const reply = await world.ask('revokeCert', { certificate }, { account })
  expect(reply.problem?.type).toBe(urn('alreadyRevoked'))
  expect(kept.revokedAt).toBeNull()
  expect((await current()).revokedAt).not.toBeNull()
})

test("RFC 9773 §4: the CA's window, asked once until its Retry-After is over", async () => {
  const { kept } = await issued()
  const start = Date.UTC(2026, 6, 1) * 1000
  const end = start + 86_400_000_000
  world.ca('one').renewal = { start, end, explanation: 'https://ca.example/why', retryAfter: 600 }
  const ask = () => world.ask('renewalInfo', undefined, { ids: [kept.ariId!], method: 'GET' })
  const calls = () => world.ca('one').calls.filter((call) => call.startsWith('renewalInfo')).length
  const replies = await Promise.all(Array.from({ length: 10 }, ask))
  for (const reply of replies) {
    expect(reply.json).toEqual({
      suggestedWindow: { start: '2026-07-01T00:00:00Z', end: '2026-07-02T00:00:00Z' },
      explanationURL: 'https://ca.example/why',
    })
    expect(Number(fieldOf(reply, 'retry-after'))).toBeGreaterThan(590)
  }
  expect(calls()).toBe(1)
  world.clock.forward(300_000)
  expect(Number(fieldOf(await ask(), 'retry-after'))).toBeLessThanOrEqual(300)
  expect(calls()).toBe(1)
  world.clock.forward(301_000)
  await ask()
  expect(calls()).toBe(2)
})

test('where the CA has none: two thirds of its life, and at once when it was revoked', async () => {
  const { account, certificate, kept } = await issued()
  const ask = () => world.ask('renewalInfo', undefined, { ids: [kept.ariId!], method: 'GET' })
  const reply = await ask()
  const { start, end } = reply.json.suggestedWindow
  const validity = kept.notAfter - kept.notBefore
  const middle = (Date.parse(start) + Date.parse(end)) * 500
  expect(Math.abs(middle - (kept.notBefore + (validity * 2) / 3))).toBeLessThan(2_000_000)
  expect(Math.abs((Date.parse(end) - Date.parse(start)) * 1000 - validity / 50)).toBeLessThan(2_000_000)
  expect(reply.json).not.toHaveProperty('explanationURL')
  expect(fieldOf(reply, 'retry-after')).toBe('21600')
  await world.ask('revokeCert', { certificate }, { account })
  const after = (await ask()).json.suggestedWindow
  expect(Date.parse(after.start)).toBeLessThan(Date.parse(after.end))
  expect(Date.parse(after.end) * 1000).toBeLessThan(world.clock.now().wall)
})

test('where the CA fails, what it said last, and it is left in peace for a while', async () => {
  const { kept } = await issued()
  const ask = () => world.ask('renewalInfo', undefined, { ids: [kept.ariId!], method: 'GET' })
  const start = Date.UTC(2026, 6, 1) * 1000
  world.ca('one').renewal = { start, end: start + 3_600_000_000, explanation: null, retryAfter: 60 }
  const before = (await ask()).json
  world.ca('one').renewalInfo = async () => {
    throw issuerError('one', 'unavailable', 'down')
  }
  world.clock.forward(61_000)
  const reply = await ask()
  expect(reply.json).toEqual(before)
  expect(fieldOf(reply, 'retry-after')).toBe('600')
})

test.each(['AAAA.BBBB', '', 'x'])('a certificate %j that is unknown: 404', async (id) => {
  world = new OperationsWorld()
  const { problem } = await world.ask('renewalInfo', undefined, { ids: [id], method: 'GET' })
  expect(problem).toMatchObject({ type: urn('malformed'), status: 404 })
})
