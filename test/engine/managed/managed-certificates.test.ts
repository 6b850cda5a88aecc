import { expect, test, vi } from 'vitest'
import { type EngineConfig, engine as engineSchema } from '../../../src/config/engine.ts'
import { makeCertificateKey } from '../../../src/engine/certificate-key.ts'
import { makeSigningRequest } from '../../../src/engine/certificate-signing-request.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import type { Job, KeptCertificate } from '../../../src/engine/job.ts'
import type { JobRequest } from '../../../src/engine/job-request.ts'
import {
  ManagedCertificates,
  type ManagedEvent,
  type ManagedParts,
} from '../../../src/engine/managed/managed-certificates.ts'
import { engineAccount, engineJob } from '../../support/engine/engine-values.ts'
import { MemoryEngineStore } from '../../support/engine/memory-engine-store.ts'
import { obtained } from '../../support/engine/obtained-certificate.ts'
import { makeRoot } from '../../support/test-ca/certificates.ts'

const DAY = 86_400_000_000
const issuer = makeRoot()
const names = (...values: string[]) => values.map((value) => ({ type: 'dns', value }))

interface World {
  readonly managed: ManagedCertificates
  readonly store: MemoryEngineStore
  readonly requests: JobRequest[]
  readonly events: ManagedEvent[]
  readonly cancelled: string[]
  readonly kinds: () => string[]
  now: number
  config: EngineConfig
  trusted: boolean
  /** What becomes of a job that is run. */
  outcome: (job: Job) => Partial<Job> | 'issue'
  create: () => void
  /** Jobs that are let go on; all where null. */
  window: ReturnType<ManagedParts['renewalInfo']>
  /** Looks until nothing more happens. */
  settle(): Promise<void>
  pass(micros: number): void
}

const config = (...certificates: object[]) =>
  engineSchema.parse({
    certificates: certificates.map((one) => ({
      names: ['www.example.com'],
      ca: 'pebble',
      name: 'web',
      ...one,
    })),
  })

async function world(given: EngineConfig = config({})): Promise<World> {
  const store = new MemoryEngineStore()
  await store.putAccount(engineAccount())
  const made: World = {
    store,
    requests: [],
    events: [],
    cancelled: [],
    kinds: () => made.events.map(({ kind }) => kind),
    now: Date.now() * 1000,
    config: given,
    trusted: true,
    outcome: () => 'issue',
    create: () => undefined,
    window: Promise.resolve(null),
    async settle() {
      for (let quiet = 0; quiet < 3; ) {
        const before = made.events.length
        await managed.look()
        await new Promise((resolve) => setImmediate(resolve))
        quiet = made.events.length === before ? quiet + 1 : 0
      }
    },
    pass: (micros) => {
      made.now += micros
    },
    get managed() {
      return managed
    },
  }
  const began = made.now
  const managed = new ManagedCertificates({
    config: () => made.config,
    store,
    engine: {
      async create(request) {
        made.create()
        made.requests.push(request)
        const { certificate, reason, ca, identifiers, profile, replaces } = request
        const job = engineJob({
          certificate,
          reason,
          ca,
          identifiers,
          profile,
          replaces,
          preferredChain: request.preferredChain,
          solver: request.solver,
          createdAt: made.now,
        })
        await store.addJob(job)
        return job
      },
      async run(id) {
        const job = (await store.job(id))!
        const outcome = made.outcome(job)
        if (outcome === 'issue') {
          const kept = keptFor(job, made.now)
          await store.putIssued({ ...job, step: 'issued' }, kept)
          await store.putJob({ ...job, step: 'done' })
        } else await store.putJob({ ...job, ...outcome })
        return (await store.job(id))!
      },
      async cancel(id, why) {
        made.cancelled.push(why)
        const job = (await store.job(id))!
        await store.putJob({ ...job, step: 'failed', error: { message: why, type: null, exchange: null } })
      },
    },
    renewalInfo: (_kept, _signal) => made.window as never,
    clockTrusted: () => made.trusted,
    clock: { now: () => ({ wall: made.now, monotonic: made.now - began }) as never },
    onEvent: (event) => void made.events.push(event),
    onProgress: () => undefined,
  })
  return made
}

function keptFor(job: Job, now: number): KeptCertificate {
  const from = Math.floor(now / 1e6) * 1e6
  return obtained(
    {
      certificate: job.certificate,
      ca: job.ca,
      identifiers: job.identifiers,
      profile: job.profile,
      job: job.id,
      notBefore: from,
      notAfter: from + 90 * DAY,
      issuedAt: now,
    },
    issuer,
  ).kept
}

