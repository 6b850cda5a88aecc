/** The engine's protocol against Pebble: strict, with external accounts, other chains, and nonces it refuses. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Pebble, type PebbleOptions, startPebble } from '../../src/cli/demo/pebble.ts'
import { makeAccountKey, type Signer, signerOf } from '../../src/engine/account-key.ts'
import type { AcmeSession } from '../../src/engine/acme-session.ts'
import { deactivateAuthorization, fetchAuthorization } from '../../src/engine/authorization.ts'
import { answerChallenge } from '../../src/engine/challenge.ts'
import { createSealing } from '../../src/engine/create-sealing.ts'
import { type DownloadedChain, downloadCertificate } from '../../src/engine/download-certificate.ts'
import { EngineAccounts } from '../../src/engine/engine-accounts.ts'
import { EngineError } from '../../src/engine/engine-error.ts'
import { finalize } from '../../src/engine/finalize.ts'
import { findAccount, newAccount } from '../../src/engine/new-account.ts'
import { fetchOrder, newOrder } from '../../src/engine/new-order.ts'
import type { OrderObject } from '../../src/engine/order-object.ts'
import { ordersList } from '../../src/engine/orders-list.ts'
import { revokeCertificate } from '../../src/engine/revocation.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { faultOf, requestFor, SIGNAL } from '../engine/protocol/protocol-world.ts'
import { CA, type EngineStages, startEngineStages } from '../support/engine/engine-stages.ts'
import { MemoryEngineStore } from '../support/engine/memory-engine-store.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
}, 30_000)

const EAB_KEY = Buffer.from('0123456789abcdef0123456789abcdef')

async function started(
  options: Partial<PebbleOptions> = {},
): Promise<{ pebble: Pebble; stages: EngineStages }> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-engine-pebble-'))
  open.push(() => rm(folder, { recursive: true, force: true }))
  const pebble = await startPebble({
    folder,
    nonceReject: 0,
    alwaysValid: true,
    flags: ['-strict'],
    ...options,
  })
  open.push(() => pebble.stop())
  const stages = await startEngineStages(pebble.directory, await readFile(pebble.trust, 'utf8'))
  open.push(() => stages.close())
  return { pebble, stages }
}

async function ready(session: AcmeSession, signer: Signer, url: string): Promise<OrderObject> {
  let order = await fetchOrder(session, signer, url, SIGNAL)
  for (let n = 0; n < 100 && (order.status === 'pending' || order.status === 'processing'); n++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    order = await fetchOrder(session, signer, url, SIGNAL)
  }
  return order
}

/** One issuance; what it issued, and the certificate's key. */
async function issue(
  session: AcmeSession,
  signer: Signer,
  names: readonly string[],
): Promise<{ chain: DownloadedChain; key: string; order: OrderObject }> {
  const identifiers = names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value }))
  const { order } = await newOrder(session, signer, { identifiers, profile: null, replaces: null }, SIGNAL)
  for (const url of order.authorizations) {
    const { status, challenges } = await fetchAuthorization(session, signer, url, SIGNAL)
    if (status === 'pending') await answerChallenge(session, signer, challenges[0]!.url, SIGNAL)
  }
  expect((await ready(session, signer, order.url)).status).toBe('ready')
  const { csr, key } = requestFor(names)
  await finalize(session, signer, { order: order.url, url: order.finalize, csr }, SIGNAL)
  const done = await ready(session, signer, order.url)
  return { chain: await downloadCertificate(session, signer, done.certificate!, SIGNAL), key, order: done }
}

async function registered(session: AcmeSession): Promise<Signer> {
  const bare = signerOf(await makeAccountKey('ec256'), null)
  const wanted = { contact: [], agreeTerms: true, external: null }
  return { ...bare, kid: (await newAccount(session, bare, wanted, SIGNAL)).url }
}

