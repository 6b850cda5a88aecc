import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import { everyPage, type Paging } from '../../audit/inventory/every-page.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { instantOf } from '../../audit/inventory/values.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { AlertFeed, AlertReader } from '../alert-desk.ts'
import type { EndpointState } from '../endpoint.ts'
import { type LearnedPlace, LearnedPlaces } from './learned-places.ts'
import { newerThan } from './newer.ts'
import { AFTER_RENEWAL, pauseAfter } from './pauses.ts'
import { type Place, readPlace } from './place.ts'
import type { Probed } from './probe.ts'

export interface WatchSettings {
  readonly endpoints: readonly string[]
  readonly learn: boolean
  /** ms. */
  readonly every: number
}

export interface WatcherParts {
  readonly probe: (place: Place, signal: AbortSignal) => Promise<Probed>
  readonly inventory: Pick<InventoryReader, 'certificates' | 'certificate'>
  readonly reader: Pick<AlertReader, 'endpoints'>
  readonly feed: Pick<AlertFeed, 'probed' | 'watched'>
  readonly clock: Clock
  readonly settings: () => WatchSettings
  /** Told of what went wrong in here; places that can't be looked at are no fault. */
  readonly onFault?: (error: unknown) => void
  /** From 0 to 1; for tests. */
  readonly random?: () => number
}

interface Entry {
  readonly place: Place
  source: EndpointState['source']
  state: EndpointState | null
  failures: number
  /** ms of the monotonic clock. */
  due: number
  /** Times at which it is looked at besides, after a renewal. */
  extra: number[]
  isUnderWay: boolean
}

/** Looks that are under way at once, and that begin within a second. */
const AT_ONCE = 8
const PER_SECOND = 10
/** ms between two readings of the list of what was added, of renewals, and of all names that are learned. */
const LIST = 30_000
const RENEWALS = 60_000
const LEARN = 3600_000
/** ms: a learned name that never served anything is looked at so seldom. It is no place, and nobody is told of it. */
const NO_PLACE = 7 * 86_400_000
const MOST_RENEWALS = 1000
/** µs by which two readings of what is new overlap: the inventory may be that far behind the record. */
const OVERLAP = 300_000_000

/**
 * Looks at every place of the watch list now and then, and tells the desk what it found. Due times are those of the
 * monotonic clock, so that a clock that is set starts nothing; looks are spread over the time between them.
 */
export class Watcher {
  readonly #parts: WatcherParts
  readonly #random: () => number
  readonly #entries = new Map<string, Entry>()
  readonly #ending = new AbortController()
  #isListed = false
  #learned: ReadonlyMap<string, LearnedPlace> = new Map()
  #learning: LearnedPlaces | null = null
  #told = ''
  #underWay = 0
  #nextList = 0
  #nextLearn = 0
  #nextRenewals = 0
  #hasLearned = false
  /** Wall clock of the last reading of what is new, µs, and fingerprints of what was new then. */
  #renewalsRead: number
  #renewals: ReadonlySet<string> = new Set()
  #isReading = false
  #timer: NodeJS.Timeout | null = null

