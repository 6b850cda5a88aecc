import { canonicalTarget } from '../acme/canonical-target.ts'
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
  readonly #byCanonical: LruMap<string, readonly Resource[]>
  /** By exact URL: what answers taught since the start, which the store may not have yet. */
  readonly #fresh: LruMap<string, Resource>
  readonly #keys: LruMap<string, AccountKey>

  constructor(store: LearnedStore, capacity = 20_000) {
    this.#store = store
    this.#fresh = new LruMap(capacity)
    this.#byCanonical = new LruMap(capacity)
    this.#keys = new LruMap(capacity)
  }

  /** Recognise an origin-form target. Below a CA's renewalInfo URL everything is renewalInfo (RFC 9773 §4.1). */
  async recognise(ca: string, authority: string, target: string): Promise<Recognised> {
    const url = `https://${authority}${target}`
    const fresh = this.#fresh.get(`${ca} ${url}`)
    if (fresh) return { resource: fresh, resembles: false }
    const canonical = canonicalTarget(target)
    const candidates = await this.#candidates(ca, authority, canonical)
    const exact = candidates.find((resource) => resource.url === url)
    if (exact) return { resource: exact, resembles: false }
    if (candidates.length > 0) return { resource: null, resembles: true }
    return this.#renewalInfo(ca, authority, url, canonical)
  }

  async #renewalInfo(ca: string, authority: string, url: string, canonical: string): Promise<Recognised> {
    const parent = canonical.slice(0, canonical.lastIndexOf('/'))
    if (parent === '') return { resource: null, resembles: false }
    const base = (await this.#candidates(ca, authority, parent)).find((r) => r.operation === 'renewalInfo')
    if (!base) return { resource: null, resembles: false }
    const prefix = base.url.endsWith('/') ? base.url : `${base.url}/`
    const certificateId = url.startsWith(prefix) ? url.slice(prefix.length) : ''
    if (/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(certificateId))
      return { resource: { ...base, url }, resembles: false }
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
    const resources = learned.resources.filter((resource) => {
      const known = this.#fresh.get(`${resource.ca} ${resource.url}`)
      return known === undefined || JSON.stringify(known) !== JSON.stringify(resource)
    })
    for (const resource of resources) this.#fresh.set(`${resource.ca} ${resource.url}`, resource)
    return { resources, keys }
  }

  /** Keys that came by import. */
  learnKeys(keys: readonly AccountKey[]): void {
    for (const key of keys) this.#keys.set(`${key.ca} ${key.account}`, key)
  }

  async #candidates(ca: string, authority: string, canonical: string): Promise<readonly Resource[]> {
    const key = cacheKey(ca, authority, canonical)
    const cached = this.#byCanonical.get(key)
    if (cached) return cached
    const stored = await this.#store.resources(ca, authority, canonical)
    // Unknown targets are not cached: anybody could fill the cache with them.
    if (stored.length > 0) this.#byCanonical.set(key, stored)
    return stored
  }
}

function cacheKey(ca: string, authority: string, canonical: string): string {
  return `${ca}\n${authority}\n${canonical}`
}
