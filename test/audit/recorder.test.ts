import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AcmeProblem } from '../../src/acme/problem.ts'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import {
  RECORDER_LIMITS,
  Recorder,
  type RecorderEvent,
  type RecorderLimits,
} from '../../src/audit/recorder.ts'
import { FRAME_LIMIT, Spill } from '../../src/audit/spill.ts'
import { decided, denied, refused, response, stillClock, taught } from '../support/exchanges.ts'
import { MemoryRecordStore } from '../support/memory-record-store.ts'

const CONTEXT = {
  tenant: 'default',
  instance: 'acmetap',
  configDigest: 'c',
  policyDigest: null,
  privacy: KEEP_ALL,
}
let folder: string
let store: MemoryRecordStore
let spill: Spill
let recorder: Recorder
let events: RecorderEvent[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-recorder-'))
  store = new MemoryRecordStore()
  await begin()
})
afterEach(async () => {
  store.trouble = 'none'
  await recorder.close()
  await rm(folder, { recursive: true, force: true })
})

async function begin(changes: Partial<RecorderLimits> = {}, frames = 8): Promise<void> {
  const heard: RecorderEvent[] = []
  events = heard
  spill = await Spill.open(join(folder, `spill-${frames}`), frames * FRAME_LIMIT)
  const limits = {
    ...RECORDER_LIMITS,
    intentDeadline: 60,
    outcomeDeadline: 60,
    recoveryInterval: 10,
    ...changes,
  }
  recorder = new Recorder(store, spill, stillClock(), CONTEXT, limits, (event) => heard.push(event))
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 5))
}

function kinds(): string[] {
  return events.map(({ kind }) => kind)
}

async function problemOf(work: Promise<unknown>): Promise<AcmeProblem> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof AcmeProblem)) throw new Error(`no problem: ${String(error)}`)
  return error
}

test('both limits leave room for an answer within two seconds', () => {
  expect(RECORDER_LIMITS.intentDeadline).toBeLessThan(2000)
  expect(RECORDER_LIMITS.outcomeDeadline).toBeLessThan(2000)
})

test('an exchange is one intent and one outcome', async () => {
  const recorded = await recorder.recordRequest(decided('newOrder'))
  expect(store.outcomesOf(recorded.id)).toEqual(['intent'])
  expect(recorder.inFlight).toBe(1)
  await recorder.recordOutcome(taught(recorded))
  expect(store.outcomesOf(recorded.id)).toEqual(['intent', 'response'])
  expect([recorder.inFlight, recorder.healthy, events]).toEqual([0, true, []])
})

test('what was learned is stored with the outcome, in one entry', async () => {
  const recorded = await recorder.recordRequest(decided('newOrder'))
  const learned = { resources: [], keys: [] }
  await recorder.recordOutcome({ ...taught(recorded), learned })
  expect(store.entries.at(-1)).toMatchObject({ facts: [{ kind: 'outcome' }], learned })
})

test('a refusal is two facts in one entry', async () => {
  const exchange = denied('newOrder')
  await recorder.recordOutcome(refused(exchange))
  expect(store.entries).toHaveLength(1)
  expect(store.outcomesOf(exchange.id)).toEqual(['intent', 'refused'])
  expect([recorder.inFlight, store.openIntents]).toEqual([0, 0])
})

test('a store that refuses the intent means 503 with Retry-After, and nothing may be sent', async () => {
  store.trouble = 'refuse'
  for (const work of [
    recorder.recordRequest(decided('newOrder')),
    recorder.recordOutcome(refused(denied('newOrder'))),
  ]) {
    const problem = await problemOf(work)
    expect([problem.type, problem.status, problem.retryAfter]).toEqual(['serverInternal', 503, 5])
  }
  expect([recorder.inFlight, recorder.healthy, spill.bytes]).toEqual([0, false, 0])
})

test('an intent that becomes durable after we gave up gets notSent', async () => {
  store.trouble = 'hang'
  const exchange = decided('newOrder')
  expect((await problemOf(recorder.recordRequest(exchange))).status).toBe(503)
  expect(recorder.inFlight).toBe(1)
  store.trouble = 'none'
  await until(() => recorder.inFlight === 0)
  expect(store.outcomesOf(exchange.id)).toEqual(['intent', 'notSent'])
})

test('an intent whose failed commit had worked gets notSent when the store is well', async () => {
  store.trouble = 'appliedButRefused'
  const exchange = decided('newOrder')
  await problemOf(recorder.recordRequest(exchange))
  expect(store.outcomesOf(exchange.id)).toEqual(['intent'])
  store.trouble = 'refuse'
  await until(() => store.probes > 2)
  store.trouble = 'none'
  await until(() => store.openIntents === 0)
  expect(store.outcomesOf(exchange.id)).toEqual(['intent', 'notSent'])
})

