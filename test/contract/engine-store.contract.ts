import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EngineError } from '../../src/engine/engine-error.ts'
import { ENDED_JOBS_KEPT, type EngineStore } from '../../src/engine/engine-store.ts'
import type { Job } from '../../src/engine/job.ts'
import type { Sealed } from '../../src/engine/sealing.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import {
  ENGINE_T0,
  engineAccount,
  engineJob,
  keptCertificate,
  presentedChallenge,
  reissueLine,
  reissuePlan,
} from '../support/engine/engine-values.ts'

export interface EngineStoreUnderTest {
  readonly store: EngineStore
  /** The same data by another process; what was opened before is closed. */
  reopen(): Promise<EngineStoreUnderTest>
  close(): Promise<void>
}

/** What every store of the engine must do, whatever it is made of. */
export function engineStoreContract(name: string, create: () => Promise<EngineStoreUnderTest>): void {
  describe(`${name} as the store of the engine`, () => {
    let place: EngineStoreUnderTest
    let store: EngineStore

    beforeEach(async () => {
      place = await create()
      store = place.store
    })
    afterEach(() => place.close())

    const reopen = async (): Promise<void> => {
      place = await place.reopen()
      store = place.store
    }
    const refused = { name: EngineError.prototype.constructor.name, fault: 'input' }

    test('is empty at first', async () => {
      expect(await store.accounts()).toEqual([])
      expect(await store.jobs({ limit: 10 })).toEqual([])
      expect(await store.presented()).toEqual([])
      expect(await store.certificates()).toEqual([])
      expect(await store.plans()).toEqual([])
      expect(await store.lines('p1')).toEqual([])
      expect(await store.sealed()).toEqual([])
      expect(await store.job('j1')).toBeNull()
      expect(await store.plan('p1')).toBeNull()
    })

    test('keeps accounts whole, the last put of each', async () => {
      const first = engineAccount({ status: 'creating', url: null })
      const other = engineAccount({
        id: 'a2',
        ca: 'other',
        tenant: 'team-a',
        lostAt: ENGINE_T0,
        nextKey: 'v1.next' as Sealed,
      })
      await store.putAccount(first)
      await store.putAccount(other)
      await store.putAccount({ ...first, status: 'valid', url: 'https://ca.test/acct/9' })
      await reopen()
      expect(await store.accounts()).toEqual([
        { ...first, status: 'valid', url: 'https://ca.test/acct/9' },
        other,
      ])
      await store.putAccount({ ...other, key: 'v1.next' as Sealed, nextKey: null })
      expect((await store.accounts())[1]).toEqual({ ...other, key: 'v1.next', nextKey: null })
    })

    test('keeps jobs whole, newest first, by certificate, state and plan', async () => {
      const jobs = [
        engineJob({ certificate: 'a', step: 'failed' }),
        engineJob({ certificate: 'a', line: { plan: 'p1', line: 1 } }),
        engineJob({ certificate: 'b', line: { plan: 'p1', line: 2 }, step: 'done', key: null }),
        engineJob({ certificate: 'c', line: { plan: 'p2', line: 1 } }),
      ]
      for (const job of jobs) await store.addJob(job)
      await reopen()
      const ids = async (filter: Parameters<EngineStore['jobs']>[0]) =>
        (await store.jobs(filter)).map(({ id }) => jobs.findIndex((job) => job.id === id))
      expect(await store.jobs({ limit: 10 })).toEqual([...jobs].reverse())
      expect(await ids({ limit: 2 })).toEqual([3, 2])
      expect(await ids({ certificate: 'a', limit: 10 })).toEqual([1, 0])
      expect(await ids({ certificate: 'a', open: true, limit: 10 })).toEqual([1])
      expect(await ids({ open: true, limit: 10 })).toEqual([3, 1])
      expect(await ids({ open: false, limit: 10 })).toEqual([3, 2, 1, 0])
      expect(await ids({ plan: 'p1', limit: 10 })).toEqual([2, 1])
      expect(await ids({ plan: 'p1', open: true, limit: 10 })).toEqual([1])
      expect(await ids({ plan: 'p1', certificate: 'b', limit: 10 })).toEqual([2])
      expect(await store.job(jobs[2]!.id)).toEqual(jobs[2])
    })

    test('says of every open job when it is to be gone on with, oldest first', async () => {
      const first = engineJob({
        certificate: 'a',
        notBefore: ENGINE_T0 + 60_000_001,
        changedAt: ENGINE_T0 + 1,
      })
      const ended = engineJob({ certificate: 'b', step: 'failed' })
      const second = engineJob({ certificate: 'c' })
      for (const job of [first, ended, second]) await store.addJob(job)
      await reopen()
      expect(await store.openJobs()).toEqual([
        { id: first.id, notBefore: ENGINE_T0 + 60_000_001, changedAt: ENGINE_T0 + 1 },
        { id: second.id, notBefore: null, changedAt: ENGINE_T0 },
      ])
      await store.putJob({ ...first, step: 'done', notBefore: null })
      expect((await store.openJobs()).map(({ id }) => id)).toEqual([second.id])
    })

    test('refuses a second job on its way for one certificate, and a second with one id', async () => {
      const job = engineJob()
      await store.addJob(job)
      await expect(store.addJob(engineJob())).rejects.toMatchObject(refused)
      await expect(store.addJob({ ...job, certificate: 'another' })).rejects.toMatchObject(refused)
      await store.putJob({ ...job, step: 'done' })
      const next = engineJob()
      await store.addJob(next)
      expect((await store.jobs({ limit: 10 })).map(({ id }) => id)).toEqual([next.id, job.id])
    })

    test('puts a job until it has ended, and no longer', async () => {
      const job = engineJob()
      await expect(store.putJob(job)).rejects.toMatchObject(refused)
      await store.addJob(job)
      const error = { message: 'no', type: null, exchange: null }
      const later = { ...job, step: 'ordered', order: 'https://ca.test/order/1', error } as const
      await store.putJob(later)
      expect(await store.job(job.id)).toEqual(later)
      await expect(store.putJob({ ...later, certificate: 'another' })).rejects.toMatchObject(refused)
      await store.putJob({ ...later, step: 'failed' })
      await expect(store.putJob(later)).rejects.toMatchObject(refused)
      await reopen()
      expect(await store.job(job.id)).toEqual({ ...later, step: 'failed' })
    })

    test('forgets what ended long ago, of each certificate, but not of plans', async () => {
      const end = async (changes: Parameters<typeof engineJob>[0] = {}) => {
        const job = engineJob(changes)
        await store.addJob(job)
        await store.putJob({ ...job, step: 'done' })
        return job.id
      }
      const planned = await end({ line: { plan: 'p1', line: 1 } })
      const other = await end({ certificate: 'other' })
      const ids: string[] = []
      for (let at = 0; at < ENDED_JOBS_KEPT + 2; at++) ids.unshift(await end())
      const open = engineJob()
      await store.addJob(open)
      await reopen()
      const left = (await store.jobs({ limit: 1000 })).map(({ id }) => id)
      expect(left).toEqual([open.id, ...ids.slice(0, ENDED_JOBS_KEPT), other, planned])
    })

    test('leaves brokered jobs out of what the engine goes on with, and forgets them by their age only', async () => {
      const brokered = { order: 'o1', tenant: 'team-a', parent: newExchangeId() }
      const add = async (changes: Parameters<typeof engineJob>[0]) => {
        const job = engineJob({ reason: 'brokered', csr: null, key: null, brokered, ...changes })
        await store.addJob(job)
        return job
      }
      const own = engineJob()
      await store.addJob(own)
      const open = await add({ certificate: 'broker:o1@a' })
      const old = await add({ certificate: 'broker:o2@a', changedAt: ENGINE_T0 - 2 })
      const ended: Job[] = []
      for (let at = 0; at < ENDED_JOBS_KEPT + 2; at++) {
        const job = await add({ certificate: 'broker:o3@a' })
        const done = { ...job, step: 'done', csr: 'MIIB', changedAt: ENGINE_T0 + at } as const
        await store.putJob(done)
        ended.unshift(done)
      }
      const stale = engineJob({ certificate: 'own', step: 'done', changedAt: ENGINE_T0 - 10 })
      await store.addJob(stale)
      await reopen()
      expect((await store.openJobs()).map(({ id }) => id)).toEqual([own.id])
      expect(await store.jobs({ open: 'own', limit: 10 })).toEqual([own])
      expect((await store.jobs({ open: true, limit: 10 })).map(({ id }) => id)).toEqual([
        old.id,
        open.id,
        own.id,
      ])
      expect(await store.jobs({ certificate: 'broker:o3@a', limit: 100 })).toEqual(ended)
      expect(await store.forgetBrokered({ ended: ENGINE_T0 + 3, open: ENGINE_T0 })).toBe(4)
      await reopen()
      expect(await store.job(old.id)).toBeNull()
      expect(await store.jobs({ certificate: 'broker:o3@a', limit: 100 })).toEqual(ended.slice(0, -3))
      expect([await store.job(open.id), await store.job(own.id), await store.job(stale.id)]).toEqual([
        open,
        own,
        stale,
      ])
      expect(await store.forgetBrokered({ ended: ENGINE_T0 + 3, open: ENGINE_T0 })).toBe(0)
    })

    test('notes what was presented until it is taken away', async () => {
      const first = presentedChallenge()
      const second = presentedChallenge({ attempt: { ...first.attempt, url: 'https://ca.test/chall/2' } })
      const third = presentedChallenge({ solver: 'dns' })
      for (const each of [first, second, third, first]) await store.addPresented(each)
      await reopen()
      expect(sorted(await store.presented())).toEqual(sorted([first, second, third]))
      const others = presentedChallenge({ job: 'j2' })
      await store.addPresented(others)
      expect(await store.presented('j2')).toEqual([others])
      expect(sorted(await store.presented('j1'))).toEqual(sorted([first, second, third]))
      expect(await store.presented('j3')).toEqual([])
      await store.removePresented(others)
      await store.removePresented(first)
      await store.removePresented(first)
      expect(sorted(await store.presented())).toEqual(sorted([second, third]))
    })

    test('keeps a certificate together with the step of its job', async () => {
      const job = engineJob()
      const kept = keptCertificate({ job: job.id })
      await expect(store.putIssued(job, kept)).rejects.toMatchObject(refused)
      expect(await store.certificates()).toEqual([])
      await store.addJob(job)
      const issued = { ...job, step: 'issued', chain: kept.chain, key: null } as const
      await store.putIssued(issued, kept)
      await reopen()
      expect(await store.job(job.id)).toEqual(issued)
      expect(await store.certificates()).toEqual([kept])
      await store.putJob({ ...issued, step: 'done' })
      const next = engineJob()
      await store.addJob(next)
      const newer = keptCertificate({ job: next.id, fingerprint: 'ef'.repeat(32), key: null })
      await store.putIssued({ ...next, step: 'issued' }, newer)
      expect(await store.certificates()).toEqual([newer])
      await store.markRevoked(kept.fingerprint, 17)
      expect(await store.certificates()).toEqual([newer])
      await store.markRevoked(newer.fingerprint, 17)
      await reopen()
      expect(await store.certificates()).toEqual([{ ...newer, revokedAt: 17 }])
    })

    test('keeps plans, newest first, with their lines by number', async () => {
      const [first, second] = [reissuePlan(), reissuePlan()]
      await store.putPlan(first)
      await store.putPlan(second)
      await store.putPlan({ ...first, state: 'stopped', stoppedBecause: 'too many failed' })
      await store.putLines(first.id, [reissueLine({ line: 10 }), reissueLine({ line: 2 })])
      await store.putLines(second.id, [reissueLine({ line: 1 })])
      await store.putLines(first.id, [reissueLine({ line: 10, state: 'running', job: 'j1' })])
      await reopen()
      const stopped = { ...first, state: 'stopped', stoppedBecause: 'too many failed' }
      expect(await store.plans()).toEqual([second, stopped])
      expect(await store.plan(first.id)).toEqual(stopped)
      expect(await store.lines(first.id)).toEqual([
        reissueLine({ line: 2 }),
        reissueLine({ line: 10, state: 'running', job: 'j1' }),
      ])
    })

    test('seals anew: everything, or nothing', async () => {
      const job = engineJob()
      await store.addJob(job)
      await store.putAccount(engineAccount({ nextKey: 'v1.next' as Sealed }))
      await store.addJob(engineJob({ certificate: 'other', key: null }))
      await store.putIssued({ ...job, step: 'done' }, keptCertificate())
      const sealed = await store.sealed()
      expect(sorted(sealed)).toEqual(
        sorted([
          { place: { table: 'account', id: 'a1', column: 'key' }, sealed: 'v1.account-key' },
          { place: { table: 'account', id: 'a1', column: 'nextKey' }, sealed: 'v1.next' },
          { place: { table: 'job', id: job.id, column: 'key' }, sealed: 'v1.job-key' },
          {
            place: { table: 'certificate', id: 'www.example.com', column: 'key' },
            sealed: 'v1.certificate-key',
          },
        ]),
      )
      const changes = sealed.map(({ place, sealed: from }) => ({ place, from, to: `${from}2` as Sealed }))
      const stale = changes.map((change, at) =>
        at === 3 ? { ...change, from: 'v1.gone' as Sealed } : change,
      )
      await expect(store.reseal(stale)).rejects.toMatchObject(refused)
      expect(sorted(await store.sealed())).toEqual(sorted(sealed))
      await store.reseal(changes)
      await reopen()
      expect((await store.accounts())[0]).toMatchObject({ key: 'v1.account-key2', nextKey: 'v1.next2' })
      expect(await store.job(job.id)).toEqual({ ...job, step: 'done', key: 'v1.job-key2' })
      expect((await store.certificates())[0]?.key).toBe('v1.certificate-key2')
    })

    test('hands out copies, and takes them', async () => {
      const identifiers = [{ type: 'dns', value: 'www.example.com' }]
      const job = engineJob({ identifiers })
      await store.addJob(job)
      identifiers.push({ type: 'dns', value: 'intruder.example.com' })
      const read = await store.job(job.id)
      ;(read!.identifiers as { type: string; value: string }[]).length = 0
      expect((await store.job(job.id))?.identifiers).toEqual([{ type: 'dns', value: 'www.example.com' }])
    })
  })
}

function sorted<T>(values: readonly T[]): T[] {
  return [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
