import type Database from 'better-sqlite3'
import type { EngineStore } from '../../../engine/engine-store.ts'
import type { StoreFaults } from '../faults.ts'
import { engineFile, openEngineFile } from './engine-file.ts'
import { EngineRows } from './engine-rows.ts'
import { RegistrationRows } from './registration-rows.ts'
import { SealedRows } from './sealed-rows.ts'

/** The methods of an EngineStore, answered at once. */
export type EngineQuestion = Exclude<keyof EngineStore, 'close'>
export type EngineAnswers = {
  readonly [Name in EngineQuestion]: (
    ...given: Parameters<EngineStore[Name]>
  ) => Awaited<ReturnType<EngineStore[Name]>>
}

export interface EngineDatabase {
  readonly answers: EngineAnswers
  close(): void
}

/** The engine's database of a data folder in this thread. Throws as {@link openEngineFile} does. */
export function openEngineDatabase(folder: string, faults: StoreFaults | null): EngineDatabase {
  const db = openEngineFile(engineFile(folder))
  const rows = new EngineRows(db)
  const registrations = new RegistrationRows(db)
  const sealed = new SealedRows(db)
  const write =
    <Given extends unknown[], Result>(change: (...given: Given) => Result) =>
    (...given: Given): Result =>
      commit(db, faults, () => change(...given))
  return {
    answers: {
      accounts: () => rows.accounts(),
      putAccount: write((account) => rows.putAccount(account)),
      jobs: (filter) => rows.jobs(filter),
      openJobs: () => rows.openJobs(),
      job: (id) => rows.job(id),
      addJob: write((job) => rows.addJob(job)),
      putJob: write((job) => rows.putJob(job)),
      forgetBrokered: write((before) => rows.forgetBrokered(before)),
      presented: (job) => rows.presented(job),
      addPresented: write((challenge) => rows.addPresented(challenge)),
      removePresented: write((challenge) => rows.removePresented(challenge)),
      certificates: () => rows.certificates(),
      putIssued: write((job, certificate) => rows.putIssued(job, certificate)),
      markRevoked: write((fingerprint, at) => rows.markRevoked(fingerprint, at)),
      plans: () => rows.plans(),
      plan: (id) => rows.plan(id),
      putPlan: write((plan) => rows.putPlan(plan)),
      lines: (plan) => rows.lines(plan),
      putLines: write((plan, lines) => rows.putLines(plan, lines)),
      registrations: () => registrations.all(),
      addRegistration: write((registration) => registrations.add(registration)),
      putRegistration: write((registration) => registrations.put(registration)),
      removeRegistration: write((subdomain) => registrations.remove(subdomain)),
      sealed: () => sealed.all(),
      reseal(changes) {
        commit(db, faults, () => sealed.replace(changes))
        // What was sealed under the secret of before would stay in the log until it is written over.
        db.pragma('wal_checkpoint(TRUNCATE)')
      },
    },
    close: () => db.close(),
  }
}

function commit<Result>(db: Database.Database, faults: StoreFaults | null, change: () => Result): Result {
  db.exec('begin immediate')
  try {
    const result = change()
    if (faults === null) db.exec('commit')
    else faults.commit(() => db.exec('commit'))
    return result
  } catch (error) {
    if (db.inTransaction) db.exec('rollback')
    throw error
  }
}
