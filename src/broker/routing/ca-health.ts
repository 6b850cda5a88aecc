import type { Clock } from '../../exchange/clock.ts'
import { IssuerError } from '../issuer.ts'
import { Circuit, type CircuitState, type IssuingStep } from './circuit.ts'
import { type LimitedOrder, limitKeys, limitScope } from './limit-scope.ts'

const SECOND = 1_000_000
/** Where a CA limits and does not say for how long, seconds. */
const UNTOLD = 60
/** Of one CA: what is over it is forgotten, the oldest first. */
const MOST_LIMITS = 10_000

/** What is known before an order is tried there. `limited`: it would be told the same again. */
export type Outlook =
  | { readonly kind: 'good' | 'probe' | 'suspect' | 'down' }
  | { readonly kind: 'limited'; readonly error: IssuerError }

export interface CaStanding {
  readonly ca: string
  readonly state: CircuitState
  /** Why it is not closed: one line; null where it is. */
  readonly why: string | null
  /** µs since 1970 until which nobody asks it; null where it is closed. */
  readonly until: number | null
  /** Limits that are known, whoever they are about, and the last time that one of them ends (µs since 1970). */
  readonly limits: { readonly count: number; readonly until: number | null; readonly why: string | null }
}

interface Limit {
  readonly until: number
  readonly error: IssuerError
  /** Of the order that met it, which may be another client's. */
  readonly names: readonly string[]
}

/** One try at a CA; told once how it ended. */
export interface Attempt {
  succeeded(): void
  failed(error: IssuerError): void
}

/** What orders have found out about CAs, in this process's memory: a restart begins with nothing known. */
export class CaHealth {
  readonly #circuits = new Map<string, Circuit>()
  readonly #limits = new Map<string, Map<string, Limit>>()
  readonly #clock: Clock
  readonly #onChange: (standing: CaStanding) => void

  constructor(clock: Clock, onChange: (standing: CaStanding) => void) {
    this.#clock = clock
    this.#onChange = onChange
  }

  outlook(ca: string, order: LimitedOrder): Outlook {
    const now = this.#now()
    const error = this.#limitOf(ca, order, now)
    if (error !== null) return { kind: 'limited', error }
    const circuit = this.#circuits.get(ca)
    if (circuit === undefined) return { kind: 'good' }
    if (circuit.state(now) !== 'closed') return { kind: circuit.mayProbe(now) ? 'probe' : 'down' }
    return { kind: circuit.isSuspect(now) ? 'suspect' : 'good' }
  }

  /** An order asks the CA for something. */
  begin(ca: string, step: IssuingStep, order: LimitedOrder): Attempt {
    const circuit = this.#circuit(ca)
    const over = circuit.begin(step, this.#now())
    return {
      succeeded: () => {
        over(true)
        if (circuit.succeeded(step)) this.#changed(ca)
      },
      failed: (error) => {
        over(false)
        if (this.#failed(ca, circuit, step, error, order)) this.#changed(ca)
      },
    }
  }

  standing(ca: string): CaStanding {
    const now = this.#now()
    const circuit = this.#circuits.get(ca)
    const wall = this.#clock.now().wall - now
    const opened = circuit?.opened ?? null
    const limits = [...(this.#limits.get(ca)?.values() ?? [])].filter(({ until }) => until > now)
    const last = limits.toSorted((a, b) => b.until - a.until)[0]
    return {
      ca,
      state: circuit?.state(now) ?? 'closed',
      why: opened?.why ?? null,
      until: opened === null ? null : opened.until + wall,
      limits: {
        count: limits.length,
        until: last === undefined ? null : last.until + wall,
        why: last?.error.message ?? null,
      },
    }
  }

  /** Whether the circuit's state is another one. */
  #failed(ca: string, circuit: Circuit, step: IssuingStep, error: IssuerError, order: LimitedOrder): boolean {
    switch (error.fault) {
      case 'unavailable':
      case 'uncertain':
      case 'wrong':
        return circuit.failed(step, error, this.#now())
      case 'limited':
        this.#limit(ca, step, error, order)
        return circuit.succeeded(step)
      case 'refused':
        return circuit.succeeded(step)
      case 'unfit':
      case 'aborted':
        circuit.letGo()
        return false
    }
  }

  #limit(ca: string, step: IssuingStep, error: IssuerError, order: LimitedOrder): void {
    const now = this.#now()
    const limits = this.#limits.get(ca) ?? new Map<string, Limit>()
    this.#limits.set(ca, limits)
    const until = now + (error.retryAfter ?? UNTOLD) * SECOND
    const names = namesOf(order)
    for (const key of limitScope(error, step, order)) {
      limits.delete(key)
      limits.set(key, { until, error, names })
    }
    if (limits.size <= MOST_LIMITS) return
    for (const [key, limit] of limits) if (limit.until <= now) limits.delete(key)
    for (const key of limits.keys()) {
      if (limits.size <= MOST_LIMITS) break
      limits.delete(key)
    }
  }

  #limitOf(ca: string, order: LimitedOrder, now: number): IssuerError | null {
    const limits = this.#limits.get(ca)
    if (limits === undefined || limits.size === 0) return null
    for (const key of limitKeys(order)) {
      const limit = limits.get(key)
      if (limit === undefined) continue
      if (limit.until > now) return stillLimited(limit, order, now)
      limits.delete(key)
    }
    return null
  }

  #circuit(ca: string): Circuit {
    const circuit = this.#circuits.get(ca) ?? new Circuit()
    this.#circuits.set(ca, circuit)
    return circuit
  }

  #changed(ca: string): void {
    this.#onChange(this.standing(ca))
  }

  #now(): number {
    return this.#clock.now().monotonic
  }
}

/**
 * The CA's words, with the time that is left of them; but what they say of names that this order does not have is for the client
 * alone whose names they are.
 */
function stillLimited({ error, until, names }: Limit, order: LimitedOrder, now: number): IssuerError {
  const { ca, fault, type, status, links, exchange } = error
  const retryAfter = Math.max(1, Math.ceil((until - now) / SECOND))
  const own = new Set(namesOf(order))
  const foreign = names.filter((name) => ![...own].some((one) => one === name || one.endsWith(`.${name}`)))
  if (foreign.length === 0) {
    const { message, detail, subproblems } = error
    return new IssuerError(ca, fault, message, {
      type,
      detail,
      status,
      subproblems,
      links,
      exchange,
      retryAfter,
    })
  }
  const isTold = (text: string) => !foreign.some((name) => text.toLowerCase().includes(name))
  const detail = error.detail !== null && isTold(error.detail) ? error.detail : null
  const message = isTold(error.message) ? error.message : `CA "${ca}" limits orders`
  const subproblems = error.subproblems.filter(
    ({ identifier, detail: why }) => own.has(bare(identifier.value)) && isTold(why),
  )
  const told = detail === null ? [] : links
  return new IssuerError(ca, fault, message, { type, detail, status, subproblems, links: told, retryAfter })
}

function namesOf({ identifiers }: LimitedOrder): string[] {
  return identifiers.map(({ value }) => bare(value))
}

function bare(name: string): string {
  return name.startsWith('*.') ? name.slice(2) : name
}