test('a late intent whose notSent is refused gets it later', async () => {
  store.trouble = 'hang'
  const exchange = decided('newOrder')
  await problemOf(recorder.recordRequest(exchange))
  store.trouble = 'appliedButRefused'
  await until(() => recorder.inFlight === 0)
  store.trouble = 'none'
  await until(() => recorder.healthy && store.openIntents === 0)
  expect(store.outcomesOf(exchange.id)).toEqual(['intent', 'notSent'])
})

test.each(['refuse', 'hang', 'appliedButRefused'] as const)(
  'an outcome the store does not take (%s) is spilled, the client is answered, and it is imported once',
  async (trouble) => {
    const recorded = await recorder.recordRequest(decided('finalize'))
    store.trouble = trouble
    const completed = await recorder.recordOutcome(taught(recorded, response(200, { status: 'processing' })))
    expect(completed.outcome).toMatchObject({ kind: 'response', response: { status: 200 } })
    expect(spill.bytes).toBeGreaterThan(0)
    expect([recorder.inFlight, recorder.healthy]).toEqual([0, false])
    store.trouble = 'none'
    await until(() => recorder.healthy && kinds().includes('imported'))
    expect(spill.bytes).toBe(0)
    expect(store.outcomesOf(recorded.id)).toEqual(['intent', 'response'])
    expect(kinds()).toEqual(expect.arrayContaining(['unavailable', 'spilled', 'recovered', 'imported']))
  },
)

test('health comes back by itself, without any request', async () => {
  store.trouble = 'refuse'
  await problemOf(recorder.recordRequest(decided('newOrder')))
  const calls = store.calls
  await until(() => store.probes >= 3)
  expect([recorder.healthy, store.calls]).toEqual([false, calls])
  store.trouble = 'none'
  await until(() => recorder.healthy)
  expect(kinds().filter((kind) => kind === 'recovered')).toHaveLength(1)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const { probes } = store
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(store.probes).toBe(probes)
})

test('a store that hangs is tried again all the same', async () => {
  store.trouble = 'hang'
  await problemOf(recorder.recordRequest(decided('newOrder')))
  await until(() => store.probes >= 2)
  store.trouble = 'none'
  await until(() => recorder.healthy && recorder.inFlight === 0)
})

test('an import that waits for a hung store keeps no outcome from the spill file', async () => {
  const exchanges = []
  for (let i = 0; i < 4; i++) exchanges.push(await recorder.recordRequest(decided('finalize')))
  store.trouble = 'refuse'
  await recorder.recordOutcome(taught(exchanges[0]!))
  store.trouble = 'hang'
  const importing = recorder.importSpill()
  await Promise.all(exchanges.slice(1).map((exchange) => recorder.recordOutcome(taught(exchange))))
  expect(recorder.inFlight).toBe(0)
  store.trouble = 'none'
  await importing
  await until(() => spill.bytes === 0)
  for (const { id } of exchanges) expect(store.outcomesOf(id)).toEqual(['intent', 'response'])
})

test('outcomes are imported in the order they were spilled, also by the next run', async () => {
  const exchanges = []
  for (let i = 0; i < 5; i++) exchanges.push(await recorder.recordRequest(decided('order')))
  store.trouble = 'refuse'
  for (const exchange of exchanges) await recorder.recordOutcome(taught(exchange))
  await recorder.close()
  expect(store.openIntents).toBe(5)
  store.trouble = 'none'
  await begin()
  expect(await recorder.importSpill()).toBe(5)
  const imported = store.facts.slice(5).map(({ exchange }) => exchange)
  expect(imported).toEqual(exchanges.map(({ id }) => id))
  expect(await recorder.importSpill()).toBe(0)
})

test('no more exchanges are admitted than may be in flight; a full house is no sick store', async () => {
  await recorder.close()
  await begin({ inFlight: 3 })
  const admitted = []
  for (let i = 0; i < 3; i++) admitted.push(await recorder.recordRequest(decided('newOrder')))
  expect((await problemOf(recorder.recordRequest(decided('newOrder')))).status).toBe(503)
  expect((await problemOf(recorder.recordOutcome(refused(denied('newOrder'))))).status).toBe(503)
  expect([recorder.healthy, recorder.inFlight, store.facts.length]).toEqual([true, 3, 3])
  await recorder.recordOutcome(taught(admitted[0]!))
  await recorder.recordRequest(decided('newOrder'))
})