  constructor(parts: WatcherParts) {
    this.#parts = parts
    this.#random = parts.random ?? Math.random
    this.#renewalsRead = parts.clock.now().wall
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.tick(), 1000).unref()
  }

  /** Looks under way are given up, and not told. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#ending.abort()
  }

  /** The list or the settings have changed: what is new is looked at now, and so is the place that is named. */
  refresh(endpoint?: string): void {
    this.#nextList = 0
    this.#nextLearn = 0
    const entry = endpoint === undefined ? undefined : this.#entries.get(endpoint)
    if (entry !== undefined) entry.due = this.#now()
  }

  /** What is due. Called once a second. Never rejects; resolves when the lists were read, not when looks are over. */
  async tick(): Promise<void> {
    if (!this.#isReading) {
      this.#isReading = true
      await this.#read().catch((error: unknown) => this.#parts.onFault?.(error))
      this.#isReading = false
    }
    this.#begin()
  }

  async #read(): Promise<void> {
    const now = this.#now()
    if (now >= this.#nextLearn || this.#learning !== null) await this.#learn(now)
    if (now >= this.#nextList) {
      this.#nextList = now + LIST
      await this.#list(now)
    }
    if (now >= this.#nextRenewals) {
      this.#nextRenewals = now + RENEWALS
      await this.#noteRenewals(now)
    }
  }

  /** One page a second. */
  async #learn(now: number): Promise<void> {
    this.#nextLearn = now + LEARN
    if (!this.#parts.settings().learn) {
      this.#learning = null
      this.#learned = new Map()
      this.#hasLearned = true
      return
    }
    this.#learning ??= new LearnedPlaces(this.#parts.inventory)
    const learned = await this.#learning.next().catch((error: unknown) => {
      this.#learning = null
      this.#nextLearn = now + RENEWALS
      throw error
    })
    if (learned === null) return
    this.#learning = null
    this.#learned = learned
    this.#hasLearned = true
    this.#nextList = 0
  }

  /** Brings the entries up to what is configured, added and learned. */
  async #list(now: number): Promise<void> {
    const kept = new Map<string, EndpointState>()
    for await (const page of everyPage((paging) => this.#parts.reader.endpoints(paging))) {
      for (const state of page.items) kept.set(state.endpoint, state)
    }
    const wanted = this.#wanted(kept)
    for (const endpoint of this.#entries.keys()) if (!wanted.has(endpoint)) this.#entries.delete(endpoint)
    for (const [endpoint, { place, source }] of wanted) {
      const entry = this.#entries.get(endpoint)
      if (entry !== undefined) {
        entry.source = source
        if (entry.state !== null && isPlace(entry, entry.state))
          entry.due = Math.min(entry.due, now + 1.1 * this.#parts.settings().every)
      } else this.#entries.set(endpoint, this.#entryOf(place, source, kept.get(endpoint) ?? null, now))
    }
    await this.#tellWatched([...wanted].filter(([, { source }]) => source !== 'added').map(([text]) => text))
    if (!this.#isListed) this.#spread(now)
    this.#isListed = true
  }

  #wanted(kept: ReadonlyMap<string, EndpointState>) {
    const wanted = new Map<string, { place: Place; source: EndpointState['source'] }>(this.#learned)
    for (const { endpoint, source } of kept.values()) {
      if (source === 'added') this.#want(wanted, endpoint, source)
      // Learned by the run before: kept until this one has read the inventory.
      else if (source !== 'config' && !this.#hasLearned) this.#want(wanted, endpoint, source)
    }
    for (const text of this.#parts.settings().endpoints) this.#want(wanted, text, 'config')
    return wanted
  }

  #want(
    wanted: Map<string, { place: Place; source: EndpointState['source'] }>,
    text: string,
    source: EndpointState['source'],
  ) {
    try {
      const place = readPlace(text)
      wanted.set(place.endpoint, { place, source })
    } catch (error) {
      this.#parts.onFault?.(error)
    }
  }

  /** A place that was never looked at is due now, or soon where it was learned; any other when it was to be. */
  #entryOf(place: Place, source: EndpointState['source'], state: EndpointState | null, now: number): Entry {
    const { every } = this.#parts.settings()
    const probed = state?.probed ?? null
    const age = probed === null ? null : this.#parts.clock.now().wall / 1000 - Date.parse(probed)
    const soon = isNamed({ source }) ? now : now + this.#random() * Math.min(every, LEARN)
    const due = age === null ? soon : now + every - Math.min(Math.max(age, 0), every)
    const failures = state?.error === null || state === null ? 0 : 1
    return { place, source, state, failures, due, extra: [], isUnderWay: false }
  }

  /** After a long stop everything is due: what was looked at before is spread over a while. */
  #spread(now: number): void {
    const { every } = this.#parts.settings()
    for (const entry of this.#entries.values()) {
      if (entry.state !== null && entry.state.probed !== null && entry.due <= now)
        entry.due = now + this.#random() * Math.min(every, LEARN)
    }
  }

  async #tellWatched(endpoints: readonly string[]): Promise<void> {
    const text = endpoints.join('\n')
    if (text === this.#told) return
    await this.#parts.feed.watched(endpoints)
    this.#told = text
  }

  /** Places that serve, or are, a name of a certificate that is new. */
  async #noteRenewals(now: number): Promise<void> {
    const since = this.#renewalsRead - OVERLAP
    const read = this.#parts.clock.now().wall
    const fresh: InventoriedCertificate[] = []
    const ask = (page: Paging) => this.#parts.inventory.certificates({ ...page, since })
    for await (const { items } of everyPage(ask)) {
      fresh.push(...items)
      if (fresh.length >= MOST_RENEWALS) break
    }
    const news = fresh.filter(({ fingerprint }) => !this.#renewals.has(fingerprint))
    this.#renewalsRead = read
    this.#renewals = new Set(fresh.map(({ fingerprint }) => fingerprint))
    const names = new Set(news.flatMap(({ identifiers }) => identifiers.map(({ value }) => value)))
    if (names.size === 0) return
    for (const entry of this.#entries.values()) {
      const served = entry.state?.served?.names ?? []
      if (!names.has(entry.place.host) && !served.some((name) => names.has(name))) continue
      entry.extra = AFTER_RENEWAL.map((pause) => now + pause * (1 + 0.1 * this.#random()))
    }
    // Names that were not known before.
    this.#nextLearn = Math.min(this.#nextLearn, now + RENEWALS)
  }

  #begin(): void {
    const now = this.#now()
    const due = [...this.#entries.values()].filter((one) => !one.isUnderWay && dueOf(one) <= now)
    // What people named comes before what was learned, however much that is.
    due.sort((one, other) => Number(!isNamed(one)) - Number(!isNamed(other)) || dueOf(one) - dueOf(other))
    for (const entry of due.slice(0, Math.min(PER_SECOND, AT_ONCE - this.#underWay))) {
      this.#underWay += 1
      entry.isUnderWay = true
      void this.#look(entry)
        .catch((error: unknown) => this.#parts.onFault?.(error))
        .finally(() => {
          this.#underWay -= 1
          entry.isUnderWay = false
        })
    }
  }

  async #look(entry: Entry): Promise<void> {
    const { every } = this.#parts.settings()
    entry.extra = entry.extra.filter((at) => at > this.#now())
    entry.due = this.#now() + every
    const probed = await this.#parts.probe(entry.place, this.#ending.signal)
    if (this.#ending.signal.aborted) return
    entry.failures = probed.error === null ? 0 : entry.failures + 1
    const state = await this.#stateOf(entry, probed)
    const isOne = isPlace(entry, state)
    const pause = isOne ? pauseAfter(state, entry.failures, every, this.#random()) : Math.max(every, NO_PLACE)
    entry.due = this.#now() + pause
    entry.state = state
    if (isOne && this.#entries.get(entry.place.endpoint) === entry) await this.#parts.feed.probed(state)
  }

  async #stateOf({ place, source, state: before }: Entry, { served, error }: Probed): Promise<EndpointState> {
    const probed = instantOf(Math.floor(this.#parts.clock.now().wall / 1000) * 1000)
    const fails = served === null || !served.certificate.trusted
    // Where the inventory can't say, what it said last stands.
    const newer =
      served === null
        ? (before?.newer ?? null)
        : await newerThan(served, this.#parts.inventory).catch(() => before?.newer ?? null)
    return {
      endpoint: place.endpoint,
      source,
      probed,
      served: served?.certificate ?? before?.served ?? null,
      error,
      failingSince: fails ? earlier(before?.failingSince ?? probed, probed) : null,
      newer,
    }
  }

  #now(): number {
    return this.#parts.clock.now().monotonic / 1000
  }
}

/** A clock that was set back must not put off what has failed since before. */
function earlier(one: string, other: string): string {
  return one < other ? one : other
}

function isNamed({ source }: Pick<Entry, 'source'>): boolean {
  return source === 'config' || source === 'added'
}

/** A name that was learned is a place once it has served something. */
function isPlace(entry: Entry, { served }: EndpointState): boolean {
  return served !== null || isNamed(entry)
}

function dueOf({ due, extra }: Entry): number {
  return Math.min(due, ...extra)
}
