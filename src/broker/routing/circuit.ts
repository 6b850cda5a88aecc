import type { IssuerError } from '../issuer.ts'

export const ISSUING_STEPS = ['place', 'authorize', 'finalize'] as const
export type IssuingStep = (typeof ISSUING_STEPS)[number]

/** Failures in a row, of one step, after which a CA is left alone for a while; a time-out is enough alone. */
const MOST_FAILURES = 2
const SECOND = 1_000_000
/** First and longest time that it is left alone, µs: twice as long with each probe that fails. */
const SHORTEST = 10 * SECOND
const LONGEST = 300 * SECOND
/** What probes may leave unsaid for so long, µs; then another does. */
const PROBE = 60 * SECOND
/**
 * A CA that has not come to an end for so long is asked by others only where there is no better, µs. Proving control takes
 * as long as DNS does, and says nothing.
 */
const SUSPICIOUS: Readonly<Record<IssuingStep, number>> = {
  place: 3 * SECOND,
  authorize: Number.POSITIVE_INFINITY,
  finalize: 30 * SECOND,
}

export type CircuitState = 'closed' | 'open' | 'halfOpen'

interface Wait {
  readonly step: IssuingStep
  readonly since: number
}

interface Opened {
  readonly since: number
  readonly until: number
  readonly why: string
  readonly by: IssuingStep
}

/**
 * Whether a CA is there. Closed: as far as is known. Open: nobody asks it. Half open: one order asks, and what it finds closes
 * or opens it. Times are monotonic µs.
 */
export class Circuit {
  readonly #failures = new Map<IssuingStep, number>()
  readonly #waiting = new Set<Wait>()
  /** When the last of those began that came to a good end. */
  readonly #proved = new Map<IssuingStep, number>()
  #opened: Opened | null = null
  #times = 0
  #probingSince: number | null = null

  state(now: number): CircuitState {
    if (this.#opened === null) return 'closed'
    return now < this.#opened.until ? 'open' : 'halfOpen'
  }

  /** Null while it is closed. */
  get opened(): Opened | null {
    return this.#opened
  }

  /** Whether an order may find out. */
  mayProbe(now: number): boolean {
    const free = this.#probingSince === null || now > this.#probingSince + PROBE
    return this.state(now) === 'halfOpen' && free
  }

  /** Whether somebody has been waiting there for long, and nobody who came later was served. */
  isSuspect(now: number): boolean {
    for (const { step, since } of this.#waiting)
      if (now > since + SUSPICIOUS[step] && since >= (this.#proved.get(step) ?? 0)) return true
    return false
  }

  /** An order asks. Ends the wait; `isGood`: it was served. */
  begin(step: IssuingStep, now: number): (isGood: boolean) => void {
    if (step === 'place' && this.mayProbe(now)) this.#probingSince = now
    const wait = { step, since: now }
    this.#waiting.add(wait)
    return (isGood) => {
      this.#waiting.delete(wait)
      if (isGood) this.#proved.set(step, Math.max(now, this.#proved.get(step) ?? 0))
    }
  }

  /** Who was to find out will not. */
  letGo(): void {
    this.#probingSince = null
  }

  /** It did what it was asked for, or said no. Whether that closes the circuit. */
  succeeded(step: IssuingStep): boolean {
    this.#failures.delete(step)
    if (this.#opened === null || ISSUING_STEPS.indexOf(step) < ISSUING_STEPS.indexOf(this.#opened.by))
      return false
    this.#opened = null
    this.#times = 0
    this.#probingSince = null
    return true
  }

  /** Whether that opens the circuit, or keeps it open for longer. */
  failed(step: IssuingStep, { message, timedOut }: IssuerError, now: number): boolean {
    const failures = (this.#failures.get(step) ?? 0) + 1
    this.#failures.set(step, failures)
    const state = this.state(now)
    // What was sent before it opened says nothing new.
    if (state === 'open') return false
    if (state === 'closed' && failures < MOST_FAILURES && !timedOut) return false
    const wait = Math.min(SHORTEST * 2 ** this.#times++, LONGEST)
    this.#opened = { since: this.#opened?.since ?? now, until: now + wait, why: message, by: step }
    this.#probingSince = null
    return true
  }
}
