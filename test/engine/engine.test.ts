import { createPrivateKey, X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readCertificateChain } from '../../src/acme/certificate.ts'
import { EngineError } from '../../src/engine/engine-error.ts'
import type { Job } from '../../src/engine/job.ts'
import { dns, type EngineWorld, jobRequest, startEngineWorld } from '../support/engine/engine-world.ts'
import { Refusal } from '../support/test-ca/answer.ts'
import { crossSign, makeRoot } from '../support/test-ca/certificates.ts'

let world: EngineWorld
beforeEach(async () => {
  world = await startEngineWorld()
})
afterEach(() => world.close())

const MINUTE = 60_000_000

/** Minutes until the next attempt. */
function waitOf({ notBefore, changedAt }: Job): number {
  return Math.round((notBefore! - changedAt) / MINUTE)
}

test('a certificate is obtained with as few requests as can be', async () => {
  const job = await world.obtain()
  expect(job).toMatchObject({ step: 'done', error: null, failures: 0 })
  expect(world.sent()).toEqual([
    'newAccount',
    'newOrder',
    'authorization',
    'challenge',
    'order',
    'finalize',
    'certificate',
  ])
  const again = await world.obtain({ certificate: 'second', identifiers: dns('second.example.com') })
  expect(again.step).toBe('done')
  expect(world.sent()).toHaveLength(6)
  expect(world.stages.exchanges.filter(({ request }) => request.method !== 'POST')).toHaveLength(2)
})

test('what is kept is the certificate that was issued, with its key', async () => {
  const job = await world.obtain()
  const [kept] = await world.store.certificates()
  const [issued] = [...world.ca.state.certificates.values()]
  const leaf = new X509Certificate(kept!.chain)
  expect(leaf.raw.equals(issued!.der)).toBe(true)
  expect(kept).toMatchObject({ certificate: 'www.example.com', job: job.id, ariId: issued!.id })
  const { key } = world.deployed[0]!
  expect(leaf.checkPrivateKey(createPrivateKey(key!))).toBe(true)
  expect(JSON.stringify([job, kept])).not.toContain('PRIVATE')
})

test('a job that has ended holds no key: the certificate that is kept has it', async () => {
  const done = await world.obtain()
  world.ca.validate(() => new Refusal('dns', 'no'))
  const failed = await world.obtain({ certificate: 'failed', reason: 'command' })
  const waiting = await world.obtain({ certificate: 'waiting' })
  expect([done.step, failed.step, waiting.step]).toEqual(['done', 'failed', 'created'])
  expect(waiting.key).not.toBeNull()
  await world.engine.cancel(waiting.id, 'it is not wanted any more')
  for (const job of await world.store.jobs({ limit: 10 })) expect(job).toMatchObject({ key: null })
  expect(await world.store.sealed()).toEqual([
    expect.objectContaining({ place: expect.objectContaining({ table: 'account' }) }),
    expect.objectContaining({ place: expect.objectContaining({ table: 'certificate' }) }),
  ])
})

test('twenty names, wildcards among them, in one order: each answer is there before any is looked at', async () => {
  const names = Array.from({ length: 9 }, (_, at) => [`n${at}.example.com`, `*.n${at}.example.com`]).flat()
  const seen: number[] = []
  world.ca.validate(() => {
    seen.push(world.answers.size)
    return null
  })
  const job = await world.obtain({ identifiers: dns(...names, 'a.example.org', 'b.example.org') })
  expect(job.step).toBe('done')
  expect(seen).toEqual(Array(20).fill(20))
  expect(world.presented.filter(({ wildcard }) => wildcard)).toHaveLength(9)
  expect(world.answers.size).toBe(0)
  expect(await world.store.presented()).toEqual([])
})

test('an address is a name (RFC 8738)', async () => {
  const job = await world.obtain({
    identifiers: [{ type: 'ip', value: '2001:DB8:0::1' }, ...dns('A.Example.com')],
  })
  expect(job.identifiers).toEqual([{ type: 'ip', value: '2001:db8::1' }, ...dns('a.example.com')])
  expect(job.step).toBe('done')
})