test('obtained once, then left alone until a third of the life is left, then replaced', async () => {
  const w = await world()
  await w.settle()
  expect(w.requests).toMatchObject([
    { certificate: 'web', reason: 'first', replaces: null, key: { type: 'ec256' } },
  ])
  w.pass(59.9 * DAY)
  await w.settle()
  expect(w.requests).toHaveLength(1)
  w.pass(0.2 * DAY)
  await w.settle()
  expect(w.requests).toHaveLength(2)
  expect(w.requests[1]).toMatchObject({
    reason: 'renewal',
    replaces: expect.stringMatching(/^[\w-]+\.[\w-]+$/),
  })
  expect(w.kinds()).toEqual(['due', 'obtained', 'due', 'obtained'])
})

test('the CA says when: earlier than its life does', async () => {
  const w = await world()
  await w.settle()
  w.pass(DAY)
  w.window = Promise.resolve({
    start: w.now - 2 * DAY,
    end: w.now - DAY,
    explanation: null,
    retryAfter: null,
  }) as never
  await w.settle()
  // Asked six hours after the last time at the latest; the answer before said nothing.
  expect(w.requests.length).toBeGreaterThanOrEqual(2)
})

test('a CA whose window has always just begun is asked three times, then it is held and told', async () => {
  const w = await world()
  w.window = Promise.resolve({ start: 1, end: 2, explanation: null, retryAfter: 60 }) as never
  for (let minute = 0; minute < 8 * 1440; minute += 60) {
    await w.settle()
    w.pass(3_600_000_000)
  }
  expect(w.requests).toHaveLength(3)
  expect(w.kinds().filter((kind) => kind === 'held')).toHaveLength(1)
  expect(await w.managed.failing()).toMatchObject([{ certificate: 'web', kind: 'held' }])
})

test('a change of the configuration ends what was begun for the old one, and begins anew', async () => {
  const w = await world()
  w.outcome = () => ({
    failures: 1,
    error: { message: 'no', type: null, exchange: null },
    notBefore: w.now + DAY,
  })
  await w.settle()
  w.config = config({ names: ['www.example.com', 'example.com'] })
  w.outcome = () => 'issue'
  await w.settle()
  expect(w.cancelled).toEqual(['the configuration of its certificate has changed'])
  expect(w.requests.at(-1)).toMatchObject({
    reason: 'first',
    identifiers: names('www.example.com', 'example.com'),
  })
  w.config = config({ key_type: 'rsa2048', reuse_key: true })
  w.outcome = () => ({ step: 'ordered' })
  await w.settle()
  // Its key cannot be reused: it is of another kind.
  expect(w.requests.at(-1)).toMatchObject({ reason: 'changed', key: { type: 'rsa2048' } })
})

test('what left the configuration is not renewed, and what was begun for it ends', async () => {
  const w = await world(config({}, { name: 'other', names: ['other.example.com'] }))
  await w.settle()
  w.config = config({ name: 'other', names: ['other.example.com'] })
  w.pass(70 * DAY)
  await w.settle()
  expect(w.requests.map(({ certificate }) => certificate)).toEqual(['web', 'other', 'other'])
  const shown = await w.managed.status()
  expect(shown.map(({ name, managed, renewal }) => [name, managed, renewal?.by])).toEqual([
    ['other', true, 'lifetime'],
    ['web', false, undefined],
  ])
})

test('a hook that fails never makes another certificate; when that one is due it holds up nothing', async () => {
  const w = await world()
  w.outcome = () => 'issue'
  await w.settle()
  const [done] = await w.store.jobs({ limit: 1 })
  // As the engine leaves a job whose hook fails.
  const hooks = engineJob({
    ...done!,
    id: 'stuck',
    step: 'issued',
    failures: 3,
    error: { message: 'hook /x ended with code 1', type: null, exchange: null },
    notBefore: w.now + DAY,
  })
  await w.store.addJob(hooks)
  w.pass(50 * DAY)
  await w.settle()
  expect(w.requests).toHaveLength(1)
  expect(await w.managed.failing()).toMatchObject([{ kind: 'deploy', failures: 3 }])
  w.pass(11 * DAY)
  await w.settle()
  expect(w.cancelled).toEqual(['the next certificate is due'])
  expect(w.requests).toHaveLength(2)
})

