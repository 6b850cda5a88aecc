/** What a broker does at CAs, against Pebble: strict, with nonces it refuses, authorizations it keeps, and other chains. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { readCertificateChain } from '../../src/acme/certificate.ts'
import { AcmeIssuer } from '../../src/broker/acme-issuer.ts'
import { IssuerError, type WantedOrder } from '../../src/broker/issuer.ts'
import { type Pebble, type PebbleOptions, startPebble } from '../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../src/cli/demo/web-server.ts'
import { BrokeredOrders } from '../../src/engine/brokered-orders.ts'
import { makeSigningRequest } from '../../src/engine/certificate-signing-request.ts'
import { createSealing } from '../../src/engine/create-sealing.ts'
import { EngineAccounts } from '../../src/engine/engine-accounts.ts'
import { EngineError } from '../../src/engine/engine-error.ts'
import type { EngineParts } from '../../src/engine/engine-parts.ts'
import type { EngineStore } from '../../src/engine/engine-store.ts'
import type { Solver } from '../../src/engine/solver.ts'
import { createWebroot } from '../../src/engine/solvers/webroot.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { openEngineStore } from '../../src/store/sqlite/engine/open-engine-store.ts'
import { CA, type EngineStages, startEngineStages } from '../support/engine/engine-stages.ts'
import { dns, recordedOf } from '../support/engine/engine-world.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
}, 30_000)

const never = new AbortController().signal

interface Upstream {
  readonly pebble: Pebble
  readonly stages: EngineStages
  readonly store: EngineStore
  readonly accounts: EngineAccounts
  readonly parts: EngineParts
  readonly issuer: AcmeIssuer
  /** After a restart: nothing is remembered. */
  restarted(changes?: Partial<EngineParts>): AcmeIssuer
}

async function started(options: Partial<PebbleOptions> = {}): Promise<Upstream> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-broker-pebble-'))
  open.push(() => rm(folder, { recursive: true, force: true }))
  const pebble = await startPebble({ folder: join(folder, 'pebble'), flags: ['-strict'], ...options })
  open.push(() => pebble.stop())
  const webroot = join(folder, 'web')
  await mkdir(webroot)
  const web = await serveFolder(webroot, pebble.httpPort)
  open.push(async () => {
    web.close()
    web.closeAllConnections()
  })
  const stages = await startEngineStages(pebble.directory, await readFile(pebble.trust, 'utf8'))
  open.push(() => stages.close())
  const store = await openEngineStore({ folder: join(folder, 'data') })
  open.push(() => store.close())
  const clock = systemClock()
  const sealing = createSealing(Buffer.alloc(32, 7))
  const failPoint = async () => {}
  const solver = createWebroot('web', { folder: webroot })
  const made = () => {
    const kept = stages.session()
    const session = () => kept
    const settings = () => ({ ca: CA, contact: [], agree_terms: true, key_type: 'ec256' as const })
    const accounts = new EngineAccounts({ store, sealing, session, settings, clock, failPoint })
    const parts: EngineParts = {
      store,
      sealing,
      accounts,
      session,
      solverFor: (identifier, wildcard, offered) => {
        if (wildcard || !offered.includes('http-01'))
          throw new EngineError('input', `no solver for ${identifier.value}`)
        return { solver, type: 'http-01' }
      },
      solverNamed: (name) => (name === solver.name ? solver : null),
      deploy: async () => {},
      findRecorded: async (id) => recordedOf(stages.exchanges.find((exchange) => exchange.id === id)),
      clock,
      failPoint,
      onProgress: () => {},
    }
    return parts
  }
  const issuerOf = (parts: EngineParts) => {
    const orders = new BrokeredOrders(parts)
    open.push(() => orders.close())
    return new AcmeIssuer({ ...parts, ca: CA, orders })
  }
  const parts = made()
  return {
    pebble,
    stages,
    store,
    accounts: parts.accounts,
    parts,
    issuer: issuerOf(parts),
    restarted: (changes = {}) => issuerOf({ ...made(), ...changes }),
  }
}

