import { problemShortName } from '../acme/problem-types.ts'
import { readProblem } from '../acme/response-objects.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed, FieldList, Outcome } from '../exchange/exchange.ts'
import { parseJson } from '../exchange/parse-json.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { SkewSamples } from './skew-samples.ts'
import type { CaVitals } from './vitals.ts'

/** µs that one bucket spans; so many of them are five minutes. */
const SPAN = 10_000_000
const BUCKETS = 30

/**
 * How the CAs are doing, measured from what passes: every exchange that went to a CA counts, acmetap's own among them.
 * Answers that were kept or shared, tunnels, and what acmetap refused by itself say nothing of a CA. Takes in an exchange
 * in less than 2 µs, and about 16 kB for each CA.
 */
export class VitalsMeter {
  readonly #clock: Clock
  readonly #cas = new Map<string, CaMeter>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(exchange: Completed): void {
    const { destination, outcome } = exchange
    if (destination === null || !isOfTheCa(outcome)) return
    let meter = this.#cas.get(destination.ca)
    if (meter === undefined) {
      meter = new CaMeter()
      this.#cas.set(destination.ca, meter)
    }
    meter.note(exchange, outcome)
  }

  /** Of these CAs, in their order; what was measured of any other is dropped. */
  vitals(cas: readonly string[]): CaVitals[] {
    for (const ca of this.#cas.keys()) if (!cas.includes(ca)) this.#cas.delete(ca)
    const { wall, monotonic } = this.#clock.now()
    return cas.map((ca) => (this.#cas.get(ca) ?? new CaMeter()).vitals(ca, monotonic, wall))
  }

  /** The clocks of CAs less ours as it is at this moment, in ms: of those that have said their time lately. */
  skews(): number[] {
    const { wall, monotonic } = this.#clock.now()
    return [...this.#cas.values()].flatMap((ca) => ca.skew(monotonic, wall) ?? [])
  }
}

type CaOutcome = Exclude<Outcome, { kind: 'refused' }>

function isOfTheCa(outcome: Outcome): outcome is CaOutcome {
  if (outcome.kind === 'refused') return false
  // Ended by acmetap itself, when it stops or is told to forget the CA.
  if (outcome.kind === 'failed') return outcome.failure.cause !== 'aborted'
  return outcome.tunnel === undefined && (outcome.source === undefined || outcome.source === 'ca')
}

interface Trouble {
  count: number
  readonly text: string
}

/** Kinds of trouble that are told apart within one bucket. */
const MOST_TROUBLES = 20

class Bucket {
  /** Which ten seconds of the monotonic clock it is for. */
  span = -1
  exchanges = 0
  failed = 0
  serverErrors = 0
  readonly latency = new LatencyHistogram()
  readonly troubles = new Map<string, Trouble>()

  begin(span: number): void {
    this.span = span
    this.exchanges = 0
    this.failed = 0
    this.serverErrors = 0
    this.latency.clear()
    this.troubles.clear()
  }
}

class CaMeter {
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Bucket())
  readonly #skew = new SkewSamples()
  #last: string | null = null
  #lastTrouble: { readonly exchange: string; readonly span: number } | null = null

  note({ id, completedAt }: Completed, outcome: CaOutcome): void {
    const span = Math.floor(completedAt.monotonic / SPAN)
    const bucket = this.#buckets[span % BUCKETS]!
    if (span < bucket.span) return
    if (span > bucket.span) bucket.begin(span)
    bucket.exchanges += 1
    this.#last = id
    if (outcome.kind === 'failed') bucket.failed += 1
    else {
      const { status, fields } = outcome.response
      bucket.latency.add(outcome.durationCa / 1000)
      this.#skew.note(completedAt.monotonic, () => dateOf(fields))
      if (status < 500) return
      bucket.serverErrors += 1
    }
    this.#lastTrouble = { exchange: id, span }
    noteTrouble(bucket, outcome)
  }

  vitals(ca: string, monotonic: number, wall: number): CaVitals {
    const oldest = Math.floor(monotonic / SPAN) - BUCKETS + 1
    const latency = new LatencyHistogram()
    const troubles = new Map<string, Trouble>()
    let [exchanges, failed, serverErrors] = [0, 0, 0]
    for (const bucket of this.#buckets) {
      if (bucket.span < oldest) continue
      exchanges += bucket.exchanges
      failed += bucket.failed
      serverErrors += bucket.serverErrors
      latency.addAll(bucket.latency)
      for (const [kind, { count, text }] of bucket.troubles) {
        troubles.set(kind, { count: count + (troubles.get(kind)?.count ?? 0), text })
      }
    }
    const [worst] = [...troubles.values()].sort((one, other) => other.count - one.count)
    const trouble = this.#lastTrouble
    return {
      ca,
      exchanges,
      failed,
      serverErrors,
      p50: latency.quantile(0.5),
      p95: latency.quantile(0.95),
      error: worst?.text ?? null,
      lastExchange: trouble !== null && trouble.span >= oldest ? trouble.exchange : this.#last,
      skew: this.skew(monotonic, wall),
    }
  }

  skew(monotonic: number, wall: number): number | null {
    return this.#skew.skew(monotonic, wall)
  }
}

/** The text is made once for each kind and bucket: in an outage this is called for every exchange. */
function noteTrouble({ troubles }: Bucket, outcome: CaOutcome): void {
  const kind = outcome.kind === 'failed' ? outcome.failure.cause : String(outcome.response.status)
  const known = troubles.get(kind)
  if (known !== undefined) known.count += 1
  else if (troubles.size < MOST_TROUBLES) troubles.set(kind, { count: 1, text: troubleText(outcome) })
}

/** One line of at most 200 characters. Links that a CA gives may be meant for one account alone. */
function troubleText(outcome: CaOutcome): string {
  if (outcome.kind === 'failed') return oneLine(outcome.failure.message)
  const { status, decoded } = outcome.response
  const { type, detail } = readProblem(parseJson(decoded))
  const said = [type && problemShortName(type), detail].filter((part) => part !== null && part !== '')
  return oneLine([`HTTP ${status}`, ...said].join(': ').replace(/\bhttps?:\/\/\S+/g, '(link)'))
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').slice(0, 200)
}

/** ms since 1970; null where there is none, or a cache in between answered in the CA's stead (RFC 9111 §5.1). */
function dateOf(fields: FieldList): number | null {
  let date: string | null = null
  for (const [name, value] of fields) {
    if (name === 'age') return null
    if (name === 'date') date = value
  }
  const millis = date === null || date.length > 40 ? Number.NaN : Date.parse(date)
  return Number.isNaN(millis) ? null : millis
}