test('a name that fails is told of, with the challenge and what the CA said; the next attempt makes a new order', async () => {
  world.ca.validate(({ value }) =>
    value === 'bad.example.com' ? new Refusal('connection', 'Connection refused') : null,
  )
  const job = await world.obtain({ identifiers: dns('good.example.com', 'bad.example.com') })
  expect(job).toMatchObject({ step: 'created', order: null, failures: 1, announced: null })
  expect(job.error).toMatchObject({
    message: 'bad.example.com: http-01 failed, the CA says: Connection refused (connection)',
    type: 'urn:ietf:params:acme:error:connection',
  })
  expect(waitOf(job)).toBe(1)
  expect(world.answers.size).toBe(0)
  expect(await world.store.presented()).toEqual([])
  const asked = world.ca.log.requests.length
  expect(await world.run(job.id)).toEqual(job)
  expect(world.ca.log.requests.length).toBe(asked)
  world.ca.validate(() => null)
  expect(await world.run(job.id, true)).toMatchObject({
    step: 'done',
    failures: 0,
    error: null,
    notBefore: null,
  })
  expect(world.ca.state.orders.size).toBe(2)
})

test('a wait that a clock years ahead has reckoned is not kept once the clock is right', async () => {
  const YEARS = 10 * 365 * 1440 * MINUTE
  world.ahead = YEARS
  world.ca.validate(() => new Refusal('dns', 'no'))
  const job = await world.obtain()
  expect(waitOf(job)).toBe(1)
  world.ahead = 0
  world.ca.validate(() => null)
  expect((await world.run(job.id)).step).toBe('done')
})

test('what is due is known by one look, however much it is', async () => {
  const store = world.store
  const looks = vi.spyOn(store, 'openJobs')
  const whole = vi.spyOn(store, 'jobs')
  const notes = vi.spyOn(store, 'presented')
  const jobs: Job[] = []
  for (let at = 0; at < 50; at++) {
    const name = `n${at}.example.com`
    jobs.push(await world.engine.create(jobRequest({ certificate: name, identifiers: dns(name) })))
  }
  whole.mockClear()
  const engine = world.restarted()
  engine.start()
  await vi.waitUntil(async () => (await world.store.job(jobs[49]!.id))?.step === 'done', { timeout: 30_000 })
  await vi.waitUntil(async () => (await world.store.openJobs()).length === 0, { timeout: 30_000 })
  await engine.close()
  // Not one for each job that has ended.
  expect(whole.mock.calls.filter(([{ certificate }]) => certificate === undefined)).toEqual([])
  expect(notes.mock.calls.filter(([of]) => of === undefined).length).toBeLessThan(20)
  expect(looks).toHaveBeenCalled()
})

test('waits are 1, 10 and 100 minutes, then a day', async () => {
  world.ca.validate(() => new Refusal('dns', 'no'))
  const waits: number[] = []
  let job = await world.obtain()
  for (let at = 0; at < 5; at++) {
    waits.push(waitOf(job))
    world.ahead = job.notBefore! - Date.now() * 1000 + MINUTE
    job = await world.run(job.id)
  }
  expect(waits).toEqual([1, 10, 100, 1440, 1440])
})

test('a CA that names a time is not asked before it', async () => {
  world.ca.script(
    { operation: 'newOrder' },
    { kind: 'problem', type: 'rateLimited', status: 429, retryAfter: 7200 },
  )
  const job = await world.obtain()
  expect(waitOf(job)).toBe(120)
  expect(job.error?.type).toBe('urn:ietf:params:acme:error:rateLimited')
})

test('a moment of weakness of the CA: the same order is gone on with', async () => {
  const weak = world.ca.script(
    { operation: 'finalize' },
    { kind: 'problem', type: 'serverInternal', status: 500 },
  )
  const job = await world.obtain()
  expect(job).toMatchObject({ step: 'finalizing', failures: 1 })
  expect(job.order).not.toBeNull()
  weak.remove()
  expect((await world.run(job.id, true)).step).toBe('done')
  expect(world.ca.state.orders.size).toBe(1)
  expect(world.ca.state.certificates.size).toBe(1)
})