let orders = 0
function wanted(names: readonly string[], changes: Partial<WantedOrder> = {}): WantedOrder {
  return {
    order: `order-${++orders}`,
    tenant: null,
    identifiers: dns(...names),
    profile: null,
    replaces: null,
    parent: newExchangeId(),
    ...changes,
  }
}

function requestFor(names: readonly string[]) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    csr: makeSigningRequest(privateKey, dns(...names)).toString('base64url'),
    isFor: (chain: string) => new X509Certificate(chain).checkPrivateKey(privateKey),
  }
}

async function issued(issuer: AcmeIssuer, names: readonly string[], changes: Partial<WantedOrder> = {}) {
  const { reference } = await issuer.place(wanted(names, changes), never)
  const authorizing = issuer.authorize(reference, never)
  const { csr, isFor } = requestFor(names)
  const [certificate] = await Promise.all([issuer.finalize(reference, csr, never), authorizing])
  expect(isFor(certificate.chains[0]!)).toBe(true)
  return { ...certificate, reference, csr, der: new X509Certificate(certificate.chains[0]!).raw }
}

test('the same and overlapping names of three tenants at once, each with a certificate of its own', {
  timeout: 120_000,
}, async () => {
  const { pebble, issuer, store, accounts, parts } = await started({
    authorizationReuse: 100,
    nonceReject: 10,
  })
  const sets = [['a.example.com'], ['a.example.com', 'b.example.com'], ['b.example.com']]
  const asked = [null, 'team-a', 'team-b', null, 'team-a', 'team-b'].flatMap((tenant) =>
    sets.map((names) => issued(issuer, names, { tenant })),
  )
  const made = await Promise.all(asked)
  expect(new Set(made.map(({ der }) => der.toString('base64'))).size).toBe(18)
  expect(pebble.log().match(/Issued certificate serial /g)).toHaveLength(18)
  expect(new Set(made.map(({ upstreamAccount }) => upstreamAccount)).size).toBe(3)
  expect((await accounts.all()).map(({ tenant }) => tenant).sort()).toEqual(['team-a', 'team-b', null].sort())
  await parts.store.presented().then((left) => expect(left.length).toBeLessThan(18))
  expect(await issuer.placed()).toEqual([])
  expect(await store.openJobs()).toEqual([])
})

test('all chains, when to renew, a replacement, and revocation by the account that obtained it', {
  timeout: 60_000,
}, async () => {
  const { issuer, restarted, stages, parts } = await started({
    nonceReject: 0,
    environment: { PEBBLE_ALTERNATE_ROOTS: '2', PEBBLE_CHAIN_LENGTH: '2' },
  })
  const first = await issued(issuer, ['www.example.com'], { tenant: 'team-a' })
  expect(first.chains).toHaveLength(3)
  expect(
    new Set(first.chains.map((chain) => readCertificateChain(Buffer.from(chain))!.leaf.fingerprint)).size,
  ).toBe(1)
  const { ariId } = readCertificateChain(Buffer.from(first.chains[0]!))!.leaf
  // Older Pebbles have none.
  const { renewalInfo: url } = await parts.session(CA).directory(never)
  expect((await issuer.renewalInfo(ariId!, never)) === null).toBe(url === null)
  const second = await issued(issuer, ['www.example.com'], { tenant: 'team-a', replaces: ariId })
  expect(second.chains).toHaveLength(3)
  // The chains above the issuer are known by then.
  expect(stages.operations().filter((operation) => operation === 'certificate')).toHaveLength(4)
  const other = restarted()
  const revoke = () => other.revoke(first.der, first.upstreamAccount, 4, newExchangeId(), never)
  expect(await revoke()).toBe('revoked')
  expect(await revoke()).toBe('alreadyRevoked')
  const shared = other.revoke(second.der, null, 0, newExchangeId(), never)
  await expect(shared).rejects.toMatchObject({ fault: 'refused' })
})

