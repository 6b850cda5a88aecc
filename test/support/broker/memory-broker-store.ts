import { isDeepStrictEqual } from 'node:util'
import type { AccountRefusal, BrokerStore, OrderPage, Owner } from '../../../src/broker/broker-store.ts'
import type {
  BrokerAccount,
  BrokerAuthorization,
  BrokerCertificate,
  BrokerOrder,
  EabKey,
} from '../../../src/broker/objects.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import type { Resealed } from '../../../src/engine/engine-store.ts'
import type { Sealed, SealedPlace } from '../../../src/engine/sealing.ts'
import { MemoryLocalCaStore } from './memory-local-ca-store.ts'

/** A BrokerStore without a disk: passes the contract, and hands out copies, as one behind a thread does. */
export class MemoryBrokerStore extends MemoryLocalCaStore implements BrokerStore {
  readonly #accounts = new Map<string, BrokerAccount>()
  readonly #orders = new Map<string, BrokerOrder>()
  readonly #authorizations = new Map<string, BrokerAuthorization>()
  readonly #certificates = new Map<string, BrokerCertificate>()
  readonly #eabKeys = new Map<string, EabKey>()

  async account(endpoint: string, id: string): Promise<BrokerAccount | null> {
    const account = this.#accounts.get(id)
    return account?.endpoint === endpoint ? structuredClone(account) : null
  }

