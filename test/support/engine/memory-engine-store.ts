import type { EngineAccount } from '../../../src/engine/account.ts'
import type { DnsRegistration } from '../../../src/engine/dns/registration-store.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import {
  ENDED_JOBS_KEPT,
  type EngineStore,
  FORGOTTEN_AT_ONCE,
  type JobFilter,
  type OpenJob,
  type Resealed,
} from '../../../src/engine/engine-store.ts'
import type { Job, KeptCertificate, PresentedChallenge } from '../../../src/engine/job.ts'
import type { ReissueLine, ReissuePlan } from '../../../src/engine/reissue/plan.ts'
import type { Sealed, SealedPlace } from '../../../src/engine/sealing.ts'

/** An EngineStore without a disk: passes the contract, and hands out copies, as one behind a thread does. */
export class MemoryEngineStore implements EngineStore {
  readonly #accounts = new Map<string, EngineAccount>()
  readonly #jobs = new Map<string, Job>()
  readonly #presented = new Map<string, PresentedChallenge>()
  readonly #certificates = new Map<string, KeptCertificate>()
  readonly #plans = new Map<string, ReissuePlan>()
  readonly #lines = new Map<string, Map<number, ReissueLine>>()
  readonly #registrations = new Map<string, DnsRegistration>()
  /** Every write that follows rejects with it. */
  fault: Error | null = null

