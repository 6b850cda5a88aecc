import type { Operation } from '../acme/operation.ts'
import type { Paced, Pacing } from '../config/presets.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Denial } from '../exchange/decision.ts'
import { AT_ONCE, type Turn } from '../exchange/turn.ts'
import { FairQueue } from './fair-queue.ts'
import { nthTurn, RateBucket, soonest, turnsUntil, withMargin } from './rate-bucket.ts'

export interface PacerSettings {
  /** What each CA allows to one address. A CA or an endpoint that is left out is not paced. */
  readonly byCa: ReadonlyMap<string, Pacing>
  /** Local addresses to send from; empty leaves it to the system. Each has the CA's rates to itself. */
  readonly addresses: readonly string[]
  /** Milliseconds a request may wait for its turn. */
  readonly wait: number
}

/**
 * full: it would have been the last in line and its turn beyond the wait. displaced: clients that ask for less came
 * first, or the CA held us up. abandoned: its client hung up. closing: acmetap is stopping.
 */
export interface NoTurn {
  /** Whole seconds after which those who wait now have been served. */
  readonly retryAfter: number
  readonly why: 'full' | 'displaced' | 'abandoned' | 'closing'
}

interface Waiting {
  readonly client: string
  readonly since: number
  readonly deadline: number
  readonly settle: (given: Turn | NoTurn) => void
}

/** Milliseconds for which an endpoint is left alone whose CA is busy and does not say how long. */
const BUSY = 1000
/** µs by which wake-ups may be late in all before everybody's turn is judged again. */
const DRIFT = 100_000

/**
 * Keeps requests under the rates a CA allows to one address, by endpoint, so that a fleet behind one address is not
 * turned away: most clients give up at the first 503.
 *
 * A request whose turn would come after `wait` is told so at once. Clients take turns: one with a thousand requests
 * waiting delays another's first by one turn. Both hold together because a client's only waiting request is never
 * pushed back: what it was promised it gets. Requests of a client that has more of them waiting can be pushed back by
 * those of clients with fewer; one that is pushed beyond its wait is told at that moment. So whoever is not told gets
 * its turn within `wait`, and only what would be last in line is refused on arrival.
 *
 * How many clients one address carries is decided by newNonce, the narrowest (Let's Encrypt: 20 a second). A client
 * that asks for one nonce and then uses the one in each answer (RFC 8555 §6.5) costs one such request, so an address
 * carries about 1,180 issuances a minute; one that asks before each of its 8 to 10 POSTs, about 120 to 150. Nonces are
 * not collected to be given to others: the client may yet use each one it was sent, and of two uses one fails.
 *
 * Several processes behind one address each keep to the whole rate: divide `pacing` between them.
 */
export class Pacer {
  readonly #clock: Clock
  readonly #lines = new Map<string, Line>()
  /** By line and address. */
  readonly #gates = new Map<string, Line>()
  #settings: PacerSettings = { byCa: new Map(), addresses: [], wait: 0 }
  #atOnce: Turn = AT_ONCE
  #closed = false

  constructor(clock: Clock, settings: PacerSettings) {
    this.#clock = clock
    this.use(settings)
  }

