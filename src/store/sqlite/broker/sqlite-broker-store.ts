import type { AccountRefusal, BrokerStore, OrderPage, Owner } from '../../../broker/broker-store.ts'
import type {
  LocalCaStore,
  LocalCertificate,
  LocalCrl,
  RevokedSerial,
} from '../../../broker/local-ca/local-ca-store.ts'
import type {
  BrokerAccount,
  BrokerAuthorization,
  BrokerCertificate,
  BrokerOrder,
  EabKey,
} from '../../../broker/objects.ts'
import type { Resealed } from '../../../engine/engine-store.ts'
import type { Sealed, SealedPlace } from '../../../engine/sealing.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
import type { Asked } from '../../thread.ts'
import type { EabRow } from './account-rows.ts'
import type { BrokerReads, BrokerWrites } from './broker-side.ts'
import type { CertificateColumns } from './certificate-rows.ts'
import { KeptObjects } from './kept-objects.ts'
import { type AuthorizationColumns, isBeingValidated, nameOf, type OrderColumns } from './order-rows.ts'
import { WriteQueue } from './write-queue.ts'

/** The event loop's side of the broker's database: objects become text here, and text objects. */
export class SqliteBrokerStore implements BrokerStore, LocalCaStore {
  readonly #thread: Asked
  readonly #queue: WriteQueue
  readonly #accounts = new LruMap<string, BrokerAccount>(4096)
  readonly #orders = new KeptObjects<BrokerOrder>(4096)
  readonly #authorizations = new KeptObjects<BrokerAuthorization>(4096)
  readonly #certificates = new KeptObjects<BrokerCertificate>(512)
  #closing: Promise<void> | null = null

  constructor(thread: Asked) {
    this.#thread = thread
    this.#queue = new WriteQueue(thread)
  }

