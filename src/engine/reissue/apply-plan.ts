import { readCertificateChain } from '../../acme/certificate.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { pause } from '../abortable.ts'
import type { Engine } from '../engine.ts'
import { EngineError } from '../engine-error.ts'
import type { EngineStore } from '../engine-store.ts'
import type { Job } from '../job.ts'
import type { JobRequest } from '../job-request.ts'
import type { OnProgress } from '../progress.ts'
import { FailureRate } from './failure-rate.ts'
import type { FindKeptRequest } from './kept-request.ts'
import type { PlanWithLines } from './make-plan.ts'
import type { ReissueLine, ReissuePlan } from './plan.ts'
import { KEY_COMPROMISE } from './why-chosen.ts'

export interface ApplyParts {
  readonly store: Pick<EngineStore, 'plan' | 'putPlan' | 'lines' | 'putLines' | 'job' | 'jobs'>
  readonly engine: Pick<Engine, 'create' | 'run'>
  readonly inventory: Pick<InventoryReader, 'certificate'>
  readonly keptRequest: FindKeptRequest
  /** How a managed certificate is renewed now, and the fingerprint of what is kept of it. Rejects with EngineError (`input`). */
  readonly renewal: (
    certificate: string,
  ) => Promise<{ readonly request: JobRequest; readonly fingerprint: string | null }>
  /** Waits so many seconds; rejects with EngineError (`aborted`). */
  readonly wait?: (seconds: number, signal: AbortSignal) => Promise<void>
}

export interface ApplyWatch {
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
  /** A line stands otherwise than before. */
  readonly onLine: (line: ReissueLine) => void
}

const MOST_JOBS = 100_000

/**
 * Does what a plan says, one line after the other, and goes on where it stood: a line whose job has a certificate is never
 * issued again. Lines that failed are tried again by a further call. Resolves when it has ended, stopped, or was aborted.
 * Rejects with EngineError (`input`) where there is no such plan, and with faults of our own; the plan can then be applied
 * again. The caller sees to it that a plan is applied once at a time.
 */
export async function applyPlan(parts: ApplyParts, id: string, watch: ApplyWatch): Promise<PlanWithLines> {
  const plan = await parts.store.plan(id)
  if (plan === null) throw new EngineError('input', `there is no plan ${id}: acmetap reissue plan makes one`)
  return await new Run(parts, plan, watch).go()
}

class Run {
  readonly #parts: ApplyParts
  readonly #plan: ReissuePlan
  readonly #watch: ApplyWatch
  readonly #rate: FailureRate

  constructor(parts: ApplyParts, plan: ReissuePlan, watch: ApplyWatch) {
    this.#parts = parts
    this.#plan = plan
    this.#watch = watch
    this.#rate = new FailureRate(plan.stopAt)
  }

