import { beforeEach, describe, expect, test } from 'vitest'
import { applyPlan } from '../../../src/engine/reissue/apply-plan.ts'
import { makePlan } from '../../../src/engine/reissue/make-plan.ts'
import { PlanRuns } from '../../../src/engine/reissue/plan-runs.ts'
import { pickupOf, readPlan } from '../../../src/engine/reissue/read-plan.ts'
import { engineJob, keptCertificate } from '../../support/engine/engine-values.ts'
import { ReissueWorld } from '../../support/engine/reissue-world.ts'

let world: ReissueWorld
beforeEach(() => {
  world = new ReissueWorld()
})

async function planned(names: readonly string[], stopAt = 20): Promise<string> {
  for (const name of names) await world.observed(name)
  const { plan } = await makePlan(world.planParts(), { where: 'expires<14d', madeBy: 'ops', pace: 5, stopAt })
  return plan.id
}

const apply = (id: string, signal: AbortSignal = world.stop.signal) =>
  applyPlan(world.applyParts(), id, { signal, onProgress: () => {}, onLine: () => {} })
const statesOf = async (id: string) => (await world.store.lines(id)).map(({ state }) => state)

test('every line is done, in order and paced, with the request and the name of its plan', async () => {
  const id = await planned(['a.example.com', 'b.example.com', 'c.example.com'])
  const told: string[] = []
  const { plan, lines } = await applyPlan(world.applyParts(), id, {
    signal: world.stop.signal,
    onProgress: () => {},
    onLine: ({ line, state }) => told.push(`${line} ${state}`),
  })
  expect(plan).toMatchObject({ state: 'done', stoppedBecause: null })
  expect(world.waits).toEqual([5, 5])
  expect(told.filter((text) => text.endsWith('done'))).toEqual(['1 done', '2 done', '3 done'])
  for (const [at, line] of lines.entries()) {
    expect(line).toMatchObject({
      state: 'done',
      error: null,
      replacedBy: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const { csr } = world.requests.get(line.fingerprint) as { csr: Buffer }
    expect(world.asked[at]).toMatchObject({
      certificate: line.certificate,
      reason: 'reissue',
      line: { plan: id, line: line.line },
      replaces: null,
      key: { csr },
    })
    expect(await pickupOf(world.store, id, line.line)).toContain('BEGIN CERTIFICATE')
  }
  await apply(id)
  expect([...world.issued.values()]).toEqual([1, 1, 1])
  expect(await pickupOf(world.store, id, 9)).toBeNull()
})

test('a managed one is renewed as it is configured, and skipped where that happened meanwhile', async () => {
  const managed = await world.observed('api.example.com')
  const keep = async (fingerprint: string) => {
    const job = engineJob({ certificate: 'api' })
    await world.store.addJob(job)
    await world.store.putIssued(
      { ...job, step: 'done' },
      keptCertificate({ certificate: 'api', fingerprint }),
    )
  }
  await keep(managed.fingerprint)
  world.managed.set('api', { name: 'api', ca: 'pebble', reuse_key: false } as never)
  const id = await planned([])
  await apply(id)
  expect(world.asked[0]).toMatchObject({ certificate: 'api', reason: 'reissue', key: { type: 'ec256' } })
  expect(await statesOf(id)).toEqual(['done'])

  const other = await planned([])
  await world.store.putLines(other, [{ ...(await world.store.lines(id))[0]!, state: 'planned', job: null }])
  await keep('ff'.repeat(32))
  await apply(other)
  expect((await world.store.lines(other))[0]).toMatchObject({
    state: 'skipped',
    error: 'it was renewed meanwhile',
  })
  expect(world.asked).toHaveLength(1)
})

test('what was replaced, or whose key was given away, since the plan was made is skipped', async () => {
  const id = await planned(['a.example.com', 'b.example.com', 'c.example.com'])
  const [a, b] = world.certificates
  world.replace({ fingerprint: a!.fingerprint, replacedBy: 'ab'.repeat(32) })
  world.replace({ fingerprint: b!.fingerprint, revokedAt: '2026-06-01T00:00:00.000Z', revocationReason: 1 })
  const { plan, lines } = await apply(id)
  expect(lines.map(({ state }) => state)).toEqual(['skipped', 'skipped', 'done'])
  expect(lines[0]?.error).toContain('replaced meanwhile')
  expect(lines[1]?.error).toContain('keyCompromise')
  expect(plan.state).toBe('done')
  expect(world.asked).toHaveLength(1)
})

describe('failures', () => {
  test('stop it when they are too many, and it goes on where it stood', async () => {
    const names = Array.from({ length: 10 }, (_, n) => `n${n}.example.com`)
    const id = await planned(names, 50)
    for (const name of ['n1', 'n2', 'n4']) world.fates.set(name, 'failed')
    const { plan } = await apply(id)
    // n0 done, n1 and n2 failed, n3 done, n4 failed: 3 of 5.
    expect(plan.state).toBe('stopped')
    expect(plan.stoppedBecause).toBe('3 of the last 5 lines failed, and it stops at 50 percent')
    expect(await statesOf(id)).toEqual([
      'done',
      'failed',
      'failed',
      'done',
      'failed',
      ...Array(5).fill('planned'),
    ])
    expect((await world.store.lines(id))[1]?.error).toBe('the CA could not reach it')
    world.fates.clear()
    expect((await apply(id)).plan).toMatchObject({ state: 'done', stoppedBecause: null })
    expect(await statesOf(id)).toEqual(Array(10).fill('done'))
    expect([...world.issued.values()]).toEqual(Array(10).fill(1))
  })

  test('three of three are enough; few of many are not', async () => {
    const id = await planned(['x1.example.com', 'x2.example.com', 'x3.example.com', 'x4.example.com'], 90)
    world.fates.set('x', 'refused')
    expect((await apply(id)).plan.stoppedBecause).toContain('3 of the last 3 lines')
    expect(world.asked).toHaveLength(3)
  })

  test('a job that waits for its next attempt is a failed line for now, and the same job is gone on with', async () => {
    const id = await planned(['w.example.com', 'ok.example.com'])
    world.fates.set('w', 'waiting')
    await apply(id)
    expect(await statesOf(id)).toEqual(['failed', 'done'])
    const [before] = await world.store.lines(id)
    world.fates.clear()
    await apply(id)
    const [after] = await world.store.lines(id)
    expect(after).toMatchObject({ state: 'done', job: before?.job })
    expect(world.asked).toHaveLength(2)
  })

  test('what the engine has finished by itself since then counts when the plan is read', async () => {
    const id = await planned(['w.example.com'])
    world.fates.set('w', 'waiting')
    await apply(id)
    world.fates.clear()
    const [line] = await world.store.lines(id)
    const parts = world.applyParts()
    await parts.engine.run(line!.job!, { signal: world.stop.signal, onProgress: () => {} })
    expect((await readPlan(world.store, id))?.lines[0]).toMatchObject({ state: 'done', error: null })
    expect(await readPlan(world.store, 'none')).toBeNull()
  })
})

test('an abort leaves it to be gone on with', async () => {
  const id = await planned(['a.example.com', 'i.example.com', 'z.example.com'])
  world.fates.set('i', 'interrupted')
  const { plan } = await apply(id)
  expect(plan).toMatchObject({ state: 'stopped', stoppedBecause: expect.stringContaining('interrupted') })
  expect(await statesOf(id)).toEqual(['done', 'running', 'planned'])
  world.fates.clear()
  await apply(id, new AbortController().signal)
  expect(await statesOf(id)).toEqual(['done', 'done', 'done'])
  expect([...world.issued.values()]).toEqual([1, 1, 1])
})

test.each([false, true])(
  'whichever write is the last before the process ends, and whether or not (%s) the engine goes on by itself: no line is issued twice, none is left out',
  async (goesOn) => {
    const writes = async (limit: number): Promise<{ id: string; count: number }> => {
      world = new ReissueWorld()
      const id = await planned(['a.example.com', 'b.example.com', 'c.example.com'], 100)
      let count = 0
      for (const name of ['putPlan', 'putLines', 'addJob', 'putJob'] as const) {
        const put = world.store[name].bind(world.store) as (...given: unknown[]) => Promise<void>
        world.store[name] = (async (...given: unknown[]) => {
          if (count >= limit) throw new Error('killed')
          count += 1
          await put(...given)
        }) as never
      }
      await apply(id).catch((error: Error) => expect(error.message).toBe('killed'))
      return { id, count }
    }
    const { count } = await writes(Number.POSITIVE_INFINITY)
    expect(count).toBeGreaterThan(20)
    for (let limit = 0; limit <= count; limit++) {
      const { id } = await writes(limit)
      for (const name of ['putPlan', 'putLines', 'addJob', 'putJob'] as const)
        delete (world.store as never)[name]
      if (goesOn) {
        const watch = { signal: world.stop.signal, onProgress: () => {} }
        for (const job of await world.store.jobs({ open: true, limit: 10 }))
          await world.applyParts().engine.run(job.id, watch)
      }
      await apply(id)
      expect(await statesOf(id), `after ${limit} writes`).toEqual(['done', 'done', 'done'])
      expect([...world.issued.values()], `after ${limit} writes`).toEqual([1, 1, 1])
      expect(await world.store.jobs({ limit: 100 }), `after ${limit} writes`).toHaveLength(3)
    }
  },
)

test('a plan is applied by one at a time; one that is not there is told', async () => {
  const id = await planned(['a.example.com'])
  const runs = new PlanRuns(world.applyParts())
  const watch = { signal: world.stop.signal, onProgress: () => {}, onLine: () => {} }
  const first = runs.apply(id, watch)
  await expect(runs.apply(id, watch)).rejects.toMatchObject({ fault: 'input' })
  await first
  await runs.apply(id, watch)
  await expect(runs.apply('none', watch)).rejects.toThrow('there is no plan none')
})
