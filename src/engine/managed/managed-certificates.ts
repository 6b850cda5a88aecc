import type { EngineConfig, ManagedCertificateConfig } from '../../config/engine.ts'
import type { Clock } from '../../exchange/clock.ts'
import { keyTypeOfRequest } from '../certificate-key.ts'
import { EngineError } from '../engine-error.ts'
import type { EngineStore } from '../engine-store.ts'
import { type Job, type JobReason, type KeptCertificate, requestOf } from '../job.ts'
import type { JobRequest } from '../job-request.ts'
import type { OnProgress } from '../progress.ts'
import { sameNames } from '../wanted-names.ts'
import { Attempts } from './attempts.ts'
import {
  changeOf,
  type DueCertificate,
  dueCertificates,
  identifiersOf,
  keyTypeOf,
  type Standing,
} from './due-certificates.ts'
import { type FailingRenewal, failingRenewal } from './failing-renewal.ts'
import { heldUntil } from './issuance-guard.ts'
import { type RenewalMoment, renewalMoment } from './renewal-moment.ts'
import { type AskRenewalInfo, RenewalWindows } from './renewal-windows.ts'

export interface ManagedParts {
  readonly config: () => EngineConfig
  readonly store: Pick<EngineStore, 'certificates' | 'jobs' | 'accounts'>
  readonly engine: {
    create(request: JobRequest, signal: AbortSignal): Promise<Job>
    run(id: string, watch: { readonly signal: AbortSignal; readonly onProgress: OnProgress }): Promise<Job>
    cancel(id: string, why: string): Promise<unknown>
  }
  readonly renewalInfo: AskRenewalInfo
  /** See {@link import('./clock-guard.ts').ClockGuard}. */
  readonly clockTrusted: () => boolean
  readonly clock: Clock
  /** Must not throw. */
  readonly onEvent: (event: ManagedEvent) => void
  readonly onProgress: OnProgress
}

export type ManagedEvent =
  /** A job was made. */
  | { readonly kind: 'due'; readonly certificate: string; readonly reason: JobReason; readonly why: string }
  | { readonly kind: 'obtained'; readonly certificate: string; readonly job: Job }
  /** An attempt failed, or none could be made. `job` is null where it could not be created. */
  | {
      readonly kind: 'failed'
      readonly certificate: string
      readonly job: Job | null
      readonly error: string
    }
  /** It was issued so often lately that something is wrong: not again before `until` (µs since 1970). */
  | { readonly kind: 'held'; readonly certificate: string; readonly until: number }
  /** What was begun is not wanted any more. */
  | { readonly kind: 'cancelled'; readonly certificate: string; readonly job: string; readonly why: string }
  /** Nothing is decided while the clock cannot be trusted; told once when that begins and once when it is over. */
  | { readonly kind: 'clock'; readonly trusted: boolean }
  /** A look failed: the store, most likely. It is repeated. */
  | { readonly kind: 'fault'; readonly error: unknown }

/** How a managed certificate stands. */
export interface ManagedStatus {
  readonly name: string
  readonly names: readonly string[]
  readonly ca: string
  readonly kept: KeptCertificate | null
  /** Null while there is none, or it is no longer managed. */
  readonly renewal: RenewalMoment | null
  /** Still in the configuration. */
  readonly managed: boolean
  /** Its newest. */
  readonly job: Job | null
}

/** ms between two looks; and until the next one where the clock can't be trusted yet. */
const EVERY = 60_000
const SOON = 2_000
/** Where reading what is kept takes this long (ms), or longer, jobs that end meanwhile wait twice as long for the next look. */
const LONG_READING = 50
const REST = 2
/** Jobs that are made while others are at work: the rest waits its turn, the most urgent first. */
const AT_ONCE = 20
const MOST_JOBS = 10_000
/** Jobs of one certificate that are looked at for how often it was issued. */
const HISTORY = 20
/** Reasons of jobs that are here for the configuration's sake. */
const OWN: readonly JobReason[] = ['first', 'changed', 'renewal', 'forced']

/**
 * Keeps the certificates of the configuration in being: once a minute it looks which are due and makes jobs for them. It
 * remembers nothing that the store does not know but the CAs' windows and what could not even be begun.
 */
