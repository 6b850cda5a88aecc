/** Jobs that meet: on a name, an order, an account's key, or a command that was left. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Job } from '../../src/engine/job.ts'
import { CA } from '../support/engine/engine-stages.ts'
import { dns, type EngineWorld, jobRequest, startEngineWorld } from '../support/engine/engine-world.ts'

let world: EngineWorld
beforeEach(async () => {
  world = await startEngineWorld()
})
afterEach(() => world.close())

const SIGNAL = new AbortController().signal
const watch = { signal: SIGNAL, onProgress: () => undefined }

/** A job of whom a process was killed, so that it stands at `ordered` with this order. */
async function left(order: string, changes: Parameters<typeof jobRequest>[0] = {}): Promise<Job> {
  const job = await world.engine.create(jobRequest(changes))
  await world.store.putJob({ ...job, step: 'ordered', order })
  return job
}

/** What the CA has validated it takes for new orders too. */
function reuseAuthorizations(): void {
  const made = world.ca.state.authorizations
  const known = [...made.values()]
  const get = made.get.bind(made)
  made.get = (path) => {
    const found = get(path)
    const same = known.find(({ identifier }) => identifier.value === found?.identifier.value)
    const isGivenUp = [...made.values()].some(({ status }) => status === 'deactivated')
    if (found?.status === 'pending' && same?.status === 'valid' && !isGivenUp) found.status = 'valid'
    return found
  }
}

test('a request (CSR) is not answered with a certificate for another key', async () => {
  const job = await world.engine.create(jobRequest())
  const other = await world.engine.create(jobRequest({ certificate: 'theirs' }))
  const csr = Buffer.from(other.csr!, 'base64url')
  await expect(world.engine.create(jobRequest({ identifiers: [], key: { csr } }))).rejects.toThrow(
    /on its way already, for another request \(CSR\)/,
  )
  await expect(world.engine.create(jobRequest({ key: { type: 'rsa2048' } }))).rejects.toThrow(
    /on its way already, with a key of type ec256/,
  )
  expect((await world.engine.create(jobRequest())).id).toBe(job.id)
})

test.each([
  ['a rehearsal', { dryRun: true }],
  ['what a command asked for', { reason: 'command' as const }],
])('%s that was left gives way to something else under its name', async (_, changes) => {
  const before = await world.engine.create(jobRequest(changes))
  const wanted = jobRequest({ identifiers: dns('other.example.com') })
  const job = await world.engine.create(wanted)
  expect(job.id).not.toBe(before.id)
  expect(await world.store.job(before.id)).toMatchObject({
    step: 'failed',
    error: { message: 'something else was asked for under its name' },
  })
  expect((await world.run(job.id)).step).toBe('done')
})

test('a certificate that may be on its way from the CA gives way to nothing', async () => {
  const before = await world.engine.create(jobRequest({ reason: 'command' }))
  await world.store.putJob({ ...before, step: 'finalizing', order: 'https://ca.example/order/1' })
  const wanted = jobRequest({ reason: 'command', identifiers: dns('other.example.com') })
  await expect(world.engine.create(wanted)).rejects.toThrow(/on its way already/)
})

test('two jobs for the same names: the second orders when the first has its certificate', async () => {
  const [one, two] = await Promise.all([
    world.engine.create(jobRequest({ certificate: 'one' })),
    world.engine.create(jobRequest({ certificate: 'two', identifiers: dns('WWW.example.com') })),
  ])
  world.sent()
  const ended = await Promise.all([world.run(one.id), world.run(two.id)])
  expect(ended.map(({ step, failures }) => [step, failures])).toEqual([
    ['done', 0],
    ['done', 0],
  ])
  const ordered = ['newOrder', 'authorization', 'challenge', 'order', 'finalize', 'certificate']
  expect(world.sent()).toEqual([...ordered, ...ordered])
})

test('an order that another job has finalized meanwhile is left: a new one is made at once', async () => {
  const first = await world.obtain({ certificate: 'first' })
  const { id } = await left(first.order!, { certificate: 'second' })
  expect(await world.run(id)).toMatchObject({ step: 'done', failures: 0 })
  expect(world.ca.state.orders.size).toBe(2)
  expect(await world.store.certificates()).toHaveLength(2)
})

test('an order that the CA has forgotten is no failure: a new one is made at once', async () => {
  const { id } = await left(new URL('/order/forgotten', world.ca.directory).href)
  world.ca.script({ operation: 'order', times: 1 }, { kind: 'problem', type: 'malformed', status: 404 })
  world.ca.script(
    { operation: 'unrecognised', times: 1 },
    { kind: 'problem', type: 'malformed', status: 404 },
  )
  expect(await world.run(id)).toMatchObject({ step: 'done', failures: 0 })
  expect(world.ca.state.orders.size).toBe(1)
})

test('a policy that stops finalize for now leaves the order: it is gone on with', async () => {
  world.stages.decide = ({ operation }) =>
    operation === 'finalize'
      ? { effect: 'deny', problem: 'unauthorized', rule: 'not-now', detail: 'not now' }
      : { effect: 'allow' }
  const job = await world.obtain()
  expect(job).toMatchObject({ step: 'finalizing', failures: 1 })
  expect(job.order).not.toBeNull()
  world.stages.decide = () => ({ effect: 'allow' })
  expect((await world.run(job.id, true)).step).toBe('done')
  expect(world.ca.state.orders.size).toBe(1)
})

test('a rehearsal proves what the CA holds for validated already', async () => {
  await world.obtain({ certificate: 'before' })
  reuseAuthorizations()
  world.sent()
  world.presented.length = 0
  expect((await world.obtain({ dryRun: true })).step).toBe('done')
  expect(world.presented).toHaveLength(1)
  const valid = [...world.ca.state.authorizations.values()].filter(({ status }) => status === 'deactivated')
  expect(valid).toHaveLength(1)
})

test('an account gets its new key when what is signed with the old one is done', async () => {
  const { id } = await world.engine.create(jobRequest())
  world.ca.script({ operation: 'challenge', times: 1 }, { kind: 'slow', ms: 300 })
  world.sent()
  let rolled: Promise<unknown> | null = null
  const job = await world.engine.run(id, {
    signal: SIGNAL,
    onProgress: ({ kind }) => {
      if (kind === 'name') rolled ??= world.accounts.rollOver(CA, SIGNAL)
    },
  })
  expect(job).toMatchObject({ step: 'done', failures: 0 })
  await rolled
  const sent = world.sent()
  expect(sent.slice(sent.indexOf('certificate'), sent.indexOf('keyChange') + 1)).toEqual([
    'certificate',
    'keyChange',
  ])
  expect((await world.obtain({ certificate: 'next' })).step).toBe('done')
})

test('who asks for a job that is just being stopped has it gone on with', async () => {
  const { id } = await world.engine.create(jobRequest())
  const stop = new AbortController()
  const begun = Promise.withResolvers<void>()
  const first = world.engine.run(id, { signal: stop.signal, onProgress: () => begun.resolve() })
  await begun.promise
  stop.abort()
  const second = world.engine.run(id, watch)
  expect((await second).step).toBe('done')
  expect((await first).step).not.toBe('failed')
  expect(world.ca.state.orders.size).toBe(1)
})