test.each(['ec256', 'ec384', 'rsa2048', 'rsa4096'] as const)(
  'an account with a key %s and an external account lives its whole life',
  async (key_type) => {
    const { stages } = await started({
      configuration: {
        externalAccountBindingRequired: true,
        externalAccountMACKeys: { 'kid-1': EAB_KEY.toString('base64url') },
      },
    })
    const session = stages.session()
    const external = { key_id: 'kid-1', hmac_key: EAB_KEY.toString('base64'), algorithm: 'HS256' as const }
    let given: object = {}
    const accounts = new EngineAccounts({
      store: new MemoryEngineStore(),
      sealing: createSealing(Buffer.alloc(32, 1)),
      session: () => session,
      settings: () => ({ ca: CA, contact: ['mailto:a@example.net'], agree_terms: true, key_type, ...given }),
      clock: systemClock(),
      failPoint: async () => undefined,
    })
    expect(await faultOf(accounts.open(CA, {}, SIGNAL))).toMatch(
      /^input: .* takes accounts of its customers only/,
    )
    given = { external: { ...external, key_id: 'kid-2' } }
    expect(await faultOf(accounts.open(CA, {}, SIGNAL))).toMatch(/^problem: .* refused newAccount: /)
    given = { external }
    const { account, signer } = await accounts.open(CA, {}, SIGNAL)
    expect((await findAccount(session, signer, SIGNAL))!.url).toBe(account.url)
    await issue(session, signer, [`${key_type}.example`])
    await accounts.updateContact(CA, ['mailto:b@example.net'], SIGNAL)
    const rolled = await accounts.rollOver(CA, SIGNAL)
    expect(await findAccount(session, signer, SIGNAL)).toBeNull()
    const next = (await accounts.open(CA, {}, SIGNAL)).signer
    expect([next.kid, next.thumbprint]).toEqual([account.url, rolled.thumbprint])
    await issue(session, next, [`rolled-${key_type}.example`])
    expect((await accounts.recheck(CA, SIGNAL)).account.url).toBe(account.url)
    expect((await accounts.deactivate(CA, SIGNAL)).status).toBe('deactivated')
    expect(await faultOf(issue(session, next, ['late.example']))).toMatch(/^problem: /)

    const posts = stages.exchanges.filter(({ request }) => request.method === 'POST')
    expect(posts.filter(({ inspection }) => inspection?.verdict !== 'verified')).toEqual([])
    expect(stages.exchanges.flatMap(({ ambiguities }) => ambiguities)).toEqual([])
    expect(stages.exchanges.filter(({ operation }) => operation === 'unrecognised')).toEqual([])
  },
  60_000,
)

test('orders of names, wildcards and addresses; chains, revocations, the orders list', async () => {
  const { stages } = await started({
    environment: { PEBBLE_ALTERNATE_ROOTS: '2', PEBBLE_CHAIN_LENGTH: '2' },
  })
  const session = stages.session()
  const signer = await registered(session)
  const names = ['a.example', '*.a.example', 'b.example', '127.0.0.1', '::1']
  const { chain, order } = await issue(session, signer, names)
  expect(order.identifiers.map(({ value }) => value).sort()).toEqual([...names].sort())
  const [leaf] = chain.certificates
  expect(
    names.filter((name) => !leaf!.subjectAltName!.includes(name.replace('::1', '0:0:0:0:0:0:0:1'))),
  ).toEqual([])
  expect(chain.certificates).toHaveLength(3)
  expect(chain.alternates).toHaveLength(2)
  const tops = new Set<string>()
  for (const url of chain.alternates) {
    const other = await downloadCertificate(session, signer, url, SIGNAL)
    expect(other.certificates[0]!.raw.equals(leaf!.raw)).toBe(true)
    tops.add(other.certificates.at(-1)!.issuer)
  }
  expect(tops.add(chain.certificates.at(-1)!.issuer).size).toBe(3)

  expect(await revokeCertificate(session, signer, leaf!.raw, 4, SIGNAL)).toBe('revoked')
  expect(await revokeCertificate(session, signer, leaf!.raw, 4, SIGNAL)).toBe('alreadyRevoked')
  const second = await issue(session, signer, ['c.example'])
  const byKey = signerOf(second.key, null)
  expect(await revokeCertificate(session, byKey, second.chain.certificates[0]!.raw, 1, SIGNAL)).toBe(
    'revoked',
  )

  const wanted = { identifiers: [{ type: 'dns', value: 'd.example' }], profile: null, replaces: 'aa.bb' }
  // This Pebble has no renewalInfo: nothing is said of what is replaced.
  const placed = await newOrder(session, signer, wanted, SIGNAL)
  expect(placed.replaces).toBeNull()
  const [url] = placed.order.authorizations
  expect((await deactivateAuthorization(session, signer, url!, SIGNAL)).status).toBe('deactivated')

  const { orders } = (await findAccount(session, signer, SIGNAL))!
  const listed: string[] = []
  for await (const each of ordersList(session, signer, orders!, SIGNAL)) listed.push(each)
  expect(listed).toContain(order.url)
  expect(listed).toContain(second.order.url)
}, 60_000)