  async go(): Promise<PlanWithLines> {
    const { store } = this.#parts
    const lines = await store.lines(this.#plan.id)
    const jobs = await this.#jobsByLine()
    await store.putPlan({ ...this.#plan, state: 'running', stoppedBecause: null })
    let stopped: string | null = null
    let first = true
    for (const line of lines) {
      if (line.way === null || line.state === 'done' || line.state === 'skipped') continue
      stopped = this.#isAborted() ? INTERRUPTED : this.#rate.stops()
      if (stopped === null && !first) stopped = await this.#pause()
      if (stopped !== null) break
      first = false
      const ended = await this.#do(line, jobs.get(line.line) ?? null)
      if (ended.state === 'done' || ended.state === 'failed') this.#rate.add(ended.state === 'failed')
    }
    const after = await store.lines(this.#plan.id)
    stopped ??= onTheirWay(after, this.#isAborted())
    const state = stopped === null ? 'done' : 'stopped'
    const plan: ReissuePlan = { ...this.#plan, state, stoppedBecause: stopped }
    await store.putPlan(plan)
    return { plan, lines: after }
  }

  /** The newest of each line: after a kill a line may not yet say which is its job. */
  async #jobsByLine(): Promise<ReadonlyMap<number, Job>> {
    const jobs = await this.#parts.store.jobs({ plan: this.#plan.id, limit: MOST_JOBS })
    return new Map([...jobs].reverse().map((job) => [job.line!.line, job]))
  }

  async #do(line: ReissueLine, found: Job | null): Promise<ReissueLine> {
    const known = found ?? (line.job === null ? null : await this.#parts.store.job(line.job))
    // One that has failed before it had a certificate is done with: the line is tried anew.
    const job = known !== null && known.step === 'failed' && known.chain === null ? null : known
    const running = await this.#put({ ...line, state: 'running', job: job?.id ?? null, error: null })
    try {
      const made = job ?? (await this.#create(running))
      if ('skip' in made) return await this.#put({ ...running, state: 'skipped', error: made.skip })
      const ours = await this.#put({ ...running, job: made.id })
      return await this.#put(standing(ours, await this.#run(made)))
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      if (error.fault === 'aborted') return running
      return await this.#put({ ...running, state: 'failed', error: error.message })
    }
  }

  async #create(line: ReissueLine): Promise<Job | { readonly skip: string }> {
    const place = { plan: this.#plan.id, line: line.line }
    if (line.way === 'renew') {
      const { request, fingerprint } = await this.#parts.renewal(line.certificate!)
      if (fingerprint !== line.fingerprint) return { skip: 'it was renewed meanwhile' }
      return await this.#parts.engine.create(
        { ...request, reason: 'reissue', line: place },
        this.#watch.signal,
      )
    }
    const certificate = await this.#parts.inventory.certificate(line.fingerprint)
    if (certificate === null)
      throw new EngineError('input', 'it is not in the inventory any more: make a new plan')
    if (certificate.replacedBy !== null)
      return { skip: `it was replaced meanwhile by ${certificate.replacedBy}` }
    if (certificate.revocationReason === KEY_COMPROMISE)
      return { skip: 'it was revoked for keyCompromise meanwhile: its key must not be certified again' }
    const kept = await this.#parts.keptRequest(certificate)
    if ('cannot' in kept) throw new EngineError('input', kept.cannot)
    const request: JobRequest = {
      certificate: line.certificate!,
      reason: 'reissue',
      line: place,
      ca: line.ca!,
      identifiers: line.names,
      profile: certificate.profile,
      // RFC 9773 §5: a CA takes it of the same account only, and this certificate is of another.
      replaces: null,
      preferredChain: null,
      solver: null,
      dryRun: false,
      key: { csr: kept.csr },
    }
    return await this.#parts.engine.create(request, this.#watch.signal)
  }

  async #run(job: Job): Promise<Job> {
    if (job.step === 'done' || job.step === 'failed') return job
    const { signal, onProgress } = this.#watch
    return await this.#parts.engine.run(job.id, { signal, onProgress, early: true })
  }

  async #put(line: ReissueLine): Promise<ReissueLine> {
    await this.#parts.store.putLines(this.#plan.id, [line])
    this.#watch.onLine(line)
    return line
  }

  async #pause(): Promise<string | null> {
    const { wait = (seconds, signal) => pause(seconds * 1000, signal) } = this.#parts
    try {
      if (this.#plan.pace > 0) await wait(this.#plan.pace, this.#watch.signal)
      return null
    } catch (error) {
      if (error instanceof EngineError && error.fault === 'aborted') return INTERRUPTED
      throw error
    }
  }

  #isAborted(): boolean {
    return this.#watch.signal.aborted
  }
}

/** Why a plan was stopped that was not at its end when it was aborted. */
export const INTERRUPTED = 'it was interrupted; apply it again to go on'

/** A CA may take its time: what is left of the plan is known when it is applied again. */
function onTheirWay(lines: readonly ReissueLine[], isAborted: boolean): string | null {
  const open = lines.filter(({ state }) => state === 'running').length
  if (open === 0) return null
  return isAborted
    ? INTERRUPTED
    : `${open} of its lines are still on their way; apply it again to see them through`
}

/** A line as its job has it: `running` where that was left off before it came to anything. */
export function standing(line: ReissueLine, job: Job): ReissueLine {
  const replacedBy = fingerprintOf(job)
  const error = job.error?.message ?? null
  if (job.step === 'done') return { ...line, state: 'done', replacedBy, error: null }
  if (job.step === 'failed') return { ...line, state: 'failed', replacedBy, error: error ?? 'it failed' }
  if (job.notBefore === null || error === null) return { ...line, state: 'running', replacedBy }
  return { ...line, state: 'failed', replacedBy, error }
}

function fingerprintOf({ chain }: Job): string | null {
  return chain === null ? null : (readCertificateChain(Buffer.from(chain))?.leaf.fingerprint ?? null)
}
