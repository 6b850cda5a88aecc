import type { Entry, FactDraft } from '../../src/audit/record.ts'
import { type RecordStore, StoreUnavailable } from '../../src/audit/record-store.ts'
import type { AccountKey, LearnedStore, Resource } from '../../src/exchange/resource.ts'

type Trouble = 'none' | 'refuse' | 'hang' | 'appliedButRefused'

/**
 * The record in memory, as its port promises it, with the store's troubles on command. `hang` keeps every call
 * until the trouble is over.
 */
export class MemoryRecordStore implements RecordStore, LearnedStore {
  readonly facts: FactDraft[] = []
  readonly entries: Entry[] = []
  probes = 0
  calls = 0
  readonly #open = new Set<string>()
  readonly #resources = new Map<string, Resource>()
  readonly #keys = new Map<string, AccountKey>()
  #trouble: Trouble = 'none'
  #released: (() => void)[] = []

  set trouble(trouble: Trouble) {
    this.#trouble = trouble
    for (const release of this.#released.splice(0)) release()
  }

  async append(entry: Entry): Promise<void> {
    this.calls += 1
    await this.#troubled(() => this.#write(entry))
    this.#write(entry)
  }

  async probe(): Promise<void> {
    this.probes += 1
    await this.#troubled(() => undefined)
  }

  async #troubled(apply: () => void): Promise<void> {
    while (this.#trouble === 'hang') await new Promise<void>((resolve) => this.#released.push(resolve))
    if (this.#trouble === 'none') return
    if (this.#trouble === 'appliedButRefused') apply()
    throw new StoreUnavailable('full', 'the disk is full')
  }

  #write(entry: Entry): void {
    let written = 0
    for (const fact of entry.facts) {
      if (fact.kind === 'intent') this.#open.add(fact.exchange)
      else if (fact.kind === 'outcome' && !this.#open.delete(fact.exchange)) continue
      this.facts.push(fact)
      written += 1
    }
    if (written === 0) return
    this.entries.push(entry)
    for (const resource of entry.learned.resources)
      this.#resources.set(`${resource.ca} ${resource.url}`, resource)
    for (const key of entry.learned.keys) this.#keys.set(`${key.ca} ${key.account}`, key)
  }

  get openIntents(): number {
    return this.#open.size
  }

  outcomesOf(exchange: string): string[] {
    return this.facts
      .filter((fact) => fact.exchange === exchange)
      .map(({ content }) => ('outcome' in content ? content.outcome : 'intent'))
  }

  async resources(ca: string, authority: string, canonical: string): Promise<readonly Resource[]> {
    return [...this.#resources.values()].filter(
      (resource) =>
        resource.ca === ca && resource.authority === authority && resource.canonical === canonical,
    )
  }

  async accountKey(ca: string, account: string): Promise<AccountKey | null> {
    return this.#keys.get(`${ca} ${account}`) ?? null
  }

  async closeDeadIntents(): Promise<number> {
    return 0
  }

  async rememberKeys(keys: readonly AccountKey[]): Promise<number> {
    for (const key of keys) this.#keys.set(`${key.ca} ${key.account}`, key)
    return keys.length
  }

  pressure() {
    return { waiting: 0, lastCommit: 0 }
  }

  async close(): Promise<void> {}
}
