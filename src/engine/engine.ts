import { messageOf } from '../exchange/message-of.ts'
import { cleanUp } from './clean-up.ts'
import { createJob } from './create-job.ts'
import { dueAt } from './due.ts'
import { EngineError } from './engine-error.ts'
import type { EngineParts } from './engine-parts.ts'
import { goOn } from './go-on.ts'
import { hasEnded, type Job, type JobStep, type PresentedChallenge } from './job.ts'
import type { JobRequest } from './job-request.ts'
import { JobRun } from './job-run.ts'
import type { EngineProgress, OnProgress } from './progress.ts'
import { Turns } from './turns.ts'

export interface Watch {
  /** Stops the job when everybody who watched it has aborted. */
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
  /** Now, though it is to wait: somebody asked for it. */
  readonly early?: boolean
}

interface Running {
  readonly stop: AbortController
  readonly watchers: Set<OnProgress>
  readonly ended: Promise<Job>
}

/** Jobs that are gone on with by the engine itself, at most, at a time. */
const AT_ONCE = 20
/** ms between two looks at what is due. */
const LOOK = 60_000
/** µs. Answers to challenges of a job that waits longer are taken away meanwhile. */
const LONG_WAIT = 180_000_000
/** Nobody gives up a certificate that may be on its way from the CA. */
const BEFORE_FINALIZE: readonly JobStep[] = ['created', 'ordering', 'ordered']
/** µs until what failed by a fault of our own, or would not be cleaned up, is tried again; doubled up to the second. */
const AGAIN = { least: 30_000_000, most: 600_000_000 }