test('an answer to finalize that is lost: the certificate is fetched, nothing is finalized twice', async () => {
  world.ca.script({ operation: 'finalize', times: 1 }, { kind: 'reset', when: 'after-processing' })
  const job = await world.obtain()
  expect(job).toMatchObject({ step: 'finalizing', failures: 1 })
  expect((await world.run(job.id, true)).step).toBe('done')
  expect(world.ca.log.requests.filter(({ operation }) => operation === 'finalize')).toHaveLength(1)
})

test('an answer to newOrder that is lost: the order is found in the list', async () => {
  world.ca.script({ operation: 'newOrder', times: 1 }, { kind: 'reset', when: 'after-processing' })
  const job = await world.obtain()
  expect(job).toMatchObject({ step: 'ordering', order: null, failures: 1 })
  expect((await world.run(job.id, true)).step).toBe('done')
  expect(world.ca.state.orders.size).toBe(1)
})

test('what is valid already is not proved again', async () => {
  const job = await world.engine.create(jobRequest({ identifiers: dns('a.example.com', 'b.example.com') }))
  world.ca.script({ operation: 'finalize', times: 1 }, { kind: 'problem', type: 'badCSR', status: 400 })
  expect(await world.run(job.id)).toMatchObject({ step: 'created', failures: 1 })
  world.sent()
  world.presented.length = 0
  const made = world.ca.state.authorizations
  world.ca.script({ operation: 'newOrder' }, { kind: 'slow', ms: 0 })
  // The CA takes what it has validated for new orders too.
  const known = [...made.values()]
  const get = made.get.bind(made)
  made.get = (path) => {
    const found = get(path)
    if (found && found.status === 'pending')
      found.status =
        known.find(({ identifier }) => identifier.value === found.identifier.value)?.status ?? 'pending'
    return found
  }
  expect((await world.run(job.id, true)).step).toBe('done')
  expect(world.presented).toEqual([])
})

test.each([
  ['faulty', dns('exa mple.com'), /exa mple/],
  ['none', [], /no name is given/],
  ['covered', dns('*.example.com', 'www.example.com'), /\*\.example\.com stands for www\.example\.com too/],
  ['too many', dns(...Array.from({ length: 101 }, (_, at) => `n${at}.example.com`)), /101 names/],
] as const)(
  'names that will not do are refused before anything is sent: %s',
  async (_, identifiers, message) => {
    const refused = world.engine.create(jobRequest({ identifiers }))
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toMatchObject({ fault: 'input' })
    expect(world.ca.log.requests).toEqual([])
  },
)

test('one job for a certificate: the same is given back, another is refused', async () => {
  const job = await world.engine.create(jobRequest())
  expect(await world.engine.create(jobRequest({ identifiers: dns('WWW.example.com') }))).toEqual(job)
  await expect(world.engine.create(jobRequest({ identifiers: dns('other.example.com') }))).rejects.toThrow(
    /on its way already, for www\.example\.com/,
  )
  await expect(world.engine.create(jobRequest({ dryRun: true }))).rejects.toThrow(/in earnest/)
})

test('two who run a job watch the same attempt', async () => {
  const job = await world.engine.create(jobRequest())
  const [one, two] = await Promise.all([world.run(job.id), world.run(job.id)])
  expect([one.step, two.step]).toEqual(['done', 'done'])
  expect(world.ca.state.orders.size).toBe(1)
})

test('a key is used again', async () => {
  await world.obtain()
  const [before] = await world.store.certificates()
  await world.obtain({ reason: 'renewal', key: { reuse: before! } })
  const [after] = await world.store.certificates()
  expect(after!.fingerprint).not.toBe(before!.fingerprint)
  const spki = (pem: string) => readCertificateChain(Buffer.from(pem))?.leaf.spki
  expect(spki(after!.chain)).toBe(spki(before!.chain))
})

