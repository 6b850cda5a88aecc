import { canonicalTarget } from '../acme/canonical-target.ts'
import type { Operation } from '../acme/operation.ts'
import { LruMap } from './lru-map.ts'
import type { AccountKey, Learned, LearnedStore, Resource } from './resource.ts'

/** What a target is among the resources of its CA. */
export interface Recognised {
  readonly resource: Resource | null
  /** True when it equals a known resource only after clean-up. */
  readonly resembles: boolean
}

/**
 * Which URL of a CA is what: a bounded cache in front of the durable map. Nothing here is authoritative; a
 * resource that was evicted, or learned by another run, is read back from the store.
 */
export class ResourceMap {
  readonly #store: LearnedStore
  /** By canonical target: what the store holds. */
  readonly #stored: LruMap<string, readonly Resource[]>
  /** By canonical target: what answers taught since the start, which the store may not have yet. */
  readonly #fresh: LruMap<string, readonly Resource[]>
  readonly #keys: LruMap<string, AccountKey>

  constructor(store: LearnedStore, capacity = 10_000) {
    this.#store = store
    this.#fresh = new LruMap(capacity)
    this.#stored = new LruMap(capacity)
    this.#keys = new LruMap(capacity)
  }

  /** Recognise an origin-form target. Below a CA's renewalInfo URL everything is renewalInfo (RFC 9773 §4.1). */
  async recognise(ca: string, authority: string, target: string): Promise<Recognised> {
    const url = `https://${authority}${target}`
    const canonical = canonicalTarget(target)
    const fresh = this.#fresh.get(cacheKey(ca, authority, canonical)) ?? []
    const known = fresh.find((resource) => resource.url === url)
    if (known && isWhole(known)) return { resource: known, resembles: false }
    if (known) return { resource: await this.#completed(known, canonical), resembles: false }
    const candidates = await this.#candidates(ca, authority, canonical)
    const exact = candidates.find((resource) => resource.url === url)
    if (exact) return { resource: exact, resembles: false }
    if (candidates.length > 0) return { resource: null, resembles: true }
    return this.#renewalInfo(ca, authority, url, canonical)
  }

  /**
   * A resource that an answer named in passing, say an authorization of an order polled after a restart: what an
   * earlier run knew of it is in the store.
   */
  async #completed(known: Resource, canonical: string): Promise<Resource> {
    const stored = await this.#store.resources(known.ca, known.authority, canonical)
    const earlier = stored.find(({ url }) => url === known.url)
    if (!earlier) return known
    const merged = merge(earlier, known)
    this.#take(merged)
    return merged
  }

  async #renewalInfo(ca: string, authority: string, url: string, canonical: string): Promise<Recognised> {
    const parent = canonical.slice(0, canonical.lastIndexOf('/'))
    if (parent === '') return { resource: null, resembles: false }
    const base = (await this.#candidates(ca, authority, parent)).find((r) => r.operation === 'renewalInfo')
    if (!base) return { resource: null, resembles: false }
    const prefix = base.url.endsWith('/') ? base.url : `${base.url}/`
    const certificateId = url.startsWith(prefix) ? url.slice(prefix.length) : ''
    // RFC 9773 §4.1, or whatever else is one plain path segment: the CA says what it thinks of it.
    if (/^[A-Za-z0-9._~-]+$/.test(certificateId)) return { resource: { ...base, url }, resembles: false }
    return { resource: null, resembles: true }
  }

  async accountKey(ca: string, account: string): Promise<AccountKey | null> {
    const cached = this.#keys.get(`${ca} ${account}`)
    if (cached) return cached
    const stored = await this.#store.accountKey(ca, account)
    if (stored) this.#keys.set(`${ca} ${account}`, stored)
    return stored
  }

  /** Take in what an answer taught and return what of it was news: only that has to be stored. */
  learn(learned: Learned): Learned {
    const keys = learned.keys.filter(
      (key) => this.#keys.get(`${key.ca} ${key.account}`)?.thumbprint !== key.thumbprint,
    )
    for (const key of keys) this.#keys.set(`${key.ca} ${key.account}`, key)
    const resources: Resource[] = []
    for (const resource of learned.resources) {
      const news = this.#take(resource)
      if (news) resources.push(news)
    }
    return { resources, keys }
  }

  /** The resource as it is known from now on, or null where nothing of it is new. */
  #take(resource: Resource): Resource | null {
    const key = cacheKey(resource.ca, resource.authority, resource.canonical)
    const siblings = this.#fresh.get(key) ?? []
    const known = siblings.find(({ url }) => url === resource.url)
    const merged = known ? merge(known, resource) : resource
    if (known && isSame(known, merged)) return null
    const others = siblings.filter((sibling) => sibling !== known).slice(-MAX_SIBLINGS)
    this.#fresh.set(key, [...others, merged])
    this.#stored.delete(key)
    return merged
  }

  /** Keys that came by import. */
  learnKeys(keys: readonly AccountKey[]): void {
    for (const key of keys) this.#keys.set(`${key.ca} ${key.account}`, key)
  }

  async #candidates(ca: string, authority: string, canonical: string): Promise<readonly Resource[]> {
    const key = cacheKey(ca, authority, canonical)
    const stored = this.#stored.get(key) ?? (await this.#store.resources(ca, authority, canonical))
    const fresh = this.#fresh.get(key)
    if (fresh) return [...fresh, ...stored]
    // Unknown targets are not cached: anybody could fill the cache with them. Nor is what may be out of date.
    if (stored.length > 0) this.#stored.set(key, stored)
    return stored
  }
}

/** Resources of one CA that differ only in what canonicalTarget cleans away, a query for one. */
const MAX_SIBLINGS = 100

/** What an answer does not say of a resource stays as it was: a list of orders names no identifiers. */
function merge(known: Resource, news: Resource): Resource {
  return {
    ...news,
    account: news.account ?? known.account,
    order: news.order ?? known.order,
    authorization: news.authorization ?? known.authorization,
    issuance: news.issuance ?? known.issuance,
    identifiers: news.identifiers.length > 0 ? news.identifiers : known.identifiers,
  }
}

/** Whether nothing is missing that the store could add. */
function isWhole({ operation, issuance, identifiers }: Resource): boolean {
  return !OF_AN_ISSUANCE.has(operation) || (issuance !== null && identifiers.length > 0)
}

const OF_AN_ISSUANCE: ReadonlySet<Operation> = new Set([
  'order',
  'authorization',
  'challenge',
  'finalize',
  'certificate',
])

function isSame(a: Resource, b: Resource): boolean {
  return (
    a.operation === b.operation &&
    a.account === b.account &&
    a.order === b.order &&
    a.authorization === b.authorization &&
    a.issuance === b.issuance &&
    a.identifiers.length === b.identifiers.length &&
    a.identifiers.every(({ type, value }, i) => {
      const other = b.identifiers[i]!
      return type === other.type && value === other.value
    })
  )
}

function cacheKey(ca: string, authority: string, canonical: string): string {
  return `${ca}\n${authority}\n${canonical}`
}
