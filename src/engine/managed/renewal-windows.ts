import type { Clock } from '../../exchange/clock.ts'
import { fewAtOnce } from '../few-at-once.ts'
import type { KeptCertificate } from '../job.ts'
import { oneLine } from '../one-line.ts'
import type { RenewalWindow } from './renewal-moment.ts'

/** What a CA answers to the question when to renew. */
export interface RenewalAdvice extends RenewalWindow {
  /** Seconds until it wants to be asked again; null where it says nothing. */
  readonly retryAfter: number | null
}

/** RFC 9773. Null where the CA does not offer it. Rejects where it gave no answer that can be used. */
export type AskRenewalInfo = (kept: KeptCertificate, signal: AbortSignal) => Promise<RenewalAdvice | null>

/** µs, as are all of these. */
const MINUTE = 60_000_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** RFC 9773 §4.3.2: where the CA names no time. */
const USUAL = 6 * HOUR
/** RFC 9773 §4.3.3: so many retries with a growing pause, then it counts as an error that stays. */
const RETRIES = 4
/** Questions of one look, and of these at once. */
const MOST = 200
const AT_ONCE = 4

/** ms for an answer, the wait for the pacer's leave with it. */
const ANSWER = 60_000

interface Known {
  window: RenewalWindow | null
  /** Of the monotonic clock. */
  due: number
  failures: number
}

/**
 * The windows that CAs suggest, as they said last. Asked again when the CA said (from a minute to a day later), else every
 * six hours; after a failure ever more seldom, down to once a day. Known by this process only: it asks anew after a start.
 */
export class RenewalWindows {
  readonly #ask: AskRenewalInfo
  readonly #clock: Clock
  /** By fingerprint. */
  readonly #known = new Map<string, Known>()

  constructor(ask: AskRenewalInfo, clock: Clock) {
    this.#ask = ask
    this.#clock = clock
  }

  /** Null where the CA has not said one, or none that makes sense. */
  of({ fingerprint }: KeptCertificate): RenewalWindow | null {
    return this.#known.get(fingerprint)?.window ?? null
  }

  /** Whether the CA was never asked, though it could be. */
  isUnasked({ ariId, fingerprint }: KeptCertificate): boolean {
    return ariId !== null && !this.#known.has(fingerprint)
  }

  /** Asks for those that are due and forgets the others. Rejects never. */
  async refresh(certificates: readonly KeptCertificate[], signal: AbortSignal): Promise<void> {
    const wanted = new Set(certificates.map(({ fingerprint }) => fingerprint))
    for (const fingerprint of this.#known.keys())
      if (!wanted.has(fingerprint)) this.#known.delete(fingerprint)
    const now = this.#clock.now().monotonic
    const dueAt = ({ fingerprint }: KeptCertificate) => this.#known.get(fingerprint)?.due ?? 0
    const due = certificates
      .filter((one) => one.ariId !== null && (!this.#known.has(one.fingerprint) || dueAt(one) <= now))
      .sort((one, other) => dueAt(one) - dueAt(other))
      .slice(0, MOST)
    await fewAtOnce(AT_ONCE, due, async (one) => {
      if (!signal.aborted) await this.#askFor(one, signal)
    })
  }

  async #askFor(kept: KeptCertificate, signal: AbortSignal): Promise<void> {
    const before = this.#known.get(kept.fingerprint)
    try {
      const advice = await this.#ask(kept, AbortSignal.any([signal, AbortSignal.timeout(ANSWER)]))
      const again = advice === null ? USUAL : clamp((advice.retryAfter ?? USUAL / 1e6) * 1e6, MINUTE, DAY)
      this.#keep(kept, advice === null ? null : windowOf(advice), again, 0)
    } catch {
      if (signal.aborted) return
      const failures = (before?.failures ?? 0) + 1
      const again = failures <= RETRIES ? MINUTE * 4 ** (failures - 1) : USUAL * 2 ** (failures - RETRIES - 1)
      this.#keep(kept, before?.window ?? null, Math.min(again, DAY), failures)
    }
  }

  #keep(
    { fingerprint }: KeptCertificate,
    window: RenewalWindow | null,
    again: number,
    failures: number,
  ): void {
    const due = this.#clock.now().monotonic + again
    this.#known.set(fingerprint, { window, due, failures })
  }
}

function windowOf({ start, end, explanation }: RenewalAdvice): RenewalWindow | null {
  if (!(start < end)) return null
  return { start, end, explanation: explanation === null ? null : oneLine(explanation, 300) }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}