test('a request of somebody else goes to the CA as it is; its key is not here', async () => {
  const first = await world.engine.create(jobRequest({ certificate: 'theirs' }))
  await world.run(first.id)
  const csr = Buffer.from(first.csr!, 'base64url')
  const job = await world.obtain({ reason: 'reissue', identifiers: [], key: { csr } })
  expect(job).toMatchObject({ step: 'done', key: null, csr: first.csr, identifiers: dns('www.example.com') })
  expect(world.deployed.at(-1)?.key).toBeNull()
  const broken = Buffer.from(csr)
  broken[broken.length - 5]! ^= 1
  await expect(
    world.obtain({ certificate: 'broken', identifiers: [], key: { csr: broken } }),
  ).rejects.toThrow(/certificate request/)
  await expect(
    world.obtain({ certificate: 'broken', identifiers: dns('other.example.com'), key: { csr } }),
  ).rejects.toThrow('the certificate request is for www.example.com, not for other.example.com')
})

test('a rehearsal ends with the chain: nothing is kept, nothing is deployed', async () => {
  const job = await world.obtain({ dryRun: true })
  expect(job).toMatchObject({ step: 'done' })
  expect(job.chain).toContain('BEGIN CERTIFICATE')
  expect(await world.store.certificates()).toEqual([])
  expect(world.deployed).toEqual([])
})

test('what a command asked for ends with the first definite failure', async () => {
  world.ca.script(
    { operation: 'newOrder' },
    { kind: 'problem', type: 'rejectedIdentifier', status: 403, detail: 'on our list' },
  )
  const job = await world.obtain({ reason: 'command' })
  expect(job).toMatchObject({ step: 'failed', notBefore: null })
  expect(job.error?.message).toContain('on our list')
})

test('a policy that denies is told, and nothing is sent', async () => {
  world.stages.decide = ({ operation }) =>
    operation === 'newOrder'
      ? { effect: 'deny', problem: 'rejectedIdentifier', rule: 'not-this-name', detail: 'not this name' }
      : { effect: 'allow' }
  const job = await world.obtain()
  expect(job).toMatchObject({ step: 'created', failures: 1 })
  expect(job.error?.message).toContain('not this name')
  expect(world.ca.state.orders.size).toBe(0)
})

test('a solver that fails: its name is told, nothing is answered, everything is taken away', async () => {
  const engine = world.restarted({
    solverFor: () => ({
      type: 'http-01',
      solver: {
        name: 'broken',
        types: ['http-01'],
        present: async () => {
          throw new EngineError('solver', 'the folder cannot be written')
        },
        cleanUp: async () => undefined,
      },
    }),
    solverNamed: () => ({
      name: 'broken',
      types: [],
      present: async () => undefined,
      cleanUp: async () => undefined,
    }),
  })
  const { id } = await engine.create(jobRequest())
  const job = await engine.run(id, { signal: new AbortController().signal, onProgress: () => undefined })
  expect(job.error?.message).toBe('www.example.com: the folder cannot be written')
  expect(job).toMatchObject({ step: 'ordered', failures: 1 })
  expect(world.sent()).not.toContain('challenge')
  expect(await world.store.presented()).toEqual([])
})

test('a job that is stopped stands where it stood, and another engine goes on with it', async () => {
  const stop = new AbortController()
  world.ca.script({ operation: 'challenge', times: 1 }, { kind: 'slow', ms: 1000 })
  const { id } = await world.engine.create(jobRequest())
  const job = await world.engine.run(id, {
    signal: stop.signal,
    onProgress: (progress) => {
      if (progress.kind === 'name' && progress.state === 'presenting') setTimeout(() => stop.abort(), 100)
    },
  })
  expect(job).toMatchObject({ step: 'ordered', failures: 0, error: null, notBefore: null })
  expect(world.answers.size).toBe(0)
  const engine = world.restarted()
  const done = await engine.run(id, { signal: new AbortController().signal, onProgress: () => undefined })
  expect(done.step).toBe('done')
  expect(world.ca.state.orders.size).toBe(1)
})