test('a thousand at the first start: no more than twenty at once, and all in the end', async () => {
  const many = Array.from({ length: 1000 }, (_, at) => ({ name: `c${at}`, names: [`c${at}.example.com`] }))
  const w = await world(config(...many))
  w.outcome = () => ({ step: 'ordered' })
  await w.settle()
  expect(w.requests).toHaveLength(20)
  await w.settle()
  expect(w.requests).toHaveLength(20)
  // Those that wait for their next attempt make room for others.
  for (const job of await w.store.jobs({ open: true, limit: 5 }))
    await w.store.putJob({ ...job, failures: 1, notBefore: w.now + DAY })
  await w.settle()
  expect(w.requests).toHaveLength(25)
})

test('a clock that cannot be trusted decides nothing; that is told once', async () => {
  const w = await world()
  await w.settle()
  w.trusted = false
  w.pass(3650 * DAY)
  await w.settle()
  await w.settle()
  expect(w.requests).toHaveLength(1)
  w.pass(-3650 * DAY)
  w.trusted = true
  await w.settle()
  expect(w.requests).toHaveLength(1)
  expect(w.events.filter(({ kind }) => kind === 'clock')).toEqual([
    { kind: 'clock', trusted: false },
    { kind: 'clock', trusted: true },
  ])
})

test('what cannot even be begun is tried after 1, 10 and 100 minutes, then daily; and told', async () => {
  const w = await world()
  let tried: number[] = []
  w.create = () => {
    tried.push(w.now)
    throw new EngineError('problem', 'the CA wants terms agreed to: agree_terms')
  }
  for (let minute = 0; minute < 4 * 1440; minute++) {
    await w.managed.look()
    w.pass(60_000_000)
  }
  tried = tried.map((at) => Math.round((at - tried[0]!) / 60_000_000))
  expect(tried.length).toBe(7)
  for (const [at, most] of [2, 14, 126, 1720, 3310].entries()) expect(tried[at + 1]).toBeLessThanOrEqual(most)
  for (const [at, least] of [1, 11, 111, 1551].entries()) expect(tried[at + 1]).toBeGreaterThanOrEqual(least)
  expect(await w.managed.failing()).toMatchObject([
    { kind: 'obtain', failures: 7, error: expect.stringContaining('agree_terms'), notAfter: null },
  ])
})

test('off means by command only', async () => {
  const w = await world(
    engineSchema.parse({ ...config({}), renew: false, reissue: undefined, certificates: [] }),
  )
  w.config = { ...config({}), renew: false }
  await w.settle()
  expect(w.requests).toEqual([])
  expect(await w.managed.due(new AbortController().signal)).toMatchObject([{ reason: 'first' }])
  expect(await w.managed.request('web', 'command')).toMatchObject({ certificate: 'web', reason: 'command' })
  await expect(w.managed.request('wbe', 'command')).rejects.toMatchObject({ fault: 'input' })
})

test('a key is reused where that is wanted, and what it replaces is of the same CA and account', async () => {
  const w = await world(config({ reuse_key: true }))
  await w.settle()
  expect(await w.managed.request('web', 'forced')).toMatchObject({
    key: { reuse: { certificate: 'web' } },
    replaces: expect.any(String),
  })
  await w.store.putAccount(engineAccount({ status: 'deactivated' }))
  expect(await w.managed.request('web', 'forced')).toMatchObject({ replaces: null })
})

test('what was revoked is obtained anew, with another key, once', async () => {
  const w = await world(config({ reuse_key: true }))
  await w.settle()
  const [kept] = await w.store.certificates()
  await w.store.markRevoked(kept!.fingerprint, w.now)
  await w.settle()
  expect(w.requests).toHaveLength(2)
  expect(w.requests.at(-1)).toMatchObject({ reason: 'renewal', key: { type: 'ec256' } })
  await w.settle()
  expect(w.requests).toHaveLength(2)
})

test('a store that fails is told, and the next look goes on', async () => {
  const w = await world()
  vi.spyOn(w.store, 'certificates').mockRejectedValueOnce(new Error('disk'))
  w.managed.start()
  await vi.waitFor(() => expect(w.kinds()).toEqual(['fault']))
  w.managed.wake()
  await vi.waitFor(() => expect(w.kinds()).toContain('obtained'))
  await w.managed.close()
  w.managed.wake()
  expect(w.kinds()).toEqual(['fault', 'due', 'obtained'])
})

