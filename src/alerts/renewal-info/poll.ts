/**
 * Asks CAs for the renewal information (RFC 9773) of current certificates. That is an unsigned GET which passes the same
 * stages as everybody's requests: it is recorded, and from the record the inventory takes the window.
 */
import { readDirectory } from '../../acme/response-objects.ts'
import { type Paging, paging } from '../../audit/inventory/every-page.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { Completed, Received } from '../../exchange/exchange.ts'
import { ownRequest } from '../../exchange/own-request.ts'
import { parseJson } from '../../exchange/parse-json.ts'
import { CaQueue } from './ca-queue.ts'
import { judge } from './judge.ts'
import { askedByOthers, type Watched, watchedOf } from './watched.ts'

export interface RenewalInfoParts {
  /** Sends one of acmetap's own requests through the stages. May reject. */
  readonly perform: (request: Received) => Promise<Completed>
  readonly inventory: Pick<InventoryReader, 'certificates'>
  readonly clock: Clock
  readonly userAgent: string
  /** CAs to ask, and the authority of their own URLs. Empty where nobody is to be asked. */
  readonly cas: () => readonly { readonly name: string; readonly authority: string }[]
  /** From 0 to 1; for tests. */
  readonly random?: () => number
}

/** Certificates of a page of the inventory, of which one is read each second. */
const PAGE = 200
/** µs between two readings of the whole list. */
const ROUND = 30 * 60_000_000
/** The same when a reading failed. */
const AGAIN = 60_000_000
/** How much later than the CA said a certificate is asked about at most, as a part of the time it named. */
const JITTER = 0.1

/**
 * One request a second to each CA at most, the longest due first. A certificate is asked about when the CA said, else
 * every six hours; one whose client asks by itself only when that client stops. With 100,000 certificates at one CA a
 * round takes 28 hours.
 */
export class RenewalInfoPoll {
  readonly #parts: RenewalInfoParts
  readonly #random: () => number
  /** URL of renewalInfo by CA, as its directory said last. */
  readonly #urls = new Map<string, URL>()
  readonly #queues = new Map<string, CaQueue>()
  /** By fingerprint. */
  readonly #watched = new Map<string, Watched>()
  #round = 0
  /** Where the reading of the list stands; undefined between two of them. */
  #cursor: string | null | undefined
  #nextRound = 0
  #isReading = false
  #timer: NodeJS.Timeout | null = null

  constructor(parts: RenewalInfoParts) {
    this.#parts = parts
    this.#random = parts.random ?? Math.random
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.tick(), 1000).unref()
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Told of every exchange: directories say where to ask. Costs nothing for any other. */
  note({ operation, destination, outcome }: Completed): void {
    if (operation !== 'directory' || destination === null || outcome.kind !== 'response') return
    const ca = this.#parts.cas().find(({ name }) => name === destination.ca)
    if (ca === undefined || ca.authority !== destination.authority || outcome.response.status !== 200) return
    const { renewalInfo } = readDirectory(parseJson(outcome.response.decoded))
    const url = renewalInfo === null ? null : URL.parse(renewalInfo)
    if (url === null || url.host !== ca.authority) this.#urls.delete(ca.name)
    else this.#urls.set(ca.name, url)
  }

  /** What is due. Called once a second. Never rejects. */
  async tick(): Promise<void> {
    const cas = this.#parts.cas()
    if (cas.length === 0) return
    const asking = cas.map(async ({ name, authority }) => {
      const url = this.#urls.get(name)
      if (url === undefined) return
      const queue = this.#queues.get(name) ?? new CaQueue()
      this.#queues.set(name, queue)
      const { monotonic, wall } = this.#parts.clock.now()
      const next = queue.take(monotonic, () => this.#ofCa(name, wall))
      if (next !== null) await this.#ask(queue, next, authority, url)
    })
    await Promise.all([this.#read(), ...asking])
  }

  *#ofCa(ca: string, wall: number): Iterable<Watched> {
    for (const one of this.#watched.values()) if (one.ca === ca && one.notAfter > wall) yield one
  }

  async #ask(queue: CaQueue, one: Watched, authority: string, url: URL): Promise<void> {
    const { clock, perform, userAgent } = this.#parts
    const target = `${url.pathname.replace(/\/$/, '')}/${one.ariId}`
    const request = ownRequest('GET', { ca: one.ca, authority }, target, userAgent, clock)
    const completed = await perform(request).catch(() => null)
    const { wall, monotonic } = clock.now()
    const { again, failures, pause, isTrouble } = judge(completed, one.failures, wall / 1000)
    one.failures = failures
    if (again !== null) {
      one.asked = wall
      one.due = monotonic + again * (1 + this.#random() * JITTER)
    }
    queue.settle(monotonic, pause, isTrouble)
  }

  /** One page of the list of current certificates. */
  async #read(): Promise<void> {
    const { inventory, clock } = this.#parts
    if (this.#isReading) return
    if (this.#cursor === undefined) {
      if (clock.now().monotonic < this.#nextRound) return
      this.#round += 1
      this.#cursor = null
    }
    this.#isReading = true
    try {
      const page: Paging = paging(PAGE, this.#cursor)
      const { items, next } = await inventory.certificates({ ...page, state: 'valid' })
      const now = clock.now()
      for (const certificate of items) {
        const known = this.#watched.get(certificate.fingerprint)
        if (known === undefined) {
          const one = watchedOf(certificate, this.#round, now, this.#random)
          if (one !== null) this.#watched.set(certificate.fingerprint, one)
        } else {
          known.round = this.#round
          askedByOthers(known, certificate, now)
        }
      }
      if (next === null) this.#endRound(now.monotonic)
      this.#cursor = next ?? undefined
    } catch {
      // The inventory is being made anew or closed. What is known stays, and the list is begun again.
      this.#cursor = undefined
      this.#nextRound = clock.now().monotonic + AGAIN
    } finally {
      this.#isReading = false
    }
  }

  /** What the list no longer has was replaced, revoked or has ended. */
  #endRound(now: number): void {
    this.#nextRound = now + ROUND
    for (const [fingerprint, one] of this.#watched) {
      if (one.round === this.#round) continue
      one.isGone = true
      this.#watched.delete(fingerprint)
    }
  }
}
