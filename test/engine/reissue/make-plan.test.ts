import { beforeEach, describe, expect, test } from 'vitest'
import type { ManagedCertificateConfig } from '../../../src/config/engine.ts'
import { makePlan } from '../../../src/engine/reissue/make-plan.ts'
import { WhereError } from '../../../src/engine/reissue/where.ts'
import { engineJob, keptCertificate, reissueLine, reissuePlan } from '../../support/engine/engine-values.ts'
import { ReissueWorld } from '../../support/engine/reissue-world.ts'

let world: ReissueWorld
beforeEach(() => {
  world = new ReissueWorld()
})

const plan = (where: string) => makePlan(world.planParts(), { where, madeBy: 'ops', pace: 5, stopAt: 20 })

async function manage(name: string, fingerprint: string, settings: Partial<ManagedCertificateConfig> = {}) {
  const job = engineJob({ certificate: name })
  await world.store.addJob(job)
  await world.store.putIssued({ ...job, step: 'done' }, keptCertificate({ certificate: name, fingerprint }))
  world.managed.set(name, { name, ca: 'pebble', reuse_key: false, ...settings } as ManagedCertificateConfig)
}

test('an observed certificate is repeated from its request, a managed one renewed; the plan is kept whole', async () => {
  const observed = await world.observed('www.example.com')
  const managed = await world.observed('api.example.com')
  await manage('api', managed.fingerprint)
  const made = await plan('expires<14d')
  expect(made.lines).toEqual([
    {
      line: 1,
      fingerprint: observed.fingerprint,
      names: observed.identifiers,
      why: 'its renewal is overdue; ends on 2026-06-10, in 9 days',
      way: 'repeat',
      cannot: null,
      ca: 'pebble',
      certificate: expect.stringMatching(/^www\.example\.com-[0-9a-f]{8}$/),
      state: 'planned',
      job: null,
      replacedBy: null,
      error: null,
    },
    expect.objectContaining({ line: 2, way: 'renew', certificate: 'api', ca: 'pebble' }),
  ])
  expect(made.plan).toMatchObject({
    where: 'expires<14d',
    madeBy: 'ops',
    pace: 5,
    stopAt: 20,
    state: 'planned',
  })
  expect(await world.store.plan(made.plan.id)).toEqual(made.plan)
  expect(await world.store.lines(made.plan.id)).toEqual(made.lines)
  expect(world.supposed).toEqual([
    { ca: 'pebble', names: observed.identifiers, profile: null, csr: expect.any(Buffer) },
    { ca: 'pebble', names: managed.identifiers, profile: null, csr: null },
  ])
})

describe('what cannot be done has its line, with why', () => {
  test.each<[string, (world: ReissueWorld, fingerprint: string) => void, string]>([
    ['no request is kept', ({ requests }, it) => requests.set(it, { cannot: 'gone' }), 'gone'],
    [
      'no CA issued it',
      (w, fingerprint) => w.replace({ fingerprint, ca: null }),
      'no CA of the configuration',
    ],
    [
      'its CA is gone',
      (w, fingerprint) => w.replace({ fingerprint, ca: 'old' }),
      'CA old is not in the configuration',
    ],
    [
      'no solver',
      (w) => (w.solverFault = (name) => `nobody answers for ${name}`),
      'nobody answers for www.example.com',
    ],
    [
      'policy would refuse it',
      (w) => (w.policyFault = () => 'rule no-www denies it'),
      'rule no-www denies it',
    ],
  ])('%s', async (_, arrange, why) => {
    const { fingerprint } = await world.observed('www.example.com')
    arrange(world, fingerprint)
    const { lines } = await plan('expires<14d')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ way: null, state: 'planned' })
    expect(lines[0]?.cannot).toContain(why)
  })

  test('a key that was given away is certified for nobody again, whichever certificate of it was revoked', async () => {
    const other = await world.observed('www.example.com')
    const managed = await world.observed('api.example.com', { spki: other.spki })
    await world.observed('old.example.com', {
      spki: other.spki,
      revokedAt: '2026-05-20T00:00:00.000Z',
      revocationReason: 1,
    })
    await manage('api', managed.fingerprint, { reuse_key: true })
    const { lines } = await plan('expires<14d or revoked')
    expect(lines.map(({ way }) => way)).toEqual([null, null, null])
    expect(lines[0]?.cannot).toContain('nothing may be certified for it again')
    expect(lines[1]?.cannot).toContain('set reuse_key: false for api')
    expect(lines[2]?.why).toMatch(/^revoked on 2026-05-20 \(keyCompromise\); /)
    await manage('api2', managed.fingerprint, { reuse_key: false })
    const again = await plan('name=api.example.com')
    expect(again.lines[0]).toMatchObject({ way: 'renew', certificate: 'api2' })
  })

  test('what another plan has reissued, or is at', async () => {
    const [one, two] = [await world.observed('one.example.com'), await world.observed('two.example.com')]
    const earlier = reissuePlan()
    await world.store.putPlan(earlier)
    await world.store.putLines(earlier.id, [
      reissueLine({ line: 1, fingerprint: one.fingerprint, state: 'done' }),
      reissueLine({ line: 2, fingerprint: two.fingerprint, state: 'running' }),
    ])
    const { lines } = await plan('expires<14d')
    expect(lines[0]?.cannot).toContain(`reissued already, by line 1 of plan ${earlier.id}`)
    expect(lines[1]?.cannot).toContain(`acmetap reissue apply ${earlier.id}`)
  })

  test('what another line of it obtains already', async () => {
    const { spki } = await world.observed('www.example.com')
    await world.observed('www.example.com', { spki })
    const { lines } = await plan('expires<14d')
    expect(lines[1]?.cannot).toBe('line 1 obtains the same: same key, same names')
  })
})

test('what ended, was revoked or replaced is chosen only where the expression speaks of it', async () => {
  await world.observed('current.example.com')
  await world.observed('ended.example.com', { notAfter: '2026-05-01T00:00:00.000Z' })
  await world.observed('revoked.example.com', { revokedAt: '2026-05-01T00:00:00.000Z', revocationReason: 4 })
  await world.observed('replaced.example.com', { replacedBy: 'ab'.repeat(32) })
  const names = async (where: string) =>
    (await plan(where)).lines.map(({ names }) => names[0]?.value.split('.')[0])
  expect(await names('expires<14d')).toEqual(['current'])
  expect(await names('expires<14d or expired')).toEqual(['current', 'ended'])
  expect(await names('revoked')).toEqual(['revoked'])
  expect(await names('replaced')).toEqual(['replaced'])
})

test('nothing is kept of an expression that cannot be read', async () => {
  await expect(plan('expires<')).rejects.toBeInstanceOf(WhereError)
  expect(await world.store.plans()).toEqual([])
})