test('the chain to the preferred root is taken where the CA has it, else its default, and that is told', async () => {
  world.ca.state.offers.alternate = crossSign(world.ca.state.root, makeRoot('Other Root'))
  const chainOf = async (preferredChain: string | null, name: string) => {
    const job = await world.obtain({
      certificate: name,
      identifiers: dns(`${name}.example.com`),
      preferredChain,
    })
    return new X509Certificate(/(?:-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\s*)$/.exec(job.chain!)![0])
      .issuer
  }
  expect(await chainOf('Other Root', 'a')).toBe('CN=Other Root')
  world.sent()
  expect(await chainOf('Test CA Issuing Root', 'b')).toBe('CN=Test CA Issuing Root')
  expect(world.sent().filter((operation) => operation === 'certificate')).toHaveLength(1)
  expect(await chainOf('Third Root', 'c')).toBe('CN=Test CA Issuing Root')
  expect(world.progress).toContainEqual(
    expect.objectContaining({ kind: 'note', text: expect.stringContaining('no chain to Third Root') }),
  )
})

test('a certificate for another key is not used: the attempt has failed, the next one orders anew', async () => {
  const first = await world.obtain({ certificate: 'first' })
  const theirs = [...world.ca.state.certificates.values()][0]!.pem
  const wrong = world.ca.script(
    { operation: 'certificate' },
    {
      kind: 'answer',
      status: 200,
      fields: [['Content-Type', 'application/pem-certificate-chain']],
      body: theirs,
    },
  )
  expect(first.step).toBe('done')
  const job = await world.obtain({ certificate: 'second' })
  expect(job).toMatchObject({ step: 'created', order: null, chain: null, failures: 1 })
  expect(job.error?.message).toMatch(/for another key/)
  expect((await world.store.certificates()).map(({ certificate }) => certificate)).toEqual(['first'])
  wrong.remove()
  expect((await world.run(job.id, true)).step).toBe('done')
  expect(world.ca.state.orders.size).toBe(3)
})

test('what is given up ends, and says why', async () => {
  world.ca.validate(() => new Refusal('dns', 'no'))
  const { id } = await world.obtain()
  await world.engine.cancel(id, 'the certificate is not in the configuration any more')
  const job = await world.store.job(id)
  expect(job).toMatchObject({
    step: 'failed',
    error: { message: 'the certificate is not in the configuration any more' },
  })
  await world.engine.cancel(id, 'again')
  expect((await world.store.job(id))?.error?.message).toContain('not in the configuration')
})

test('an engine that is started goes on with what is open, and takes away what is left over', async () => {
  const made = world.restarted()
  const { id } = await made.create(jobRequest())
  const over = await world.obtain({ certificate: 'over', identifiers: dns('over.example.com') })
  const [attempt] = world.presented
  world.answers.set(attempt!.url, attempt!)
  await world.store.addPresented({ job: over.id, attempt: attempt!, solver: 'map', presentedAt: 1 })
  await world.store.addPresented({ job: 'unknown', attempt: attempt!, solver: 'gone', presentedAt: 1 })
  const engine = world.restarted()
  engine.start()
  await expect.poll(async () => (await world.store.job(id))?.step, { timeout: 20_000 }).toBe('done')
  await expect.poll(async () => (await world.store.presented()).length, { timeout: 20_000 }).toBe(1)
  expect(world.answers.size).toBe(0)
  const notes = world.progress.filter(({ kind }) => kind === 'note')
  expect(notes.map((note) => 'text' in note && note.text)).toContainEqual(
    expect.stringContaining('there is no solver gone any more'),
  )
  const asked = (
    await engine.create(jobRequest({ certificate: 'later', identifiers: dns('later.example.com') }))
  ).id
  await expect.poll(async () => (await world.store.job(asked))?.step, { timeout: 20_000 }).toBe('done')
})

test('a fault of our own is no failure of the job: it is thrown, and told', async () => {
  const { id } = await world.engine.create(jobRequest())
  world.store.fault = new Error('disk full')
  await expect(world.run(id)).rejects.toThrow('disk full')
  world.store.fault = null
  expect((await world.run(id)).step).toBe('done')
})

test('who watches is told of every name and step', async () => {
  await world.obtain()
  expect(
    world.progress.map((each) =>
      each.kind === 'step' ? each.step : each.kind === 'name' ? each.state : each.kind,
    ),
  ).toEqual([
    'ordering',
    'ordered',
    'presenting',
    'answered',
    'valid',
    'finalizing',
    'issued',
    'deployed',
    'done',
  ])
})