  /** The settings from now on. Turns that were given still count, and who waits keeps its place. */
  use(settings: PacerSettings): void {
    this.#settings = settings
    const [first] = settings.addresses
    this.#atOnce = first === undefined ? AT_ONCE : { from: first, waited: 0 }
    const gone = new Set(this.#lines.keys())
    for (const [ca, pacing] of settings.byCa) {
      for (const [endpoint, rate] of Object.entries(pacing)) {
        const key = keyOf(ca, endpoint as Paced)
        gone.delete(key)
        const line = this.#lines.get(key) ?? new Line(this.#clock)
        this.#lines.set(key, line)
        const addresses = settings.addresses.length === 0 ? [null] : settings.addresses
        line.use(addresses, withMargin(rate))
        for (const from of addresses) this.#gateFor(key, from).use([from], withMargin(rate))
      }
    }
    for (const key of gone) {
      this.#lines.get(key)?.release(this.#atOnce.from)
      this.#lines.delete(key)
    }
    for (const [key, gate] of this.#gates) {
      const [line = '', from] = JSON.parse(key) as [string, string | null]
      const isUsed = from === null ? settings.addresses.length === 0 : settings.addresses.includes(from)
      if (this.#lines.has(line) && isUsed) continue
      gate.release(from)
      this.#gates.delete(key)
    }
  }

  #gateFor(line: string, from: string | null): Line {
    const key = JSON.stringify([line, from])
    const gate = this.#gates.get(key) ?? new Line(this.#clock)
    this.#gates.set(key, gate)
    return gate
  }

  /**
   * Resolves with leave to send, at once where nothing is to be waited for. Never rejects. `client` is whom to be fair
   * to. A wait whose signal is aborted gives its turn away.
   */
  async turn(ca: string, operation: Operation, client: string, signal?: AbortSignal): Promise<Turn | NoTurn> {
    const line = this.#lines.get(keyOf(ca, endpointOf(operation)))
    if (!line) return this.#atOnce
    if (this.#closed) return { retryAfter: 1, why: 'closing' }
    return line.turn(client, this.#settings.wait * 1000, signal)
  }

  /**
   * Resolves when a request that has had its turn may go out. Between the two it is recorded, and where that was slow
   * several would go out at once: they are spread again, so that what leaves keeps to the rate, not only what was let in.
   */
  async departure(ca: string, operation: Operation, from: string | null): Promise<void> {
    const gate = this.#gates.get(JSON.stringify([keyOf(ca, endpointOf(operation)), from]))
    if (gate && !this.#closed) await gate.turn('', this.#settings.wait * 1000)
  }

  /** Whether there is anything to wait for. */
  paces(ca: string, operation: Operation): boolean {
    return this.#lines.has(keyOf(ca, endpointOf(operation)))
  }

  /** How many requests of a client wait for this endpoint. */
  waiting(ca: string, operation: Operation, client: string): number {
    return this.#lines.get(keyOf(ca, endpointOf(operation)))?.waiting(client) ?? 0
  }

  /**
   * Tells that the CA's front end turned a request away all the same (503, or 429, for being busy). The endpoint is
   * left alone for as long as the CA says, at most `wait`, so that those in line do not fail the same way.
   */
  observe(ca: string, operation: Operation, from: string | null, status: number, retryAfter: number | null) {
    if (status !== 503 && status !== 429) return
    const millis = retryAfter === null ? BUSY : retryAfter * 1000
    const line = this.#lines.get(keyOf(ca, endpointOf(operation)))
    line?.hold(from, Math.min(millis, this.#settings.wait) * 1000)
  }

  /** Everybody who waits is told to come back. */
  close(): void {
    this.#closed = true
    for (const line of [...this.#lines.values(), ...this.#gates.values()]) line.close()
  }
}

/** Requests for one endpoint of one CA, with a bucket for each address. Holds a timer only while somebody waits. */
class Line {
  readonly #clock: Clock
  readonly #queue = new FairQueue<Waiting>()
  #buckets: RateBucket[] = []
  #timer: NodeJS.Timeout | null = null
  #wakeAt = 0
  #drift = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  use(addresses: readonly (string | null)[], rate: ReturnType<typeof withMargin>): void {
    this.#buckets = addresses.map((from) => {
      const known = this.#buckets.find((bucket) => bucket.from === from)
      known?.use(rate)
      return known ?? new RateBucket(from, rate)
    })
    this.#changed()
  }

  waiting(client: string): number {
    return this.#queue.waiting(client)
  }

  turn(client: string, wait: number, signal?: AbortSignal): Turn | NoTurn | Promise<Turn | NoTurn> {
    const now = this.#now()
    if (signal?.aborted) return this.#noTurn('abandoned', now)
    this.#serve(now)
    if (this.#queue.size === 0) {
      const bucket = soonest(this.#buckets, now)
      if (bucket.next(now) <= now) {
        bucket.take(now)
        return { from: bucket.from, waited: 0 }
      }
    }
    if (nthTurn(this.#buckets, this.#queue.ahead(client) + 1, now) > now + wait) {
      return this.#noTurn('full', now)
    }
    return new Promise((resolve) => {
      const abandon = () => {
        if (this.#queue.delete(waiting)) waiting.settle(this.#noTurn('abandoned', this.#now()))
        this.#arm()
      }
      const settle = (given: Turn | NoTurn) => {
        signal?.removeEventListener('abort', abandon)
        resolve(given)
      }
      const waiting: Waiting = { client, since: now, deadline: now + wait, settle }
      signal?.addEventListener('abort', abandon)
      this.#queue.add(waiting)
      this.#tellLate(this.#queue.behind(waiting), now)
      this.#arm()
    })
  }

  hold(from: string | null, duration: number): void {
    const now = this.#now()
    this.#buckets.find((bucket) => bucket.from === from)?.holdUntil(now + duration)
    this.#changed()
  }

  /** Nothing is paced any longer. */
  release(from: string | null): void {
    const now = this.#now()
    this.#empty((waiting) => ({ from, waited: now - waiting.since }))
  }

  close(): void {
    this.#empty(() => ({ retryAfter: 1, why: 'closing' }))
  }

  #empty(given: (waiting: Waiting) => Turn | NoTurn): void {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) next.settle(given(next))
    this.#arm()
  }

  #changed(): void {
    const now = this.#now()
    this.#serve(now)
    this.#tellAllLate(now)
    this.#arm()
  }

  #wake(): void {
    this.#timer = null
    const now = this.#now()
    this.#drift += now - this.#wakeAt
    this.#serve(now)
    // Turns that were promised by a clock that stood still may be out of reach now.
    if (this.#drift > DRIFT) this.#tellAllLate(now)
    this.#arm()
  }

  #serve(now: number): void {
    while (this.#queue.size > 0) {
      const bucket = soonest(this.#buckets, now)
      if (bucket.next(now) > now) return
      bucket.take(now)
      const next = this.#queue.shift()!
      next.settle({ from: bucket.from, waited: now - next.since })
    }
  }

  #tellAllLate(now: number): void {
    this.#drift = 0
    let place = 0
    const places = [...this.#queue].map((waiting) => [waiting, ++place] as const)
    let told = 0
    for (const [waiting, before] of places) told += this.#tellIfLate(waiting, before - told, now) ? 1 : 0
  }

  #tellLate(places: Iterable<readonly [Waiting, number]>, now: number): void {
    // One came in, so when one has gone everybody behind it is where it was.
    for (const [waiting, place] of places) if (this.#tellIfLate(waiting, place, now)) return
  }

  #tellIfLate(waiting: Waiting, place: number, now: number): boolean {
    if (place <= turnsUntil(this.#buckets, waiting.deadline, now)) return false
    this.#queue.delete(waiting)
    waiting.settle(this.#noTurn('displaced', now))
    return true
  }

  #noTurn(why: NoTurn['why'], now: number): NoTurn {
    const free = nthTurn(this.#buckets, this.#queue.size + 1, now)
    return { why, retryAfter: Math.max(1, Math.ceil((free - now) / 1e6)) }
  }

  #arm(): void {
    if (this.#queue.size === 0) {
      clearTimeout(this.#timer ?? undefined)
      this.#timer = null
      return
    }
    const now = this.#now()
    const at = soonest(this.#buckets, now).next(now)
    if (this.#timer !== null && this.#wakeAt === at) return
    clearTimeout(this.#timer ?? undefined)
    this.#wakeAt = at
    this.#timer = setTimeout(() => this.#wake(), Math.max(1, Math.ceil((at - now) / 1000)))
  }

  #now(): number {
    return this.#clock.now().monotonic
  }
}

/** What a client is answered that got no turn: as Let's Encrypt's load balancer says it, so that clients know it. */
export function paceDenial(ca: string, operation: Operation, { retryAfter, why }: NoTurn): Denial {
  const said = JSON.stringify(ca)
  const reason: Readonly<Record<NoTurn['why'], string>> = {
    full: `more requests wait for ${endpointOf(operation)} of CA ${said} than it allows to one address`,
    displaced: `its turn for ${endpointOf(operation)} of CA ${said} would have come too late`,
    abandoned: `the connection ended while it waited for its turn at CA ${said}`,
    closing: 'acmetap is stopping',
  }
  return {
    effect: 'deny',
    rule: 'paced-out',
    problem: 'rateLimited',
    status: 503,
    retryAfter,
    detail: `Service busy; retry in ${retryAfter} s. acmetap did not send this request: ${reason[why]}`,
  }
}

/** The endpoint whose limit a request counts against. */
export function endpointOf(operation: Operation): Paced {
  switch (operation) {
    case 'directory':
    case 'newNonce':
    case 'newAccount':
    case 'newOrder':
    case 'revokeCert':
    case 'renewalInfo':
      return operation
    default:
      return 'objects'
  }
}

function keyOf(ca: string, endpoint: Paced): string {
  return `${ca} ${endpoint}`
}
