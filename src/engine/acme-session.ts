import { AcmeProblem } from '../acme/problem.ts'
import { problemUrn } from '../acme/problem-types.ts'
import { type Directory, readDirectory } from '../acme/response-objects.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed, Destination, Received } from '../exchange/exchange.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import { type OwnContent, ownRequest } from '../exchange/own-request.ts'
import { abortable, pause, stopped } from './abortable.ts'
import type { Signer } from './account-key.ts'
import type { AcmeAnswer } from './acme-answer.ts'
import { targetOf } from './ca-url.ts'
import { EngineError } from './engine-error.ts'
import { NoncePool } from './nonce-pool.ts'
import { fieldOf, type Reading, readAnswer, refusal } from './read-answer.ts'
import { signJws } from './sign-jws.ts'

export interface SessionParts {
  /** As under `cas`. */
  readonly ca: string
  /** URL of its directory. */
  readonly directory: string
  /** Runs the stages; resolves when the outcome is recorded. */
  readonly perform: (request: Received) => Promise<Completed>
  readonly clock: Clock
  readonly userAgent: string
  /** Milliseconds; for tests. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface PostOptions {
  readonly signal: AbortSignal
  /**
   * Told of the exchange that is about to be sent, before it is: for each repetition anew. Where it rejects nothing is
   * sent.
   */
  readonly announce?: (exchange: ExchangeId) => Promise<void>
  /** Most bytes of the answer. */
  readonly limit?: number
  /** Sending it twice does what sending it once does: it is repeated where the network failed. */
  readonly isRepeatable?: boolean
}

/** What is the CA's, and not one caller's. */
interface Shared {
  readonly nonces: NoncePool
  directory: { readonly value: Directory; readonly until: number } | null
  reading: Promise<Directory> | null
}

/** Bytes of an answer in JSON. */
const JSON_LIMIT = 1024 * 1024
/** Repetitions of one request after badNonce, and after failures that may pass. */
const MOST_NONCES = 3
const MOST_RETRIES = 3
/** Seconds. Where the CA asks for a longer pause the caller is told, and comes back when it is over. */
const LONGEST_PAUSE = 30
/** ms. */
const LAST_MOMENTS = 5000
/** µs that a directory is taken for what it is, where the CA does not say: its least and most. */
const FRESH = { usual: 3600_000_000, least: 300_000_000, most: 86_400_000_000 }

const ACCEPT = 'application/json, application/pem-certificate-chain, application/problem+json'
const COMMON = [['Accept-Language', 'en']] as const
const GET_FIELDS: OwnContent = { fields: [['Accept', 'application/json'], ...COMMON] }

/**
 * Requests to one CA: signed, with its nonces, repeated where that is safe, and with answers that are within bounds. All
 * but successes (2xx) is thrown as EngineError. Nothing is sent to another origin than the directory's.
 */
export class AcmeSession {
  readonly ca: string
  readonly directoryUrl: string
  /** Where all its requests go. */
  readonly destination: Destination
  readonly #perform: SessionParts['perform']
  readonly #clock: Clock
  readonly #userAgent: string
  readonly #pause: NonNullable<SessionParts['pause']>
  readonly #parts: SessionParts
  readonly #shared: Shared
  readonly #parent: ExchangeId | null

  constructor(
    parts: SessionParts,
    shared: Shared = { nonces: new NoncePool(parts.clock), directory: null, reading: null },
    parent: ExchangeId | null = null,
  ) {
    this.#parts = parts
    this.#shared = shared
    this.#parent = parent
    this.ca = parts.ca
    this.directoryUrl = parts.directory
    this.destination = { ca: parts.ca, authority: new URL(parts.directory).host }
    this.#perform = parts.perform
    this.#clock = parts.clock
    this.#userAgent = parts.userAgent
    this.#pause = parts.pause ?? pause
  }

