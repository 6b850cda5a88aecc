import type Database from 'better-sqlite3'
import type { EngineAccount } from '../../../engine/account.ts'
import {
  ENDED_JOBS_KEPT,
  FORGOTTEN_AT_ONCE,
  type JobFilter,
  type OpenJob,
} from '../../../engine/engine-store.ts'
import type { Job, KeptCertificate, PresentedChallenge } from '../../../engine/job.ts'
import type { ReissueLine, ReissuePlan } from '../../../engine/reissue/plan.ts'
import type { Sealed } from '../../../engine/sealing.ts'
import { RowRefused } from '../row-refused.ts'

interface Body {
  readonly body: string
}
interface Keyed extends Body {
  readonly key: Sealed | null
}

/** Reads and writes the engine's tables. Nothing here begins or ends a transaction. */
export class EngineRows {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  accounts(): readonly EngineAccount[] {
    return this.#run.accounts
      .all()
      .map(({ body, key, next_key }) => ({ ...JSON.parse(body), key, nextKey: next_key }) as EngineAccount)
  }

  putAccount({ key, nextKey, ...account }: EngineAccount): void {
    this.#run.putAccount.run(account.id, key, nextKey, JSON.stringify(account))
  }

  jobs({ certificate, open, plan, limit }: JobFilter): readonly Job[] {
    const state = open === true || open === 'own' ? 0 : null
    if (plan !== undefined)
      return this.#run.jobsOfPlan
        .all(plan, certificate ?? null, certificate ?? null, state, state, limit)
        .map(jobOf)
    if (certificate !== undefined) return this.#run.jobsOf.all(certificate, state, state, limit).map(jobOf)
    const { jobs, openJobs, ownJobs } = this.#run
    return (open === 'own' ? ownJobs : state === 0 ? openJobs : jobs).all(limit).map(jobOf)
  }

  openJobs(): readonly OpenJob[] {
    return this.#run.allOpen.all()
  }

  job(id: string): Job | null {
    const row = this.#run.job.get(id)
    return row === undefined ? null : jobOf(row)
  }

  addJob(job: Job): void {
    if (this.#run.job.get(job.id) !== undefined) throw new RowRefused(`there is a job ${job.id} already`)
    const other = this.#run.openJob.get(job.certificate)
    if (other !== undefined)
      throw new RowRefused(`${job.certificate} is on its way already, by the job ${other.id}`)
    const { key, ...body } = job
    this.#run.addJob.run(
      job.id,
      job.certificate,
      job.line?.plan ?? null,
      Number(hasEnded(job)),
      key,
      JSON.stringify(body),
      brokeredAt(job),
    )
  }

  putJob(job: Job): void {
    const { key, ...body } = job
    const { changes } = this.#run.putJob.run(
      Number(hasEnded(job)),
      key,
      JSON.stringify(body),
      brokeredAt(job),
      job.id,
      job.certificate,
    )
    if (changes === 1) {
      if (hasEnded(job) && job.brokered === undefined)
        this.#run.forgetEnded.run(job.certificate, job.certificate, ENDED_JOBS_KEPT)
      return
    }
    const kept = this.#run.job.get(job.id)
    if (kept === undefined) throw new RowRefused(`there is no job ${job.id}`)
    throw new RowRefused(
      hasEnded(jobOf(kept)) ? `the job ${job.id} has ended` : `the job ${job.id} is for another certificate`,
    )
  }

  forgetBrokered({ ended, open }: { readonly ended: number; readonly open: number }): number {
    const forget = (state: number, before: number) =>
      this.#run.forgetBrokered.run(state, before, FORGOTTEN_AT_ONCE).changes
    return forget(1, ended) + forget(0, open)
  }

  presented(job?: string): readonly PresentedChallenge[] {
    const rows = job === undefined ? this.#run.presented.all() : this.#run.presentedBy.all(job)
    return rows.map(({ body }) => JSON.parse(body) as PresentedChallenge)
  }

  addPresented(challenge: PresentedChallenge): void {
    const { job, attempt, solver } = challenge
    this.#run.addPresented.run(job, attempt.url, solver, JSON.stringify(challenge))
  }

  removePresented({ job, attempt, solver }: PresentedChallenge): void {
    this.#run.removePresented.run(job, attempt.url, solver)
  }

  certificates(): readonly KeptCertificate[] {
    return this.#run.certificates
      .all()
      .map(({ body, key }) => ({ ...JSON.parse(body), key }) as KeptCertificate)
  }

  putIssued(job: Job, { key, ...certificate }: KeptCertificate): void {
    this.putJob(job)
    this.#run.putCertificate.run(certificate.certificate, key, JSON.stringify(certificate))
  }

  markRevoked(fingerprint: string, at: number): void {
    this.#run.markRevoked.run(at, fingerprint)
  }

  plans(): readonly ReissuePlan[] {
    return this.#run.plans.all().map(({ body }) => JSON.parse(body) as ReissuePlan)
  }

  plan(id: string): ReissuePlan | null {
    const row = this.#run.plan.get(id)
    return row === undefined ? null : (JSON.parse(row.body) as ReissuePlan)
  }

  putPlan(plan: ReissuePlan): void {
    this.#run.putPlan.run(plan.id, JSON.stringify(plan))
  }

  lines(plan: string): readonly ReissueLine[] {
    return this.#run.lines.all(plan).map(({ body }) => JSON.parse(body) as ReissueLine)
  }

  putLines(plan: string, lines: readonly ReissueLine[]): void {
    for (const line of lines) this.#run.putLine.run(plan, line.line, JSON.stringify(line))
  }
}