test('room in the spill file is reserved before anything is sent', async () => {
  await recorder.close()
  await begin({}, 3)
  const admitted = []
  for (let i = 0; i < 3; i++) admitted.push(await recorder.recordRequest(decided('finalize')))
  await problemOf(recorder.recordRequest(decided('finalize')))
  store.trouble = 'refuse'
  for (const exchange of admitted) {
    await recorder.recordOutcome(taught(exchange, response(200, 'z'.repeat(900_000))))
  }
  expect(kinds()).not.toContain('lost')
  store.trouble = 'none'
  await until(() => store.openIntents === 0)
})

test('a spill file that is full is emptied although no request comes through', async () => {
  await recorder.close()
  await begin({}, 1)
  const exchange = await recorder.recordRequest(decided('finalize'))
  store.trouble = 'refuse'
  await recorder.recordOutcome(taught(exchange))
  await problemOf(recorder.recordRequest(decided('order')))
  store.trouble = 'none'
  await until(() => spill.bytes === 0)
  await recorder.recordRequest(decided('order'))
})

test('an outcome that fits nowhere waits in memory, and the client is answered', async () => {
  const exchange = await recorder.recordRequest(decided('finalize'))
  await spill.close()
  store.trouble = 'refuse'
  const completed = await recorder.recordOutcome(taught(exchange))
  expect(completed.outcome.kind).toBe('response')
  expect(kinds()).toContain('held')
  expect(store.outcomesOf(exchange.id)).toEqual(['intent'])
  store.trouble = 'none'
  await until(() => store.outcomesOf(exchange.id).length === 2)
  expect(store.outcomesOf(exchange.id)).toEqual(['intent', 'response'])
  await recorder.close().catch(() => undefined)
  spill = await Spill.open(join(folder, 'spare'), FRAME_LIMIT)
  recorder = new Recorder(store, spill, stillClock(), CONTEXT, RECORDER_LIMITS, () => undefined)
})

test('a bug in reading an answer leaves its outcome in the record and the answer with the client', async () => {
  const recorded = await recorder.recordRequest(decided('finalize'))
  const answer = response(200, { status: 'valid' })
  const poisoned = Object.defineProperty({ ...answer }, 'decoded', {
    get() {
      throw new Error('boom')
    },
  })
  const completed = await recorder.recordOutcome(taught(recorded, poisoned))
  expect(completed.outcome.kind).toBe('response')
  expect(store.facts.at(-1)).toMatchObject({ kind: 'outcome', content: { outcome: 'response', status: 200 } })
  expect([kinds(), recorder.inFlight]).toEqual([['bug'], 0])
})

test('a bug in reading a request takes no place', async () => {
  const broken = decided('newOrder')
  const request = Object.defineProperty({ ...broken.request }, 'target', {
    get() {
      throw new Error('boom')
    },
  })
  await expect(recorder.recordRequest({ ...broken, request })).rejects.toThrow('boom')
  await expect(recorder.recordOutcome(refused({ ...denied('newOrder'), request }))).rejects.toThrow('boom')
  expect(recorder.inFlight).toBe(0)
})

test('close ends although the store hangs', async () => {
  const recorded = await recorder.recordRequest(decided('finalize'))
  store.trouble = 'hang'
  await recorder.recordOutcome(taught(recorded))
  await recorder.close()
  store.trouble = 'none'
  await begin()
})

test("tunnels and exchanges do not take each other's places", async () => {
  await begin({ inFlight: 1, tunnels: 1 })
  const otherHost = { host: 'api.example.net', port: 443, form: 'connect' } as const
  const tunnel = await recorder.recordRequest(decided('tunnel', { otherHost, destination: null }))
  expect((await problemOf(recorder.recordRequest(decided('tunnel', { otherHost })))).status).toBe(503)
  const exchange = await recorder.recordRequest(decided('newOrder'))
  expect((await problemOf(recorder.recordRequest(decided('newOrder')))).status).toBe(503)
  expect([recorder.inFlight, recorder.tunnels]).toEqual([1, 1])
  await recorder.recordOutcome(taught(tunnel))
  await recorder.recordOutcome(taught(exchange))
  expect([recorder.inFlight, recorder.tunnels]).toEqual([0, 0])
})

test('a burst waits for places, in order; who is not called in time gets 503', async () => {
  await begin({ inFlight: 1, intentDeadline: 400 })
  const first = await recorder.recordRequest(decided('newOrder'))
  const second = recorder.recordRequest(decided('order'))
  const third = recorder.recordRequest(decided('finalize'))
  expect(recorder.inFlight).toBe(1)
  await recorder.recordOutcome(taught(first))
  const called = await second
  expect(called.operation).toBe('order')
  expect((await problemOf(third)).status).toBe(503)
  expect(recorder.inFlight).toBe(1)
  await recorder.recordOutcome(taught(called))
  expect(recorder.inFlight).toBe(0)
})