  async account(endpoint: string, id: string): Promise<BrokerAccount | null> {
    const known = this.#accounts.get(id)
    if (known?.endpoint === endpoint) return known
    const found = parsed<BrokerAccount>(await this.#read('account', endpoint, id))
    if (found !== null) this.#accounts.set(id, found)
    return found
  }

  async accountByKey(endpoint: string, thumbprint: string): Promise<BrokerAccount | null> {
    return parsed(await this.#read('accountByKey', endpoint, thumbprint))
  }

  async accounts({
    eabKey,
    limit,
  }: {
    readonly eabKey?: string
    readonly limit: number
  }): Promise<BrokerAccount[]> {
    return each(await this.#read('accounts', eabKey ?? null, limit))
  }

  addAccount(account: BrokerAccount): Promise<AccountRefusal | null> {
    return this.#write('addAccount', account, JSON.stringify(account))
  }

  async putAccount(
    account: BrokerAccount,
    { status, thumbprint }: Pick<BrokerAccount, 'status' | 'thumbprint'>,
  ): Promise<'keyInUse' | 'changed' | null> {
    // The thread answers in turn: what was read before comes back before this does.
    try {
      return await this.#write('putAccount', account, { status, thumbprint })
    } finally {
      this.#accounts.delete(account.id)
    }
  }

  async order(owner: Owner, id: string): Promise<BrokerOrder | null> {
    return this.#orders.get(owner, id) ?? parsed(await this.#read('order', ownerOf(owner), id))
  }

  async anyOrder(id: string): Promise<BrokerOrder | null> {
    return parsed(await this.#read('anyOrder', id))
  }

  ordersOf(owner: Owner, from: string | null, limit: number): Promise<OrderPage> {
    return this.#read('ordersOf', ownerOf(owner), from, limit)
  }

  async openOrders(): Promise<readonly BrokerOrder[]> {
    return each(await this.#read('openOrders'))
  }

  async orders({ endpoint, ca, limit }: Parameters<BrokerStore['orders']>[0]): Promise<BrokerOrder[]> {
    return each(await this.#read('orders', endpoint ?? null, ca ?? null, limit))
  }

  async addOrder(order: BrokerOrder, authorizations: readonly BrokerAuthorization[]): Promise<void> {
    const rows = authorizations.map(authorizationColumns)
    await this.#write('addOrder', orderColumns(order), JSON.stringify(order), rows)
    this.#orders.add(order)
    for (const authorization of authorizations) this.#authorizations.add(authorization)
  }

  putOrder(
    order: BrokerOrder,
    { status, changedAt }: Pick<BrokerOrder, 'status' | 'changedAt'>,
  ): Promise<boolean> {
    const text = JSON.stringify(order)
    return this.#orders.written(
      order.id,
      () => this.#write('putOrder', orderColumns(order), text, { status, changedAt }),
      (isPut) => (isPut ? order : null),
    )
  }

  async authorization(owner: Owner, id: string): Promise<BrokerAuthorization | null> {
    return (
      this.#authorizations.get(owner, id) ?? parsed(await this.#read('authorization', ownerOf(owner), id))
    )
  }

  async authorizations(owner: Owner, ids: readonly string[]): Promise<BrokerAuthorization[]> {
    const known = ids.map((id) => this.#authorizations.get(owner, id))
    if (known.every((each) => each !== null)) return known
    return each(await this.#read('authorizations', ownerOf(owner), ids))
  }

  async reusable(
    owner: Owner,
    wanted: Parameters<BrokerStore['reusable']>[1],
    until: number,
  ): Promise<BrokerAuthorization[]> {
    return each(await this.#read('reusable', ownerOf(owner), wanted.map(nameOf), until))
  }

  addAuthorization(authorization: BrokerAuthorization): Promise<void> {
    return this.#write('addAuthorization', authorizationColumns(authorization))
  }

  putAuthorization(
    authorization: BrokerAuthorization,
    { status, challenges }: Pick<BrokerAuthorization, 'status' | 'challenges'>,
  ): Promise<boolean> {
    return this.#authorizations.written(
      authorization.id,
      () => this.#write('putAuthorization', authorization, { status, challenges }),
      () => null,
    )
  }

  async beingValidated(): Promise<readonly BrokerAuthorization[]> {
    return each(await this.#read('beingValidated'))
  }

  pendingOrdersOf(owner: Owner, authorization: string): Promise<readonly string[]> {
    return this.#read('pendingOrdersOf', ownerOf(owner), authorization)
  }

  async certificate(owner: Owner, id: string): Promise<BrokerCertificate | null> {
    return this.#certificates.get(owner, id) ?? parsed(await this.#read('certificate', ownerOf(owner), id))
  }

  async certificateByFingerprint(endpoint: string, fingerprint: string): Promise<BrokerCertificate | null> {
    return parsed(await this.#read('certificateByFingerprint', endpoint, fingerprint))
  }

  async certificateByAriId(endpoint: string, ariId: string): Promise<BrokerCertificate | null> {
    return parsed(await this.#read('certificateByAriId', endpoint, ariId))
  }

  addCertificate(certificate: BrokerCertificate, order: BrokerOrder): Promise<void> {
    const columns = [certificateColumns(certificate), JSON.stringify(certificate)] as const
    return this.#orders.written(
      order.id,
      async () => {
        await this.#write('addCertificate', ...columns, orderColumns(order), JSON.stringify(order))
        this.#certificates.add(certificate)
      },
      () => order,
    )
  }

  putCertificate(certificate: BrokerCertificate): Promise<void> {
    const { id, revokedAt, replacedBy } = certificate
    return this.#certificates.written(
      id,
      () => this.#write('putCertificate', ownerOf(certificate), id, revokedAt, replacedBy),
      () => null,
    )
  }

  async eabKeys(): Promise<readonly EabKey[]> {
    return (await this.#read('eabKeys')).map(eabKeyOf)
  }

  async eabKey(id: string): Promise<EabKey | null> {
    const row = await this.#read('eabKey', id)
    return row === null ? null : eabKeyOf(row)
  }

  addEabKey({ mac, used, ...key }: EabKey): Promise<void> {
    return this.#write('addEabKey', key.id, mac, used, JSON.stringify(key))
  }

  putEabKey({ mac, used: _, ...key }: EabKey): Promise<void> {
    return this.#write('putEabKey', key.id, mac, JSON.stringify(key))
  }

  prune(before: number): Promise<number> {
    return this.#some('prune', before).finally(() => {
      for (const known of [this.#orders, this.#authorizations, this.#certificates]) known.forget()
    })
  }

  sealed(): Promise<readonly { readonly place: SealedPlace; readonly sealed: Sealed }[]> {
    return this.#read('sealed')
  }

  reseal(changes: readonly Resealed[]): Promise<void> {
    return this.#write('reseal', changes)
  }

  async addLocalCertificate(certificate: LocalCertificate): Promise<LocalCertificate> {
    return localCertificateOf(await this.#write('addLocalCertificate', certificate))
  }

  async localCertificate(ca: string, serial: string): Promise<LocalCertificate | null> {
    const row = await this.#read('localCertificate', ca, serial)
    return row === null ? null : localCertificateOf(row)
  }

  async localCertificates({
    ca,
    revoked,
    limit,
  }: Parameters<LocalCaStore['localCertificates']>[0]): Promise<LocalCertificate[]> {
    return (await this.#read('localCertificates', ca ?? null, revoked ?? null, limit)).map(localCertificateOf)
  }

  revokeLocalCertificate(
    ca: string,
    serial: string,
    at: number,
    reason: number,
  ): Promise<'revoked' | 'alreadyRevoked' | null> {
    return this.#write('revokeLocalCertificate', ca, serial, at, reason)
  }

  localRevoked(ca: string, generation: number, endsAfter: number): Promise<readonly RevokedSerial[]> {
    return this.#read('localRevoked', ca, generation, endsAfter)
  }

  async localCrl(ca: string, generation: number): Promise<LocalCrl | null> {
    const row = await this.#read('localCrl', ca, generation)
    return row === null ? null : { ...row, list: bufferOf(row.list) }
  }

  putLocalCrl(crl: LocalCrl): Promise<boolean> {
    return this.#write('putLocalCrl', crl)
  }

  localLastEnd(ca: string, generation: number): Promise<number | null> {
    return this.#read('localLastEnd', ca, generation)
  }

  pruneLocal(before: number): Promise<number> {
    return this.#some('pruneLocal', before)
  }

  /** Waits for what was written before. */
  close(): Promise<void> {
    this.#closing ??= this.#queue.drained().then(() => this.#thread.close())
    return this.#closing
  }

  #read<Name extends keyof BrokerReads>(
    name: Name,
    ...given: Parameters<BrokerReads[Name]>
  ): Promise<ReturnType<BrokerReads[Name]>> {
    if (this.#closing !== null) return Promise.reject(closed())
    return this.#thread.call('read', { name, given })
  }

  #write<Name extends keyof BrokerWrites>(
    name: Name,
    ...given: Parameters<BrokerWrites[Name]>
  ): Promise<ReturnType<BrokerWrites[Name]>> {
    if (this.#closing !== null) return Promise.reject(closed())
    return this.#queue.write({ name, given })
  }

  /** Until nothing is left: between two transactions others have their turn. */
  async #some(name: 'prune' | 'pruneLocal', before: number): Promise<number> {
    let count = 0
    for (;;) {
      const some = await this.#write(name, before)
      if (some === 0) return count
      count += some
    }
  }
}

function closed(): Error {
  return new Error('the store is closed')
}

function parsed<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T)
}

function each<T>(texts: readonly string[]): T[] {
  return texts.map((text) => JSON.parse(text) as T)
}

/** Two members, whatever else the caller's object has. */
function ownerOf({ endpoint, account }: Owner): Owner {
  return { endpoint, account }
}

function orderColumns({
  id,
  endpoint,
  account,
  status,
  changedAt,
  authorizations,
  upstream,
}: BrokerOrder): OrderColumns {
  return { id, endpoint, account, ca: upstream.ca, status, changedAt, authorizations }
}

function authorizationColumns(authorization: BrokerAuthorization): AuthorizationColumns {
  const { id, endpoint, account, status, expiresAt } = authorization
  const validating = Number(isBeingValidated(authorization))
  const body = JSON.stringify(authorization)
  return { id, endpoint, account, name: nameOf(authorization), status, validating, expiresAt, body }
}

function certificateColumns(certificate: BrokerCertificate): CertificateColumns {
  const { id, account, endpoint, order, fingerprint, ariId, notAfter } = certificate
  return { id, account, endpoint, order, fingerprint, ariId, notAfter }
}

function eabKeyOf({ mac, used, body }: EabRow): EabKey {
  return { ...JSON.parse(body), mac, used } as EabKey
}

function localCertificateOf(row: LocalCertificate): LocalCertificate {
  return { ...row, certificate: bufferOf(row.certificate) }
}

/** What was a Buffer in another thread is a bare Uint8Array in this one. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