  /** The same session, with its nonces and its directory; what is signed with it is recorded as sent on behalf of `parent`. */
  under(parent: ExchangeId): AcmeSession {
    return new AcmeSession(this.#parts, this.#shared, parent)
  }

  /** What the directory said when it was read last, however long ago; null: it was not read, or is not to be believed. */
  get knownDirectory(): Directory | null {
    return this.#shared.directory?.value ?? null
  }

  /** Kept while it is fresh (RFC 8555 §7.1.1); those who ask at the same time share one reading. */
  async directory(signal: AbortSignal): Promise<Directory> {
    for (;;) {
      const known = this.#shared.directory
      if (known !== null && this.#clock.now().monotonic < known.until) return known.value
      this.#shared.reading ??= this.#readDirectory(signal).finally(() => {
        this.#shared.reading = null
      })
      try {
        return await abortable(this.#shared.reading, signal)
      } catch (error) {
        // It was stopped by another who had asked for it first.
        if (signal.aborted || !(error instanceof EngineError) || error.fault !== 'aborted') throw error
      }
    }
  }

  /** It is read again when it is needed next: what it says seems to be wrong. */
  forgetDirectory(): void {
    this.#shared.directory = null
  }

  /** Unsigned. Repeated where the network fails. */
  async get(url: string, signal: AbortSignal): Promise<AcmeAnswer> {
    return this.#repeat(url, true, signal, async () =>
      this.#send(this.#unsigned('GET', url), JSON_LIMIT, signal),
    )
  }