test('killed after every step, it goes on with one order and one certificate', {
  timeout: 60_000,
}, async () => {
  const { pebble, restarted } = await started()
  const order = wanted(['www.example.com'])
  const killed = (step: string, when: string) =>
    restarted({
      failPoint: async (at, moment) => {
        if (at === step && moment === when) throw new Error('killed')
      },
    })
  const { reference } = await restarted().place(order, never)
  const { csr, isFor } = requestFor(['www.example.com'])
  // What is thrown takes answers away, which a kill does not: so none after the CA was told.
  for (const step of ['challenge.noted', 'challenge.presented'] as const)
    for (const when of ['before', 'after'])
      await expect(killed(step, when).authorize(reference, never)).rejects.toThrow('killed')
  for (const step of ['finalize.announced', 'finalize.sent'] as const)
    for (const when of ['before', 'after'])
      await expect(killed(step, when).finalize(reference, csr, never)).rejects.toSatisfy(
        (error: Error) => error.message === 'killed',
      )
  expect((await restarted().place(order, never)).reference).toBe(reference)
  const { chains } = await restarted().finalize(reference, csr, never)
  expect(isFor(chains[0]!)).toBe(true)
  expect((await restarted().finalize(reference, csr, never)).chains).toEqual(chains)
  expect(pebble.log().match(/Issued certificate serial /g)).toHaveLength(1)
  expect(pebble.log().match(/Added order "/g)).toHaveLength(1)
})

test('a name that nobody answers for, and a request of other names: in the words of the CA', {
  timeout: 60_000,
}, async () => {
  const { issuer, restarted, store } = await started()
  const idle: Solver = { name: 'idle', types: ['http-01'], present: async () => {}, cleanUp: async () => {} }
  const silent = restarted({ solverFor: () => ({ solver: idle, type: 'http-01' }), solverNamed: () => idle })
  const { reference } = await silent.place(wanted(['www.example.com', 'other.example.com']), never)
  const failed: unknown = await silent.authorize(reference, never).catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(IssuerError)
  expect(failed).toMatchObject({
    fault: 'refused',
    type: 'urn:ietf:params:acme:error:unauthorized',
    detail: expect.stringContaining('example.com'),
  })
  expect(await store.job(reference)).toMatchObject({ step: 'failed' })
  const next = await issuer.place(wanted(['third.example.com']), never)
  await issuer.authorize(next.reference, never)
  const { csr } = requestFor(['fourth.example.com'])
  const refused: unknown = await issuer.finalize(next.reference, csr, never).catch((error: unknown) => error)
  expect(refused).toMatchObject({
    fault: 'refused',
    status: 403,
    type: 'urn:ietf:params:acme:error:unauthorized',
    detail: expect.stringContaining('CSR'),
    exchange: expect.any(String),
  })
  expect(await store.job(next.reference)).toMatchObject({ step: 'failed' })
})

test('an account that was deactivated elsewhere, and one that the CA has lost, are told of and not made again', {
  timeout: 60_000,
}, async () => {
  const { issuer, accounts, restarted, stages } = await started()
  await issued(issuer, ['www.example.com'], { tenant: 'team-a' })
  // By somebody else who has the key: this program does not know of it.
  const [account] = await accounts.all()
  await stages
    .session()
    .post(account!.url!, { status: 'deactivated' }, accounts.signerOf(account!), { signal: never })
  const after = restarted()
  await expect(after.place(wanted(['www.example.com'], { tenant: 'team-a' }), never)).rejects.toMatchObject({
    fault: 'unfit',
    message: expect.stringContaining('acmetap engine accounts register test-ca --tenant team-a'),
  })
  expect(await accounts.lost()).toMatchObject([{ tenant: 'team-a', status: 'deactivated' }])
  expect(
    await after.unfit({ tenant: 'team-a', identifiers: dns('www.example.com'), profile: null }),
  ).toContain('was deactivated')
  expect(await accounts.all()).toHaveLength(1)
  await issued(after, ['www.example.com'])
})
