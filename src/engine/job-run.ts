import type { Identifier } from '../acme/identifier.ts'
import { pause } from './abortable.ts'
import type { EngineAccount } from './account.ts'
import type { Signer } from './account-key.ts'
import type { AcmeSession } from './acme-session.ts'
import { EngineError } from './engine-error.ts'
import type { EngineParts } from './engine-parts.ts'
import { hasEnded, type Job } from './job.ts'
import type { EngineProgress, OnProgress } from './progress.ts'
import type { Turns } from './turns.ts'

type NameState = Extract<EngineProgress, { kind: 'name' }>['state']

/** Seconds. A CA that asks for more is asked again by the next attempt, not by this one. */
export const LONGEST_PAUSE = 120

/** One attempt at a job: the job as it stands in the store, and what the steps need to go on with it. */
export class JobRun {
  readonly parts: EngineParts
  readonly signal: AbortSignal
  readonly #onProgress: OnProgress
  #job: Job
  #isNew: boolean
  /** Answers to challenges that are being taken away while the certificate is fetched. */
  cleaning: Promise<unknown> = Promise.resolve()
  /** By account and names. */
  readonly turns: Turns

  /** `isNew`: the store has it once it is put. */
  constructor(
    parts: EngineParts,
    job: Job,
    turns: Turns,
    signal: AbortSignal,
    onProgress: OnProgress,
    isNew = false,
  ) {
    this.parts = parts
    this.turns = turns
    this.signal = signal
    this.#onProgress = onProgress
    this.#job = job
    this.#isNew = isNew
  }

  get job(): Job {
    return this.#job
  }

  get session(): AcmeSession {
    const { ca, brokered } = this.#job
    const session = this.parts.session(ca)
    return brokered === undefined ? session : session.under(brokered.parent)
  }

  /** The job with these changes; nothing is kept yet. */
  changed(changes: Partial<Job>): Job {
    return { ...this.#job, ...changes, changedAt: this.parts.clock.now().wall }
  }

  /** Durable once it resolves. */
  async put(changes: Partial<Job>): Promise<void> {
    const changed = this.changed(changes)
    const job = hasEnded(changed) ? { ...changed, key: null } : changed
    if (this.#isNew) await this.parts.store.addJob(job)
    else await this.parts.store.putJob(job)
    this.#isNew = false
    this.stands(job)
  }

  /** The store holds it so. */
  stands(job: Job): void {
    const { step } = this.#job
    this.#job = job
    if (job.step !== step) this.#onProgress({ kind: 'step', ...this.#about(), step: job.step })
  }

  name(identifier: Identifier, wildcard: boolean, state: NameState, text: string): void {
    const name = nameText(identifier, wildcard)
    this.#onProgress({ kind: 'name', ...this.#about(), name, state, text })
  }

  note(text: string): void {
    this.#onProgress({ kind: 'note', ...this.#about(), text })
  }

  /** Seconds in which nothing happens, and why. */
  waits(seconds: number, text: string): void {
    const until = this.parts.clock.now().wall + Math.round(seconds * 1e6)
    this.#onProgress({ kind: 'wait', ...this.#about(), until, text })
  }

  /** Seconds. Rejects with EngineError (`aborted`) when the job is stopped meanwhile. */
  async pause(seconds: number, text: string): Promise<void> {
    if (seconds >= 1) this.waits(seconds, text)
    await (this.parts.pause ?? pause)(seconds * 1000, this.signal).catch(() => undefined)
    this.check()
  }

  /** Throws EngineError (`aborted`) when the job is to be stopped. */
  check(): void {
    if (this.signal.aborted)
      throw new EngineError('aborted', 'it was stopped; what was begun is gone on with later')
  }

  /** µs on the monotonic clock. */
  get time(): number {
    return this.parts.clock.now().monotonic
  }

  #about(): { job: string; certificate: string } {
    return { job: this.#job.id, certificate: this.#job.certificate }
  }
}

/** A run whose account is open. */
export interface SignedRun {
  readonly run: JobRun
  readonly signer: Signer
  readonly account: EngineAccount
}

/** As in the order. */
export function nameText({ value }: Identifier, wildcard: boolean): string {
  return wildcard ? `*.${value}` : value
}