  async accounts(): Promise<readonly EngineAccount[]> {
    return structuredClone([...this.#accounts.values()])
  }

  async putAccount(account: EngineAccount): Promise<void> {
    this.#write()
    this.#accounts.set(account.id, structuredClone(account))
  }

  async jobs({ certificate, open, plan, limit }: JobFilter): Promise<readonly Job[]> {
    const found = [...this.#jobs.values()]
      .reverse()
      .filter((job) => certificate === undefined || job.certificate === certificate)
      .filter((job) => (open !== true && open !== 'own') || !hasEnded(job))
      .filter((job) => open !== 'own' || job.brokered === undefined)
      .filter((job) => plan === undefined || job.line?.plan === plan)
    return structuredClone(found.slice(0, limit))
  }

  async openJobs(): Promise<readonly OpenJob[]> {
    return [...this.#jobs.values()]
      .filter((job) => !hasEnded(job) && job.brokered === undefined)
      .map(({ id, notBefore, changedAt }) => ({ id, notBefore, changedAt }))
  }

  async job(id: string): Promise<Job | null> {
    return structuredClone(this.#jobs.get(id) ?? null)
  }

  async addJob(job: Job): Promise<void> {
    this.#write()
    if (this.#jobs.has(job.id)) throw new EngineError('input', `there is a job ${job.id} already`)
    const other = [...this.#jobs.values()].find(
      (each) => each.certificate === job.certificate && !hasEnded(each),
    )
    if (other !== undefined)
      throw new EngineError('input', `${job.certificate} is on its way already, by the job ${other.id}`)
    this.#jobs.set(job.id, structuredClone(job))
  }

  async putJob(job: Job): Promise<void> {
    this.#write()
    this.#mustBeOpen(job)
    this.#jobs.set(job.id, structuredClone(job))
    if (!hasEnded(job) || job.brokered !== undefined) return
    const ended = [...this.#jobs.values()].filter(
      (each) => hasEnded(each) && each.certificate === job.certificate && each.line === null,
    )
    for (const { id } of ended.slice(0, -ENDED_JOBS_KEPT)) this.#jobs.delete(id)
  }

  async forgetBrokered(before: { readonly ended: number; readonly open: number }): Promise<number> {
    this.#write()
    const forgotten = [true, false].flatMap((ended) =>
      [...this.#jobs.values()]
        .filter((job) => job.brokered !== undefined && hasEnded(job) === ended)
        .filter(({ changedAt }) => changedAt < (ended ? before.ended : before.open))
        .sort((a, b) => a.changedAt - b.changedAt)
        .slice(0, FORGOTTEN_AT_ONCE),
    )
    for (const { id } of forgotten) this.#jobs.delete(id)
    return forgotten.length
  }

  async presented(of?: string): Promise<readonly PresentedChallenge[]> {
    const all = [...this.#presented.values()]
    return structuredClone(all.filter(({ job }) => of === undefined || job === of))
  }

  async addPresented(challenge: PresentedChallenge): Promise<void> {
    this.#write()
    this.#presented.set(placeOf(challenge), structuredClone(challenge))
  }

  async removePresented(challenge: PresentedChallenge): Promise<void> {
    this.#write()
    this.#presented.delete(placeOf(challenge))
  }

  async certificates(): Promise<readonly KeptCertificate[]> {
    const all = [...this.#certificates.values()].sort((a, b) => (a.certificate < b.certificate ? -1 : 1))
    return structuredClone(all)
  }

  async putIssued(job: Job, certificate: KeptCertificate): Promise<void> {
    this.#write()
    this.#mustBeOpen(job)
    this.#jobs.set(job.id, structuredClone(job))
    this.#certificates.set(certificate.certificate, structuredClone(certificate))
  }

  async markRevoked(fingerprint: string, at: number): Promise<void> {
    this.#write()
    for (const [name, kept] of this.#certificates)
      if (kept.fingerprint === fingerprint) this.#certificates.set(name, { ...kept, revokedAt: at })
  }

  async plans(): Promise<readonly ReissuePlan[]> {
    return structuredClone([...this.#plans.values()].reverse())
  }

  async plan(id: string): Promise<ReissuePlan | null> {
    return structuredClone(this.#plans.get(id) ?? null)
  }

  async putPlan(plan: ReissuePlan): Promise<void> {
    this.#write()
    this.#plans.set(plan.id, structuredClone(plan))
  }

  async lines(plan: string): Promise<readonly ReissueLine[]> {
    const lines = [...(this.#lines.get(plan)?.values() ?? [])].sort((a, b) => a.line - b.line)
    return structuredClone(lines)
  }

  async putLines(plan: string, lines: readonly ReissueLine[]): Promise<void> {
    this.#write()
    const kept = this.#lines.get(plan) ?? new Map<number, ReissueLine>()
    for (const line of lines) kept.set(line.line, structuredClone(line))
    this.#lines.set(plan, kept)
  }

  async registrations(): Promise<readonly DnsRegistration[]> {
    return structuredClone([...this.#registrations.values()])
  }

  async addRegistration(registration: DnsRegistration): Promise<void> {
    this.#write()
    const { subdomain, username } = registration
    const known = [...this.#registrations.values()]
    if (known.some((one) => one.subdomain === subdomain || one.username === username)) {
      throw new EngineError('input', `there is a registration ${subdomain} already, or one of the same user`)
    }
    this.#registrations.set(subdomain, structuredClone(registration))
  }

  async putRegistration(registration: DnsRegistration): Promise<void> {
    this.#write()
    const { subdomain, username } = registration
    if (this.#registrations.get(subdomain)?.username !== username)
      throw new EngineError('input', `there is no registration ${subdomain}`)
    this.#registrations.set(subdomain, structuredClone(registration))
  }

  async removeRegistration(subdomain: string): Promise<void> {
    this.#write()
    this.#registrations.delete(subdomain)
  }

  async sealed(): Promise<readonly { readonly place: SealedPlace; readonly sealed: Sealed }[]> {
    const all = [...this.#places()].map(({ place, sealed }) => ({ place, sealed }))
    return all.filter((one): one is { place: SealedPlace; sealed: Sealed } => one.sealed !== null)
  }

  async reseal(changes: readonly Resealed[]): Promise<void> {
    this.#write()
    const places = new Map([...this.#places()].map((each) => [JSON.stringify(each.place), each]))
    const found = changes.map(({ place, from, to }) => {
      const there = places.get(JSON.stringify(place))
      if (there?.sealed !== from)
        throw new EngineError(
          'input',
          `the ${place.column} of the ${place.table} ${place.id} has changed meanwhile`,
        )
      return () => there.put(to)
    })
    for (const put of found) put()
  }

  async close(): Promise<void> {}

  *#places(): Iterable<{ place: SealedPlace; sealed: Sealed | null; put: (to: Sealed) => void }> {
    for (const [id, value] of this.#accounts) {
      yield {
        place: { table: 'account', id, column: 'key' },
        sealed: value.key,
        put: (key) => void this.#accounts.set(id, { ...this.#accounts.get(id)!, key }),
      }
      yield {
        place: { table: 'account', id, column: 'nextKey' },
        sealed: value.nextKey,
        put: (nextKey) => void this.#accounts.set(id, { ...this.#accounts.get(id)!, nextKey }),
      }
    }
    for (const [id, value] of this.#jobs)
      yield {
        place: { table: 'job', id, column: 'key' },
        sealed: value.key,
        put: (key) => void this.#jobs.set(id, { ...value, key }),
      }
    for (const [id, value] of this.#certificates)
      yield {
        place: { table: 'certificate', id, column: 'key' },
        sealed: value.key,
        put: (key) => void this.#certificates.set(id, { ...value, key }),
      }
  }

  #mustBeOpen({ id, certificate }: Job): void {
    const kept = this.#jobs.get(id)
    if (kept === undefined) throw new EngineError('input', `there is no job ${id}`)
    if (hasEnded(kept)) throw new EngineError('input', `the job ${id} has ended`)
    if (kept.certificate !== certificate)
      throw new EngineError('input', `the job ${id} is for another certificate`)
  }

  #write(): void {
    if (this.fault !== null) throw this.fault
  }
}

function hasEnded({ step }: Job): boolean {
  return step === 'done' || step === 'failed'
}

function placeOf({ job, attempt, solver }: PresentedChallenge): string {
  return JSON.stringify([job, attempt.url, solver])
}