  /** `payload` '' is POST-as-GET, which is repeated where the network fails; so is what is said to be repeatable. */
  async post(url: string, payload: object | '', signer: Signer, options: PostOptions): Promise<AcmeAnswer> {
    const { signal, announce, limit = JSON_LIMIT, isRepeatable = payload === '' } = options
    const target = targetOf(url, this.destination, 'a request')
    return this.#repeat(url, isRepeatable, signal, async () => {
      const nonce = this.#shared.nonces.take() ?? (await this.#newNonce(signal))
      const identity = signer.kid === null ? { jwk: signer.jwk } : { kid: signer.kid }
      const jws = await signJws(signer, { nonce, url, ...identity }, payload)
      const request = ownRequest('POST', this.destination, target, this.#userAgent, this.#clock, {
        body: Buffer.from(JSON.stringify(jws)),
        fields: [['Content-Type', 'application/jose+json'], ['Accept', ACCEPT], ...COMMON],
        parent: this.#parent,
      })
      if (signal.aborted) throw stopped()
      await announce?.(request.id)
      return announce === undefined
        ? this.#send(request, limit, signal)
        : this.#sendOnce(request, limit, signal)
    })
  }

  /** Who stops it has the answer waited for a while: it says what became of a request that must not be repeated. */
  async #sendOnce(request: Received, limit: number, signal: AbortSignal): Promise<Reading> {
    const late = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const stop = () => {
      timer = setTimeout(() => late.abort(), LAST_MOMENTS)
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await this.#send(request, limit, late.signal)
    } finally {
      signal.removeEventListener('abort', stop)
      clearTimeout(timer)
    }
  }

  #unsigned(method: 'GET' | 'HEAD', url: string): Received {
    const target = targetOf(url, this.destination, 'a request')
    return ownRequest(method, this.destination, target, this.#userAgent, this.#clock, GET_FIELDS)
  }

  async #repeat(
    url: string,
    isSafe: boolean,
    signal: AbortSignal,
    attempt: () => Promise<Reading>,
  ): Promise<AcmeAnswer> {
    let nonces = 0
    let retries = 0
    for (;;) {
      if (signal.aborted) throw stopped()
      const reading = await attempt()
      if ('answer' in reading) return reading.answer
      const { error, again } = reading
      if (again === 'nonce' && nonces < MOST_NONCES) nonces += 1
      else if (again === 'later' && isSafe && retries < MOST_RETRIES) {
        const seconds = error.retryAfter ?? 2 ** retries
        if (seconds > LONGEST_PAUSE) throw error
        retries += 1
        await this.#pause(seconds * 1000, signal)
      } else {
        if (isMisled(error) && this.#isNamed(url)) this.forgetDirectory()
        throw error
      }
    }
  }

  /** Whether the directory says that this is where something is asked for. */
  #isNamed(url: string): boolean {
    return (
      this.#shared.directory !== null &&
      (Object.values(this.#shared.directory.value) as unknown[]).includes(url)
    )
  }

  /** `keep`: whether the answer's nonce is for whoever needs one next. */
  async #send(request: Received, limit: number, signal: AbortSignal, keep = true): Promise<Reading> {
    const performed = this.#perform(request).then(
      (completed) => this.#read(completed, limit, keep),
      (error: unknown): Reading => {
        // The stages say so where nothing could be sent: the record could not be written, acmetap is stopping.
        if (error instanceof AcmeProblem)
          return { error: refusal(error.message, request.id, error.retryAfter ?? null), again: null }
        throw error
      },
    )
    return abortable(performed, signal)
  }

  #read(completed: Completed, limit: number, keep: boolean): Reading {
    const reading = readAnswer(completed, limit, this.#clock.now().wall / 1000)
    if ('error' in reading && reading.again === 'nonce') this.#shared.nonces.clear()
    const { outcome } = completed
    // A nonce of an answer that others got too is theirs as well.
    if (keep && outcome.kind === 'response' && (outcome.source ?? 'ca') === 'ca') {
      const nonce = fieldOf(outcome.response.fields, 'replay-nonce')
      if (nonce !== null) this.#shared.nonces.add(nonce)
    }
    return reading
  }

  /** RFC 8555 §7.2. By GET, whose answer keeps the connection open in HTTP clients; by HEAD where the CA insists. */
  async #newNonce(signal: AbortSignal): Promise<string> {
    const url = (await this.directory(signal)).newNonce!
    const known = this.#shared.nonces.take()
    if (known !== null) return known
    for (const method of ['GET', 'HEAD'] as const) {
      const isLast = method === 'HEAD'
      try {
        const { fields } = await this.#repeat(url, true, signal, async () =>
          this.#send(this.#unsigned(method, url), JSON_LIMIT, signal, false),
        )
        const nonce = fieldOf(fields, 'replay-nonce')
        if (nonce !== null && this.#shared.nonces.claim(nonce)) return nonce
      } catch (error) {
        const status = error instanceof EngineError ? (error.status ?? 0) : 0
        if (isLast || status < 400 || status >= 500 || status === 429) throw error
      }
    }
    this.forgetDirectory()
    throw new EngineError(
      'protocol',
      `the CA ${JSON.stringify(this.ca)} gives no usable Replay-Nonce at its newNonce URL`,
    )
  }

  async #readDirectory(signal: AbortSignal): Promise<Directory> {
    const answer = await this.get(this.directoryUrl, signal)
    const value = readDirectory(answer.json)
    for (const name of ['newNonce', 'newAccount', 'newOrder'] as const) {
      const url = value[name]
      if (url === null) {
        throw new EngineError(
          'protocol',
          `what the CA ${JSON.stringify(this.ca)} answers at ${this.directoryUrl} is no ACME directory: it has no ${name}`,
          { exchange: answer.exchange },
        )
      }
      targetOf(url, this.destination, name)
    }
    this.#shared.directory = { value, until: this.#clock.now().monotonic + lifetimeOf(answer) }
    return value
  }
}

/** Whether the answer may be that of another place than was asked for: a CA has moved, or its directory was not its own. */
function isMisled({ fault, status, problem }: EngineError): boolean {
  if (status !== null && (status >= 500 || status === 429)) return false
  return fault === 'protocol' || problem?.type === problemUrn('malformed') || status === 404 || status === 405
}

/** µs (RFC 9111 §4.2.1). */
function lifetimeOf({ fields }: AcmeAnswer): number {
  const seconds = /\bmax-age=(\d{1,9})\b/.exec(fieldOf(fields, 'cache-control') ?? '')?.[1]
  if (seconds === undefined) return FRESH.usual
  return Math.min(Math.max(Number(seconds) * 1_000_000, FRESH.least), FRESH.most)
}

/** `The CA "x" …` as an error of the protocol, found in an answer. */
export function wrongAnswer(session: AcmeSession, answer: AcmeAnswer, says: string): EngineError {
  return new EngineError('protocol', `the CA ${JSON.stringify(session.ca)} ${says}`, {
    status: answer.status,
    exchange: answer.exchange,
  })
}