export class ManagedCertificates {
  readonly #parts: ManagedParts
  readonly #windows: RenewalWindows
  readonly #attempts: Attempts
  readonly #stop = new AbortController()
  /** By certificate: until when it is held, as told. */
  readonly #held = new Map<string, number>()
  /** Jobs that are being run for us. */
  readonly #running = new Set<Promise<void>>()
  /** Ids of these. */
  readonly #begun = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #soon: NodeJS.Timeout | null = null
  /** Looks come one after the other. */
  #looks: Promise<void> = Promise.resolve()
  #isAwake = false
  /** ms for which the last look read, and the look that jobs which ended since wait for. */
  #reading = 0
  #rest: NodeJS.Timeout | null = null
  /** Configuration of the last look. */
  #looked: EngineConfig | null = null
  #trusted = true

  constructor(parts: ManagedParts) {
    this.#parts = parts
    this.#windows = new RenewalWindows(parts.renewalInfo, parts.clock)
    this.#attempts = new Attempts(parts.clock)
  }

  start(): void {
    this.#timer ??= setInterval(() => this.wake(), EVERY).unref()
    this.wake()
  }

  /** The configuration has changed: what could not be begun may be mended now. */
  use(): void {
    this.#attempts.forget()
    this.wake()
  }

  /** Looks at once. */
  wake(): void {
    if (this.#isAwake) return
    this.#isAwake = true
    this.look().catch((error: unknown) => this.#parts.onEvent({ kind: 'fault', error }))
  }

  /** Resolves when nothing of it is under way any more; what was begun is gone on with after the next start. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    if (this.#soon !== null) clearTimeout(this.#soon)
    if (this.#rest !== null) clearTimeout(this.#rest)
    this.#stop.abort(new EngineError('aborted', 'acmetap stops'))
    await this.#looks
    await Promise.all(this.#running)
  }

  /** One look, after those that are under way. Rejects with what the store throws. */
  look(): Promise<void> {
    const look = this.#looks.then(() => this.#look())
    this.#looks = look.catch(() => undefined)
    return look
  }

  async #look(): Promise<void> {
    this.#isAwake = false
    if (this.#stop.signal.aborted) return
    const config = this.#parts.config()
    const began = performance.now()
    const open = await this.#parts.store.jobs({ open: 'own', limit: MOST_JOBS })
    this.#reading = performance.now() - began
    const wanted = await this.#withoutUnwanted(config, open)
    if (!config.renew) return
    if (!this.#isClockTrusted()) return this.#lookSoon()
    const resumed = performance.now()
    const standings = await this.#standings(config)
    this.#reading += performance.now() - resumed
    const kept = standings.flatMap((one) => one.kept ?? [])
    await this.#windows.refresh(kept, this.#stop.signal)
    const { wall } = this.#parts.clock.now()
    const due = dueCertificates(
      standings.map((one) => this.#withWindow(one)),
      wall,
    )
    const names = new Set(due.map(({ settings }) => settings.name))
    for (const name of this.#held.keys()) if (!names.has(name)) this.#held.delete(name)
    let room = AT_ONCE - wanted.filter(({ notBefore }) => notBefore === null || notBefore <= wall).length
    for (const one of due) {
      if (room <= 0 || this.#stop.signal.aborted) return
      const job = wanted.find(({ certificate }) => certificate === one.settings.name)
      // A certificate that lies there, or nearly so, and ends: what holds it up must not hold up the next one.
      if (job !== undefined && !(job.step === 'issued' && this.#isOwn(job))) continue
      if (await this.#isHeld(one)) continue
      if (job !== undefined) await this.#cancel(job, 'the next certificate is due')
      if (await this.#begin(one)) room -= 1
    }
  }

  /** Whether a CA agrees on the time is known a moment after the start, or after it was set right. */
  #lookSoon(): void {
    if (this.#timer === null) return
    this.#soon ??= setTimeout(() => {
      this.#soon = null
      this.wake()
    }, SOON).unref()
  }

  /** An attempt is over that was not begun here: a further one, or somebody's who asked for it. */
  attempted(job: Job): void {
    if (this.#stop.signal.aborted || !this.#isOwn(job) || this.#begun.has(job.id)) return
    this.#tellOf(job)
    if (job.step === 'done') this.#wakeAfterRest()
  }

  /** Those of the configuration, then those that are kept but not in it. */
  async status(): Promise<readonly ManagedStatus[]> {
    const { store, config } = this.#parts
    const standings = await this.#standings(config())
    const inConfig = new Set(standings.map(({ settings }) => settings.name))
    const others = (await store.certificates()).filter(({ certificate }) => !inConfig.has(certificate))
    const newest = async (certificate: string) => (await store.jobs({ certificate, limit: 1 }))[0] ?? null
    return await Promise.all([
      ...standings.map(
        async ({ settings, kept }): Promise<ManagedStatus> => ({
          name: settings.name,
          names: settings.names,
          ca: settings.ca,
          kept,
          renewal: kept && renewalMoment(kept, this.#windows.of(kept)),
          managed: true,
          job: await newest(settings.name),
        }),
      ),
      ...others.map(
        async (kept): Promise<ManagedStatus> => ({
          name: kept.certificate,
          names: kept.identifiers.map(({ value }) => value),
          ca: kept.ca,
          kept,
          renewal: null,
          managed: false,
          job: await newest(kept.certificate),
        }),
      ),
    ])
  }

  /** What is due, the most urgent first. CAs are asked for their windows where they were not lately. */
  async due(signal: AbortSignal): Promise<readonly DueCertificate[]> {
    const standings = await this.#standings(this.#parts.config())
    await this.#windows.refresh(
      standings.flatMap(({ kept }) => kept ?? []),
      signal,
    )
    const asked = standings.map((one) => ({ ...this.#withWindow(one), isUnasked: false }))
    return dueCertificates(asked, this.#parts.clock.now().wall)
  }

  /** Certificates that should be there and are not, with why. */
  async failing(): Promise<readonly FailingRenewal[]> {
    const { store, config } = this.#parts
    const [standings, open] = await Promise.all([
      this.#standings(config()),
      store.jobs({ open: 'own', limit: MOST_JOBS }),
    ])
    const jobs = new Map(open.map((job) => [job.certificate, job]))
    return standings.flatMap(({ settings, kept }) => {
      const job = jobs.get(settings.name) ?? null
      const trouble = this.#attempts.troubleOf(settings.name)
      const held = this.#held.get(settings.name) ?? null
      return failingRenewal({ settings, kept, job, trouble, held }) ?? []
    })
  }

  /** What to ask the engine for; rejects with EngineError (`input`) for a name that is not in the configuration. */
  async request(name: string, reason: JobReason): Promise<JobRequest> {
    const standing = (await this.#standings(this.#parts.config())).find((one) => one.settings.name === name)
    if (standing === undefined) {
      throw new EngineError(
        'input',
        `${name} is not the name of a certificate under engine.certificates: acmetap engine certificates lists them`,
      )
    }
    return await this.#requestOf(standing, reason)
  }

  #withWindow(one: Standing): Standing {
    if (one.kept === null) return one
    return { ...one, window: this.#windows.of(one.kept), isUnasked: this.#windows.isUnasked(one.kept) }
  }

  async #standings({ certificates }: EngineConfig): Promise<Standing[]> {
    const kept = new Map((await this.#parts.store.certificates()).map((one) => [one.certificate, one]))
    return certificates.map((settings) => ({
      settings,
      kept: kept.get(settings.name) ?? null,
      window: null,
      isUnasked: false,
    }))
  }

  #isClockTrusted(): boolean {
    const trusted = this.#parts.clockTrusted()
    if (trusted !== this.#trusted) this.#parts.onEvent({ kind: 'clock', trusted })
    this.#trusted = trusted
    return trusted
  }

  #isOwn({ reason, line, dryRun }: Job): boolean {
    return OWN.includes(reason) && line === null && !dryRun
  }

  /** The open jobs, without those that the configuration does not want any more: they are ended. */
  async #withoutUnwanted(config: EngineConfig, open: readonly Job[]): Promise<readonly Job[]> {
    const wanted: Job[] = []
    const isNew = config !== this.#looked
    for (const job of open) {
      const why = this.#isOwn(job) ? await unwanted(config, job, isNew) : null
      if (why === null) wanted.push(job)
      else await this.#cancel(job, why)
    }
    this.#looked = config
    return wanted
  }

  async #cancel({ id, certificate }: Job, why: string): Promise<void> {
    await this.#parts.engine.cancel(id, why)
    this.#parts.onEvent({ kind: 'cancelled', certificate, job: id, why })
  }

  async #isHeld({ settings: { name }, kept }: DueCertificate): Promise<boolean> {
    const { store, clock, onEvent } = this.#parts
    const { wall } = clock.now()
    const history = kept === null ? [] : await store.jobs({ certificate: name, limit: HISTORY })
    const until = kept === null ? null : heldUntil(kept, history, wall)
    if (until === null) this.#held.delete(name)
    else {
      if (this.#held.get(name) !== until) onEvent({ kind: 'held', certificate: name, until })
      this.#held.set(name, until)
    }
    return until !== null || this.#attempts.mustWait(name)
  }

  /** Whether a job was made. */
  async #begin(due: DueCertificate): Promise<boolean> {
    const { engine, onEvent } = this.#parts
    const certificate = due.settings.name
    let job: Job
    try {
      job = await engine.create(await this.#requestOf(due, due.reason), this.#stop.signal)
    } catch (error) {
      if (this.#stop.signal.aborted) return false
      const text =
        error instanceof EngineError
          ? error.message
          : 'it could not be begun: the store or the program failed'
      this.#attempts.failed(certificate, error, text)
      onEvent({ kind: 'failed', certificate, job: null, error: text })
      if (!(error instanceof EngineError)) onEvent({ kind: 'fault', error })
      return false
    }
    this.#attempts.began(certificate)
    onEvent({ kind: 'due', certificate, reason: due.reason, why: due.why })
    this.#begun.add(job.id)
    const running = this.#run(job).finally(() => {
      this.#begun.delete(job.id)
      this.#running.delete(running)
    })
    this.#running.add(running)
    return true
  }

  #tellOf(job: Job): void {
    const { onEvent } = this.#parts
    const { certificate, step, error } = job
    if (step === 'done') onEvent({ kind: 'obtained', certificate, job })
    else if (error !== null) onEvent({ kind: 'failed', certificate, job, error: error.message })
  }

  async #run({ id }: Job): Promise<void> {
    const { engine, onEvent, onProgress } = this.#parts
    try {
      const job = await engine.run(id, { signal: this.#stop.signal, onProgress })
      this.#tellOf(job)
    } catch (error) {
      if (!this.#stop.signal.aborted) onEvent({ kind: 'fault', error })
    }
    this.#wakeAfterRest()
  }

  /** A look reads all that is kept: with thousands of certificates not every job that ends is worth one of its own. */
  #wakeAfterRest(): void {
    if (this.#reading < LONG_READING) this.wake()
    else if (!this.#stop.signal.aborted)
      this.#rest ??= setTimeout(() => {
        this.#rest = null
        this.wake()
      }, this.#reading * REST).unref()
  }

  async #requestOf(
    { settings, kept }: Pick<Standing, 'settings' | 'kept'>,
    reason: JobReason,
  ): Promise<JobRequest> {
    const { ca, name, profile, preferred_chain, solver } = settings
    return {
      certificate: name,
      reason,
      ca,
      identifiers: identifiersOf(settings),
      profile: profile ?? null,
      replaces: await this.#replacedBy(settings, kept),
      preferredChain: preferred_chain ?? null,
      solver: solver ?? null,
      dryRun: false,
      key:
        settings.reuse_key &&
        kept !== null &&
        kept.key !== null &&
        kept.revokedAt === undefined &&
        keyTypeOf(kept.chain) === settings.key_type
          ? { reuse: kept }
          : { type: settings.key_type },
    }
  }

  /** RFC 9773 §5: of the same CA and account, and for at least one of the same names. */
  async #replacedBy(
    settings: ManagedCertificateConfig,
    kept: KeptCertificate | null,
  ): Promise<string | null> {
    if (kept === null || kept.ariId === null || kept.ca !== settings.ca) return null
    const accounts = await this.#parts.store.accounts()
    const isSame = accounts.some(
      ({ id, ca, status }) => id === kept.account && ca === kept.ca && status === 'valid',
    )
    const shares = identifiersOf(settings).some((one) =>
      kept.identifiers.some((other) => sameNames([one], [other])),
    )
    return isSame && shares ? kept.ariId : null
  }
}

/**
 * Why a job of ours is not wanted any more; null where it is. What is issued already is put where it belongs first. `isNew`:
 * the configuration was never looked at with this job.
 */
async function unwanted({ certificates }: EngineConfig, job: Job, isNew: boolean): Promise<string | null> {
  const settings = certificates.find(({ name }) => name === job.certificate)
  if (settings === undefined) return 'its certificate is no longer in the configuration'
  if (job.step === 'issued' || job.step === 'deployed') return null
  const chain = job.chain ?? ''
  const change = changeOf(settings, { ca: job.ca, profile: job.profile, identifiers: job.identifiers, chain })
  const isSame = change === null && (!isNew || job.step === 'finalizing' || (await isAsSet(job, settings)))
  return isSame ? null : 'the configuration of its certificate has changed'
}

/** What of its settings a job has taken over when it was made, and the certificate does not show. */
async function isAsSet(job: Job, settings: ManagedCertificateConfig): Promise<boolean> {
  const { solver = null, preferred_chain = null, key_type } = settings
  if (job.solver !== solver || job.preferredChain !== preferred_chain) return false
  const type = await keyTypeOfRequest(requestOf(job))
  return type === null || type === key_type
}