test('what Pebble refuses comes back as its problem', async () => {
  const { stages } = await started({ configuration: { domainBlocklist: ['blocked.example'] } })
  const session = stages.session()
  const signer = await registered(session)
  const wanted = (value: string) => ({ identifiers: [{ type: 'dns', value }], profile: null, replaces: null })
  const refused = await newOrder(session, signer, wanted('blocked.example'), SIGNAL).catch((error) => error)
  expect(refused).toBeInstanceOf(EngineError)
  expect(refused).toMatchObject({
    fault: 'problem',
    problem: { type: 'urn:ietf:params:acme:error:rejectedIdentifier' },
  })
  const { order } = await newOrder(session, signer, wanted('a.example'), SIGNAL)
  const { csr } = requestFor(['a.example'])
  const early = finalize(session, signer, { order: order.url, url: order.finalize, csr }, SIGNAL)
  await expect(early).rejects.toMatchObject({
    fault: 'problem',
    status: 403,
    problem: { type: expect.stringMatching(/:orderNotReady$/) },
  })
  const stranger = await registered(session)
  await expect(fetchOrder(session, stranger, order.url, SIGNAL)).rejects.toMatchObject({ fault: 'problem' })
  const nobody = { ...stranger, kid: `${new URL(order.url).origin}/my-account/4711` }
  await expect(fetchOrder(session, nobody, order.url, SIGNAL)).rejects.toMatchObject({
    problem: { type: 'urn:ietf:params:acme:error:accountDoesNotExist' },
  })
}, 60_000)

test('half of all nonces refused: at most four sendings for one request, and never a nonce twice', async () => {
  const { stages } = await started({ nonceReject: 50 })
  const session = stages.session()
  const signer = await insist(() => registered(session))
  const wanted = (n: number) => ({
    identifiers: [{ type: 'dns', value: `n${n}.example` }],
    profile: null,
    replaces: null,
  })
  let failed = 0
  let made = 0
  const [before] = [stages.exchanges.length]
  for (let n = 0; n < 60; n++) {
    const from = stages.exchanges.length
    const outcome = await newOrder(session, signer, wanted(n), SIGNAL).then(
      () => null,
      (error: EngineError) => error,
    )
    const sendings = stages.exchanges.slice(from).filter(({ operation }) => operation === 'newOrder').length
    if (outcome === null) made += 1
    else {
      failed += 1
      expect(outcome.problem?.type).toBe('urn:ietf:params:acme:error:badNonce')
      expect(sendings).toBe(4)
    }
    expect(sendings).toBeLessThanOrEqual(4)
  }
  expect(made).toBeGreaterThan(40)
  expect(made + failed).toBe(60)
  const posts = stages.exchanges.filter(({ request }) => request.method === 'POST')
  const nonces = posts.map(({ inspection }) => inspection!.jws.header.nonce)
  expect(new Set(nonces).size).toBe(nonces.length)
  // What was refused is repeated with the nonce of the refusal: none is asked for.
  expect(stages.exchanges.slice(before).filter(({ operation }) => operation === 'newNonce')).toEqual([])
}, 60_000)

async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let n = 0; ; n++) {
    try {
      return await attempt()
    } catch (error) {
      if (n === 20 || !(error instanceof EngineError) || !error.problem?.type?.endsWith(':badNonce'))
        throw error
    }
  }
}