function hasEnded({ step }: Job): boolean {
  return step === 'done' || step === 'failed'
}

function brokeredAt({ brokered, changedAt }: Job): number | null {
  return brokered === undefined ? null : changedAt
}

function jobOf({ body, key }: Keyed): Job {
  return { ...JSON.parse(body), key } as Job
}

function statements(db: Database.Database) {
  return {
    accounts: db.prepare<[], Keyed & { readonly next_key: Sealed | null }>(
      'select key, next_key, body from accounts order by number',
    ),
    putAccount: db.prepare<[string, string, string | null, string]>(
      `insert into accounts (id, key, next_key, body) values (?, ?, ?, ?)
       on conflict (id) do update set key = excluded.key, next_key = excluded.next_key, body = excluded.body`,
    ),
    job: db.prepare<[string], Keyed>('select key, body from jobs where id = ?'),
    jobs: db.prepare<[number], Keyed>('select key, body from jobs order by number desc limit ?'),
    openJobs: db.prepare<[number], Keyed>(
      'select key, body from jobs indexed by jobs_open where ended = 0 order by number desc limit ?',
    ),
    ownJobs: db.prepare<[number], Keyed>(
      `select key, body from jobs indexed by jobs_own where ended = 0 and brokered_at is null
       order by number desc limit ?`,
    ),
    allOpen: db.prepare<[], OpenJob>(
      `select id, body ->> 'notBefore' as notBefore, body ->> 'changedAt' as changedAt
       from jobs indexed by jobs_own where ended = 0 and brokered_at is null order by number`,
    ),
    jobsOf: db.prepare<[string, number | null, number | null, number], Keyed>(
      `select key, body from jobs where certificate = ? and (? is null or ended = ?)
       order by number desc limit ?`,
    ),
    jobsOfPlan: db.prepare<
      [string, string | null, string | null, number | null, number | null, number],
      Keyed
    >(
      `select key, body from jobs where plan = ? and (? is null or certificate = ?) and (? is null or ended = ?)
       order by number desc limit ?`,
    ),
    openJob: db.prepare<[string], { readonly id: string }>(
      'select id from jobs where certificate = ? and ended = 0',
    ),
    addJob: db.prepare<[string, string, string | null, number, string | null, string, number | null]>(
      'insert into jobs (id, certificate, plan, ended, key, body, brokered_at) values (?, ?, ?, ?, ?, ?, ?)',
    ),
    putJob: db.prepare<[number, string | null, string, number | null, string, string]>(
      'update jobs set ended = ?, key = ?, body = ?, brokered_at = ? where id = ? and certificate = ? and ended = 0',
    ),
    forgetEnded: db.prepare<[string, string, number]>(
      `delete from jobs where certificate = ? and ended = 1 and plan is null and number <= (
         select number from jobs where certificate = ? and ended = 1 and plan is null
         order by number desc limit 1 offset ?
       )`,
    ),
    forgetBrokered: db.prepare<[number, number, number]>(
      `delete from jobs where number in (
         select number from jobs indexed by jobs_brokered
         where brokered_at is not null and ended = ? and brokered_at < ? order by brokered_at limit ?
       )`,
    ),
    presented: db.prepare<[], Body>('select body from presented'),
    presentedBy: db.prepare<[string], Body>('select body from presented where job = ?'),
    addPresented: db.prepare<[string, string, string, string]>(
      `insert into presented (job, url, solver, body) values (?, ?, ?, ?)
       on conflict do update set body = excluded.body`,
    ),
    removePresented: db.prepare<[string, string, string]>(
      'delete from presented where job = ? and url = ? and solver = ?',
    ),
    certificates: db.prepare<[], Keyed>('select key, body from certificates order by certificate'),
    putCertificate: db.prepare<[string, string | null, string]>(
      `insert into certificates (certificate, key, body) values (?, ?, ?)
       on conflict do update set key = excluded.key, body = excluded.body`,
    ),
    markRevoked: db.prepare<[number, string]>(
      `update certificates set body = json_set(body, '$.revokedAt', ?) where body ->> '$.fingerprint' = ?`,
    ),
    plans: db.prepare<[], Body>('select body from plans order by number desc'),
    plan: db.prepare<[string], Body>('select body from plans where id = ?'),
    putPlan: db.prepare<[string, string]>(
      'insert into plans (id, body) values (?, ?) on conflict (id) do update set body = excluded.body',
    ),
    lines: db.prepare<[string], Body>('select body from lines where plan = ? order by line'),
    putLine: db.prepare<[string, number, string]>(
      'insert into lines (plan, line, body) values (?, ?, ?) on conflict do update set body = excluded.body',
    ),
  }
}