/** Obtains certificates: every job goes on from where the store has it, in this process or after a kill in the next. */
export class Engine {
  readonly #parts: EngineParts
  readonly #running = new Map<string, Running>()
  readonly #turns: Turns
  /** Jobs and notes that failed by a fault of our own, and when they are tried again (µs since 1970). */
  readonly #later = new Map<string, { readonly at: number; readonly wait: number }>()
  /** Jobs that were due at the last look and wait for their turn, oldest first. */
  #due: string[] = []
  readonly #closing = new AbortController()
  #own = 0
  #started = false
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> | null = null
  #tidying: Promise<void> | null = null

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#turns = parts.turns ?? new Turns()
  }

  /**
   * Makes a job durable, its account included. Gives an open one for the same certificate and the same names back. Rejects with
   * EngineError: `input` for what cannot be asked for, or what the account's making came to.
   */
  async create(request: JobRequest, signal: AbortSignal = this.#closing.signal): Promise<Job> {
    const job = await createJob(this.#parts, request, signal, (open) => this.#giveWay(open))
    this.#wake(0)
    return job
  }

  /**
   * Goes on with the job from where it stands, or watches where that is done already. Resolves with the job as it stands when
   * the attempt is over: ended, or waiting until `notBefore`. Rejects for faults of our own only.
   */
  async run(id: string, watch: Watch): Promise<Job> {
    for (let stopped = this.#running.get(id); stopped?.stop.signal.aborted; stopped = this.#running.get(id))
      await stopped.ended.catch(() => undefined)
    const running = this.#running.get(id) ?? this.#begin(id, watch.early ?? false)
    running.watchers.add(watch.onProgress)
    const left = Promise.withResolvers<void>()
    const leave = () => {
      running.watchers.delete(watch.onProgress)
      if (running.watchers.size === 0) running.stop.abort()
      else left.resolve()
    }
    if (watch.signal.aborted) leave()
    watch.signal.addEventListener('abort', leave, { once: true })
    try {
      const job = await Promise.race([running.ended, left.promise])
      return job ?? (await this.#job(id))
    } finally {
      watch.signal.removeEventListener('abort', leave)
    }
  }

  /** Goes on with open jobs when they are due, and takes away what killed processes left in the DNS and elsewhere. */
  start(): void {
    this.#started = true
    this.#wake(0)
  }

  /** Gives the job up, for this reason. Nothing happens where it has ended. */
  async cancel(id: string, why: string): Promise<void> {
    const running = this.#running.get(id)
    running?.stop.abort()
    await running?.ended.catch(() => undefined)
    const job = await this.#parts.store.job(id)
    if (job === null || hasEnded(job)) return
    const error = { message: why, type: null, exchange: null }
    await this.#parts.store.putJob({
      ...job,
      step: 'failed',
      key: null,
      error,
      notBefore: null,
      changedAt: this.#parts.clock.now().wall,
    })
    this.#tell({ kind: 'step', job: id, certificate: job.certificate, step: 'failed' })
    if (this.#started) this.#tidyAside()
    else await this.tidy()
  }

  /** What a command began and left, and nobody is at, does not stand in the way of what is asked for now. */
  async #giveWay({ id, dryRun, reason, line, step }: Job): Promise<boolean> {
    const isLeft = reason === 'command' && line === null && BEFORE_FINALIZE.includes(step)
    if (this.#running.has(id) || !(dryRun || isLeft)) return false
    await this.cancel(id, 'something else was asked for under its name')
    return true
  }

  /** Takes away the answers to challenges of jobs that are over or wait long; what will not go is tried again by the next. */
  async tidy(): Promise<void> {
    const presented = await this.#parts.store.presented()
    if (presented.length === 0) return
    const now = this.#parts.clock.now().wall
    const jobs = new Map<string, Job | null>()
    for (const { job } of presented) if (!jobs.has(job)) jobs.set(job, await this.#parts.store.job(job))
    const over = presented.filter((challenge) => {
      const job = jobs.get(challenge.job) ?? null
      if (this.#running.has(challenge.job) || this.#laterAt(noteOf(challenge), now) > now) return false
      return job === null || hasEnded(job) || dueAt(job, now) - now > LONG_WAIT
    })
    const about = (challenge: PresentedChallenge) => ({
      job: challenge.job,
      certificate: jobs.get(challenge.job)?.certificate ?? null,
    })
    const left = await cleanUp(this.#parts, over, () => undefined, this.#closing.signal)
    for (const challenge of over)
      if (!left.some((each) => each.challenge === challenge)) this.#later.delete(noteOf(challenge))
    for (const { challenge, why } of left) {
      this.#putOff(noteOf(challenge))
      this.#tell({ kind: 'note', ...about(challenge), text: why })
    }
  }

  /** Stops what is under way where it can be gone on with, and waits until it has. */
  async close(): Promise<void> {
    this.#started = false
    this.#closing.abort()
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const { stop } of this.#running.values()) stop.abort()
    await this.#looking?.catch(() => undefined)
    await this.#tidying
    await Promise.allSettled([...this.#running.values()].map(({ ended }) => ended))
  }

  #begin(id: string, early: boolean): Running {
    const stop = new AbortController()
    if (this.#closing.signal.aborted) stop.abort()
    const watchers = new Set<OnProgress>()
    const tell: OnProgress = (progress) => {
      this.#tell(progress)
      for (const watcher of watchers) watcher(progress)
    }
    const ended = this.#attempt(id, early, stop.signal, tell).finally(() => {
      this.#running.delete(id)
      if (this.#due.length === 0) this.#wake(0)
    })
    ended.catch(() => undefined)
    const running = { stop, watchers, ended }
    this.#running.set(id, running)
    return running
  }

  async #attempt(id: string, early: boolean, signal: AbortSignal, tell: OnProgress): Promise<Job> {
    const job = await this.#job(id)
    const now = this.#parts.clock.now().wall
    const waits = !early && dueAt(job, now) > now
    if (hasEnded(job) || waits || signal.aborted) return job
    const after = await goOn(new JobRun(this.#parts, job, this.#turns, signal, tell))
    this.#parts.onAttempt?.(after)
    return after
  }

  async #job(id: string): Promise<Job> {
    const job = await this.#parts.store.job(id)
    if (job === null) throw new EngineError('input', `there is no job ${id}`)
    return job
  }

  #wake(wait: number): void {
    if (!this.#started) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#looking = (this.#looking ?? Promise.resolve())
        .then(() => this.#look())
        .catch((error: unknown) => {
          this.#tell({ kind: 'note', job: null, certificate: null, text: messageOf(error) })
          this.#wake(LOOK)
        })
    }, wait)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    if (!this.#started) return
    const jobs = await this.#parts.store.openJobs()
    const now = this.#parts.clock.now().wall
    let next = now + LOOK * 1000
    this.#due = []
    for (const job of jobs) {
      if (this.#running.has(job.id)) continue
      const due = Math.max(dueAt(job, now), this.#laterAt(job.id, now))
      if (due > now) next = Math.min(next, due)
      else this.#due.push(job.id)
    }
    this.#runDue()
    this.#tidyAside()
    // What was asked for meanwhile has set a timer of its own.
    if (this.#timer === null) this.#wake(Math.max(10, Math.ceil((next - now) / 1000)))
  }

  /** A solver may take its time: nothing waits for it. */
  #tidyAside(): void {
    this.#tidying ??= this.tidy()
      .catch((error: unknown) =>
        this.#tell({ kind: 'note', job: null, certificate: null, text: messageOf(error) }),
      )
      .finally(() => {
        this.#tidying = null
      })
  }

  /** As many as may be under way; the others have their turn when one of these has ended, without another look. */
  #runDue(): void {
    while (this.#started && this.#own < AT_ONCE) {
      const id = this.#due.shift()
      if (id === undefined) return
      if (!this.#running.has(id)) this.#runOwn(id)
    }
  }

  #runOwn(id: string): void {
    this.#own += 1
    this.run(id, { signal: this.#closing.signal, onProgress: () => undefined })
      .then(
        () => void this.#later.delete(id),
        (error: unknown) => {
          this.#putOff(id)
          this.#tell({ kind: 'note', job: id, certificate: null, text: messageOf(error) })
        },
      )
      .finally(() => {
        this.#own -= 1
        this.#runDue()
      })
  }

  /** 0: it was not put off, or by a clock that has been set back since. */
  #laterAt(what: string, now: number): number {
    const later = this.#later.get(what)
    return later === undefined || later.at - later.wait > now ? 0 : later.at
  }

  #putOff(what: string): void {
    const known = this.#later.get(what)
    const wait = known === undefined ? AGAIN.least : Math.min(known.wait * 2, AGAIN.most)
    this.#later.set(what, { at: this.#parts.clock.now().wall + wait, wait })
  }

  #tell(progress: EngineProgress): void {
    this.#parts.onProgress(progress)
  }
}

function noteOf({ job, attempt }: PresentedChallenge): string {
  return `${job} ${attempt.url}`
}