  async accountByKey(endpoint: string, thumbprint: string): Promise<BrokerAccount | null> {
    return structuredClone(this.#ofKey(endpoint, thumbprint) ?? null)
  }

  async accounts({
    eabKey,
    limit,
  }: {
    readonly eabKey?: string
    readonly limit: number
  }): Promise<BrokerAccount[]> {
    return newest(this.#accounts, limit, (account) => eabKey === undefined || account.eabKey === eabKey)
  }

  async addAccount(account: BrokerAccount): Promise<AccountRefusal | null> {
    this.write()
    mustBeNew(this.#accounts, account.id, 'account')
    if (this.#ofKey(account.endpoint, account.thumbprint) !== undefined) return 'keyInUse'
    if (account.eabKey !== null) {
      const key = this.#eabKeys.get(account.eabKey)
      if (key === undefined || key.revokedAt !== null) return 'eabGone'
      if (key.expiresAt !== null && key.expiresAt <= account.createdAt) return 'eabGone'
      if (key.uses !== null && key.used >= key.uses) return 'eabSpent'
      this.#eabKeys.set(key.id, { ...key, used: key.used + 1 })
    }
    this.#accounts.set(account.id, structuredClone(account))
    return null
  }

  async putAccount(
    { id, endpoint, status, jwk, thumbprint, contact, termsAgreed }: BrokerAccount,
    expected: Pick<BrokerAccount, 'status' | 'thumbprint'>,
  ): Promise<'keyInUse' | 'changed' | null> {
    this.write()
    const kept = this.#accounts.get(id)
    if (kept?.endpoint !== endpoint) throw new EngineError('input', `there is no account ${id}`)
    if (kept.status !== expected.status || kept.thumbprint !== expected.thumbprint) return 'changed'
    if ((this.#ofKey(endpoint, thumbprint)?.id ?? id) !== id) return 'keyInUse'
    this.#accounts.set(id, structuredClone({ ...kept, status, jwk, thumbprint, contact, termsAgreed }))
    return null
  }

  async order(owner: Owner, id: string): Promise<BrokerOrder | null> {
    return owned(this.#orders.get(id), owner)
  }

  async anyOrder(id: string): Promise<BrokerOrder | null> {
    return structuredClone(this.#orders.get(id) ?? null)
  }

  async ordersOf(owner: Owner, from: string | null, limit: number): Promise<OrderPage> {
    const ids = [...this.#orders.values()]
      .reverse()
      .filter((order) => isOf(order, owner) && (order.status !== 'invalid' || order.id === from))
    const begin = from === null ? 0 : ids.findIndex(({ id }) => id === from)
    if (begin < 0) return { orders: [], next: null }
    const rest = ids.slice(begin).filter(({ status }) => status !== 'invalid')
    return { orders: rest.slice(0, limit).map(({ id }) => id), next: rest[limit]?.id ?? null }
  }

  async openOrders(): Promise<readonly BrokerOrder[]> {
    return structuredClone([...this.#orders.values()].filter((order) => !hasEnded(order)))
  }

  async orders({ endpoint, ca, limit }: Parameters<BrokerStore['orders']>[0]): Promise<BrokerOrder[]> {
    return newest(
      this.#orders,
      limit,
      (order) =>
        (endpoint === undefined || order.endpoint === endpoint) &&
        (ca === undefined || order.upstream.ca === ca),
    )
  }

  async addOrder(order: BrokerOrder, authorizations: readonly BrokerAuthorization[]): Promise<void> {
    this.write()
    mustBeNew(this.#orders, order.id, 'order')
    for (const { id } of authorizations) mustBeNew(this.#authorizations, id, 'authorization')
    for (const each of authorizations) this.#authorizations.set(each.id, structuredClone(each))
    this.#orders.set(order.id, structuredClone(order))
  }

  async putOrder(order: BrokerOrder, expected: Pick<BrokerOrder, 'status' | 'changedAt'>): Promise<boolean> {
    this.write()
    const kept = this.#mustHaveOrder(order)
    if (kept.status !== expected.status || kept.changedAt !== expected.changedAt) return false
    this.#orders.set(order.id, structuredClone(order))
    return true
  }

  async authorization(owner: Owner, id: string): Promise<BrokerAuthorization | null> {
    return owned(this.#authorizations.get(id), owner)
  }

  async authorizations(owner: Owner, ids: readonly string[]): Promise<readonly BrokerAuthorization[]> {
    return ids.flatMap((id) => owned(this.#authorizations.get(id), owner) ?? [])
  }

  async reusable(
    owner: Owner,
    wanted: Parameters<BrokerStore['reusable']>[1],
    until: number,
  ): Promise<readonly BrokerAuthorization[]> {
    return wanted.flatMap(({ identifier, wildcard }) => {
      const found = [...this.#authorizations.values()]
        .filter((each) => isOf(each, owner) && each.wildcard === wildcard)
        .filter((each) => isDeepStrictEqual(each.identifier, identifier))
        .filter(({ status, expiresAt }) => /^(valid|pending)$/.test(status) && expiresAt > until)
        .sort((a, b) => b.status.localeCompare(a.status) || b.expiresAt - a.expiresAt)
      return structuredClone(found.slice(0, 1))
    })
  }

  async addAuthorization(authorization: BrokerAuthorization): Promise<void> {
    this.write()
    mustBeNew(this.#authorizations, authorization.id, 'authorization')
    this.#authorizations.set(authorization.id, structuredClone(authorization))
  }

  async putAuthorization(
    { id, endpoint, account, status, challenges, expiresAt }: BrokerAuthorization,
    expected: Pick<BrokerAuthorization, 'status' | 'challenges'>,
  ): Promise<boolean> {
    this.write()
    const kept = this.#authorizations.get(id)
    if (kept === undefined || !isOf(kept, { endpoint, account }))
      throw new EngineError('input', `there is no authorization ${id}`)
    if (kept.status !== expected.status || !isDeepStrictEqual(kept.challenges, expected.challenges))
      return false
    this.#authorizations.set(id, structuredClone({ ...kept, status, challenges, expiresAt }))
    return true
  }

  async beingValidated(): Promise<readonly BrokerAuthorization[]> {
    return structuredClone(
      [...this.#authorizations.values()].filter(
        ({ status, challenges }) =>
          status === 'pending' && challenges.some((challenge) => challenge.status === 'processing'),
      ),
    )
  }

  async pendingOrdersOf(owner: Owner, authorization: string): Promise<readonly string[]> {
    return [...this.#orders.values()]
      .filter((order) => isOf(order, owner) && order.status === 'pending')
      .filter((order) => order.authorizations.includes(authorization))
      .map(({ id }) => id)
  }

  async certificate(owner: Owner, id: string): Promise<BrokerCertificate | null> {
    return owned(this.#certificates.get(id), owner)
  }

  async certificateByFingerprint(endpoint: string, fingerprint: string): Promise<BrokerCertificate | null> {
    const [found] = newest(
      this.#certificates,
      1,
      (each) => each.endpoint === endpoint && each.fingerprint === fingerprint,
    )
    return found ?? null
  }

  async certificateByAriId(endpoint: string, ariId: string): Promise<BrokerCertificate | null> {
    const [found] = newest(
      this.#certificates,
      1,
      (each) => each.endpoint === endpoint && each.ariId === ariId,
    )
    return found ?? null
  }

  async addCertificate(certificate: BrokerCertificate, order: BrokerOrder): Promise<void> {
    this.write()
    mustBeNew(this.#certificates, certificate.id, 'certificate')
    if (hasEnded(this.#mustHaveOrder(order)))
      throw new EngineError('input', `the order ${order.id} has ended`)
    this.#certificates.set(certificate.id, structuredClone(certificate))
    this.#orders.set(order.id, structuredClone(order))
  }

  async putCertificate({ id, endpoint, account, revokedAt, replacedBy }: BrokerCertificate): Promise<void> {
    this.write()
    const kept = this.#certificates.get(id)
    if (kept === undefined || !isOf(kept, { endpoint, account }))
      throw new EngineError('input', `there is no certificate ${id}`)
    this.#certificates.set(id, {
      ...kept,
      revokedAt: revokedAt ?? kept.revokedAt,
      replacedBy: replacedBy ?? kept.replacedBy,
    })
  }

  async eabKeys(): Promise<readonly EabKey[]> {
    return newest(this.#eabKeys, Number.POSITIVE_INFINITY, () => true)
  }

  async eabKey(id: string): Promise<EabKey | null> {
    return structuredClone(this.#eabKeys.get(id) ?? null)
  }

  async addEabKey(key: EabKey): Promise<void> {
    this.write()
    mustBeNew(this.#eabKeys, key.id, 'EAB key')
    this.#eabKeys.set(key.id, structuredClone(key))
  }

  async putEabKey(key: EabKey): Promise<void> {
    this.write()
    const kept = this.#eabKeys.get(key.id)
    if (kept === undefined) throw new EngineError('input', `there is no EAB key ${key.id}`)
    this.#eabKeys.set(key.id, structuredClone({ ...key, used: kept.used }))
  }

  async prune(before: number): Promise<number> {
    this.write()
    let count = 0
    const forget = <T>(map: Map<string, T>, isOver: (value: T) => boolean): void => {
      for (const [id, value] of map) if (isOver(value) && map.delete(id)) count++
    }
    const orders = new Set<string>()
    forget(this.#certificates, ({ notAfter, order }) => notAfter < before && !!orders.add(order))
    forget(
      this.#orders,
      ({ id, status, changedAt }) => orders.has(id) || (status === 'invalid' && changedAt < before),
    )
    const awaited = new Set(
      [...this.#orders.values()].flatMap((order) => (order.status === 'pending' ? order.authorizations : [])),
    )
    forget(this.#authorizations, ({ id, expiresAt }) => expiresAt < before && !awaited.has(id))
    return count
  }

  async sealed(): Promise<readonly { readonly place: SealedPlace; readonly sealed: Sealed }[]> {
    return [...this.#eabKeys.values()].map(({ id, mac }) => ({
      place: { table: 'eab', id, column: 'key' },
      sealed: mac,
    }))
  }

  async reseal(changes: readonly Resealed[]): Promise<void> {
    this.write()
    for (const { place, from } of changes) {
      if (place.table !== 'eab' || this.#eabKeys.get(place.id)?.mac !== from)
        throw new EngineError('input', `the key of the EAB key ${place.id} has changed meanwhile`)
    }
    for (const { place, to } of changes)
      this.#eabKeys.set(place.id, { ...this.#eabKeys.get(place.id)!, mac: to })
  }

  async close(): Promise<void> {}

  #ofKey(endpoint: string, thumbprint: string): BrokerAccount | undefined {
    return [...this.#accounts.values()].find(
      (each) => each.endpoint === endpoint && each.thumbprint === thumbprint,
    )
  }

  #mustHaveOrder({ id, endpoint, account }: BrokerOrder): BrokerOrder {
    const kept = this.#orders.get(id)
    if (kept === undefined || !isOf(kept, { endpoint, account }))
      throw new EngineError('input', `there is no order ${id}`)
    return kept
  }
}

function isOf(object: Owner, { endpoint, account }: Owner): boolean {
  return object.endpoint === endpoint && object.account === account
}

function owned<T extends Owner>(object: T | undefined, owner: Owner): T | null {
  return object !== undefined && isOf(object, owner) ? structuredClone(object) : null
}

function hasEnded({ status }: BrokerOrder): boolean {
  return status === 'valid' || status === 'invalid'
}

function mustBeNew(map: ReadonlyMap<string, unknown>, id: string, what: string): void {
  if (map.has(id)) throw new EngineError('input', `there is the ${what} ${id} already`)
}

function newest<T>(map: ReadonlyMap<string, T>, limit: number, fits: (value: T) => boolean): T[] {
  return structuredClone([...map.values()].reverse().filter(fits).slice(0, limit))
}
