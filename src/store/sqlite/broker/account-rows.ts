import type Database from 'better-sqlite3'
import type { AccountRefusal } from '../../../broker/broker-store.ts'
import type { BrokerAccount } from '../../../broker/objects.ts'
import type { Resealed } from '../../../engine/engine-store.ts'
import type { Sealed, SealedPlace } from '../../../engine/sealing.ts'
import { RowRefused } from '../row-refused.ts'

/** What is kept of an EAB key: `body` is the key without `mac` and `used`. */
export interface EabRow {
  readonly mac: Sealed
  readonly used: number
  readonly body: string
}

/** Accounts, and the EAB keys whose uses they count. Nothing here begins or ends a transaction. */
export class AccountRows {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  account(endpoint: string, id: string): string | null {
    return this.#run.account.get(id, endpoint) ?? null
  }

  accountByKey(endpoint: string, thumbprint: string): string | null {
    return this.#run.byKey.get(endpoint, thumbprint) ?? null
  }

  accounts(eabKey: string | null, limit: number): string[] {
    return eabKey === null ? this.#run.accounts.all(limit) : this.#run.byEabKey.all(eabKey, limit)
  }

  addAccount(
    { id, endpoint, status, thumbprint, eabKey, createdAt }: BrokerAccount,
    body: string,
  ): AccountRefusal | null {
    if (this.#run.owner.get(endpoint, thumbprint) !== undefined) return 'keyInUse'
    if (eabKey !== null) {
      const key = this.#run.countable.get(eabKey)
      if (key === undefined || key.revoked_at !== null) return 'eabGone'
      if (key.expires_at !== null && key.expires_at <= createdAt) return 'eabGone'
      if (key.uses !== null && key.used >= key.uses) return 'eabSpent'
      this.#run.count.run(eabKey)
    }
    this.#run.addAccount.run(id, endpoint, status, thumbprint, eabKey, body)
    return null
  }

  putAccount(
    { id, endpoint, status, jwk, thumbprint, contact, termsAgreed }: BrokerAccount,
    expected: Pick<BrokerAccount, 'status' | 'thumbprint'>,
  ): 'keyInUse' | 'changed' | null {
    const text = this.#run.account.get(id, endpoint)
    if (text === undefined) throw new RowRefused(`there is no account ${id}`)
    const kept = JSON.parse(text) as BrokerAccount
    if (kept.status !== expected.status || kept.thumbprint !== expected.thumbprint) return 'changed'
    if ((this.#run.owner.get(endpoint, thumbprint) ?? id) !== id) return 'keyInUse'
    const body = JSON.stringify({ ...kept, status, jwk, thumbprint, contact, termsAgreed })
    this.#run.putAccount.run(status, thumbprint, body, id, endpoint)
    return null
  }

  eabKeys(): EabRow[] {
    return this.#run.eabKeys.all()
  }

  eabKey(id: string): EabRow | null {
    return this.#run.eabKey.get(id) ?? null
  }

  addEabKey(id: string, mac: string, used: number, body: string): void {
    this.#run.addEabKey.run(id, mac, used, body, body, body, body)
  }

  putEabKey(id: string, mac: string, body: string): void {
    if (this.#run.putEabKey.run(mac, body, body, body, body, id).changes === 0)
      throw new RowRefused(`there is no EAB key ${id}`)
  }

  sealed(): { readonly place: SealedPlace; readonly sealed: Sealed }[] {
    return this.#run.macs
      .all()
      .map(({ id, mac }) => ({ place: { table: 'eab', id, column: 'key' }, sealed: mac }))
  }

  reseal(changes: readonly Resealed[]): void {
    for (const { place, from, to } of changes) {
      if (place.table !== 'eab' || this.#run.reseal.run(to, place.id, from).changes !== 1)
        throw new RowRefused(`the ${place.column} of the ${place.table} ${place.id} has changed meanwhile`)
    }
  }
}

interface Countable {
  readonly uses: number | null
  readonly used: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
}

function statements(db: Database.Database) {
  return {
    account: db
      .prepare<[string, string], string>('select body from accounts where id = ? and endpoint = ?')
      .pluck(),
    byKey: db
      .prepare<[string, string], string>('select body from accounts where endpoint = ? and thumbprint = ?')
      .pluck(),
    owner: db
      .prepare<[string, string], string>('select id from accounts where endpoint = ? and thumbprint = ?')
      .pluck(),
    accounts: db.prepare<[number], string>('select body from accounts order by number desc limit ?').pluck(),
    byEabKey: db
      .prepare<[string, number], string>(
        'select body from accounts where eab_key = ? order by number desc limit ?',
      )
      .pluck(),
    addAccount: db.prepare<[string, string, string, string, string | null, string]>(
      'insert into accounts (id, endpoint, status, thumbprint, eab_key, body) values (?, ?, ?, ?, ?, ?)',
    ),
    putAccount: db.prepare<[string, string, string, string, string]>(
      'update accounts set status = ?, thumbprint = ?, body = ? where id = ? and endpoint = ?',
    ),
    countable: db.prepare<[string], Countable>(
      'select uses, used, expires_at, revoked_at from eab_keys where id = ?',
    ),
    count: db.prepare<[string]>('update eab_keys set used = used + 1 where id = ?'),
    eabKeys: db.prepare<[], EabRow>('select mac, used, body from eab_keys order by number desc'),
    eabKey: db.prepare<[string], EabRow>('select mac, used, body from eab_keys where id = ?'),
    addEabKey: db.prepare<[string, string, number, string, string, string, string]>(
      `insert into eab_keys (id, mac, used, uses, expires_at, revoked_at, body)
       values (?, ?, ?, ? ->> 'uses', ? ->> 'expiresAt', ? ->> 'revokedAt', ?)`,
    ),
    putEabKey: db.prepare<[string, string, string, string, string, string]>(
      `update eab_keys set mac = ?, uses = ? ->> 'uses', expires_at = ? ->> 'expiresAt',
       revoked_at = ? ->> 'revokedAt', body = ? where id = ?`,
    ),
    macs: db.prepare<[], { readonly id: string; readonly mac: Sealed }>('select id, mac from eab_keys'),
    reseal: db.prepare<[string, string, string]>('update eab_keys set mac = ? where id = ? and mac = ?'),
  }
}