test.each([
  ['solver', config({}), config({ solver: 'zone' })],
  ['preferred chain', config({}), config({ preferred_chain: 'Other Root' })],
])('a job that fails by its old %s is not gone on with', async (_, before, after) => {
  const w = await world(before)
  w.outcome = () => ({ step: 'ordered', failures: 3, notBefore: w.now + DAY })
  await w.settle()
  w.outcome = () => 'issue'
  w.config = after
  await w.settle()
  expect(w.cancelled).toEqual(['the configuration of its certificate has changed'])
  expect(w.kinds().at(-1)).toBe('obtained')
  expect(w.requests).toHaveLength(2)
})

test('a renewal that somebody forced ends with its certificate in the configuration', async () => {
  const w = await world()
  await w.settle()
  await w.store.addJob(engineJob({ certificate: 'web', reason: 'forced', notBefore: w.now + DAY }))
  w.config = config()
  await w.settle()
  expect(w.cancelled).toEqual(['its certificate is no longer in the configuration'])
})

test('what could not be begun is begun at once when the configuration has changed', async () => {
  const w = await world()
  w.create = () => {
    throw new EngineError('input', 'agree to the terms')
  }
  await w.settle()
  expect(w.kinds()).toEqual(['failed'])
  w.create = () => undefined
  await w.settle()
  expect(w.kinds()).toEqual(['failed'])
  w.managed.use()
  await w.settle()
  expect(w.kinds()).toEqual(['failed', 'due', 'obtained'])
})

test('a command that asks what is due has the CA asked for its window', async () => {
  const w = await world()
  await w.store.putAccount(engineAccount())
  const job = engineJob({ certificate: 'web', identifiers: names('www.example.com') })
  await w.store.addJob(job)
  await w.store.putIssued({ ...job, step: 'issued' }, keptFor(job, w.now))
  await w.store.putJob({ ...job, step: 'done' })
  const { signal } = new AbortController()
  const before = w.managed.due(signal)
  expect(await before).toEqual([])
  w.pass(DAY)
  w.window = Promise.resolve({
    start: w.now - 2 * DAY,
    end: w.now - DAY,
    explanation: null,
    retryAfter: null,
  }) as never
  expect(await w.managed.due(signal)).toMatchObject([{ reason: 'renewal', settings: { name: 'web' } }])
})

test('attempts that others made are told of too, and those that are made here once', async () => {
  const w = await world()
  w.outcome = (job) => {
    const after = {
      error: { message: 'no', type: null, exchange: null },
      failures: 1,
      notBefore: w.now + DAY,
    }
    w.managed.attempted({ ...job, ...after })
    return after
  }
  await w.settle()
  expect(w.kinds()).toEqual(['due', 'failed'])
  const [job] = await w.store.jobs({ limit: 1 })
  w.managed.attempted({ ...job!, failures: 2 })
  w.managed.attempted({ ...job!, step: 'done', error: null })
  w.managed.attempted({ ...job!, reason: 'command' })
  expect(w.kinds()).toEqual(['due', 'failed', 'failed', 'obtained'])
})

test('looks that take long are not made anew for every job that ends', async () => {
  const twenty = Array.from({ length: 20 }, (_, at) => ({ name: `n${at}`, names: [`n${at}.example.com`] }))
  const w = await world(config(...twenty))
  const certificates = w.store.certificates.bind(w.store)
  let reads = 0
  vi.spyOn(w.store, 'certificates').mockImplementation(async () => {
    reads += 1
    await new Promise((resolve) => setTimeout(resolve, 500))
    return certificates()
  })
  await w.managed.look()
  await vi.waitUntil(() => w.kinds().filter((kind) => kind === 'obtained').length === 20, { timeout: 10_000 })
  const before = reads
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(reads - before).toBe(0)
  await vi.waitUntil(() => reads > before, { timeout: 10_000 })
  await w.managed.close()
})

test('a job whose request has another kind of key than is wanted now is not gone on with', async () => {
  const w = await world()
  const csr = makeSigningRequest(await makeCertificateKey('ec256'), names('www.example.com'))
  await w.store.addJob(
    engineJob({
      certificate: 'web',
      csr: csr.toString('base64url'),
      step: 'ordered',
      notBefore: w.now + DAY,
    }),
  )
  await w.settle()
  expect(w.cancelled).toEqual([])
  w.config = config({ key_type: 'ec384' })
  await w.settle()
  expect(w.cancelled).toEqual(['the configuration of its certificate has changed'])
  expect(w.requests[0]).toMatchObject({ key: { type: 'ec384' } })
})
