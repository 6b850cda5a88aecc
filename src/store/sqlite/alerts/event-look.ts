import { isIP } from 'node:net'
import type Database from 'better-sqlite3'
import type { Issuances, Look } from '../../../alerts/look.ts'
import { Personal } from '../inventory/queries/personal.ts'
import { Prepared } from '../inventory/queries/prepared.ts'
import { HOUR, Vocabulary } from '../inventory/queries/vocabulary.ts'
import { digestOfSet } from '../inventory/vocabulary.ts'
import { KnownThings } from './known-things.ts'

/** Rows that are looked at for one answer: whoever makes more in the period has made too many anyway. */
const MOST_ACCOUNTS = 200
const MOST_ISSUANCES = 50
const MOST_FAILURES = 100

/**
 * What rules ask about what happened. `inventory` and `record` are connections that read, `alerts` one that writes, in
 * the transaction of whoever asks. Made anew with another inventory, and after a transaction that failed. Answers cost
 * the same however much there is.
 */
export function eventLook(
  inventory: Database.Database,
  alerts: Database.Database,
  record: Database.Database,
): Pick<Look, 'isNew' | 'recordBegan' | 'accountsMade' | 'issuances' | 'refusedNonces'> {
  const db = new Prepared(inventory)
  const vocabulary = new Vocabulary(db)
  const personal = new Personal(new Prepared(record))
  const known = new KnownThings(alerts, inventory)
  return {
    isNew: (what, value) => known.isNew(what, value),
    recordBegan() {
      const hour = db.get<{ hour: number | null }>('select min(hour) as hour from hours')?.hour ?? null
      return hour === null ? null : (hour * HOUR) / 1000
    },
    accountsMade(ca, source, label, since) {
      const named = vocabulary.id(ca)
      if (named === null) return 0
      const place = placeOf(personal, source, label)
      if (place === null) return 0
      const rows = db.all(
        `select a.id from accounts as a indexed by accounts_first join exchanges as e on e.sequence = a.first_sequence
         where a.first_sequence >= ? and a.first_at >= ? and a.ca = ? and e.status = 201 ${place.where} limit ?`,
        firstSince(db, since),
        since * 1000,
        named,
        ...place.values,
        MOST_ACCOUNTS,
      )
      return rows.length
    },
    issuances(ca, names, since) {
      const set = db.get<{ id: number }>('select id from name_sets where digest = ?', digestOf(names))?.id
      const named = vocabulary.id(ca)
      if (set === undefined || named === null) return NONE
      return issuancesOf(db, named, set, since * 1000)
    },
    refusedNonces(client, since) {
      const nonce = vocabulary.id('bad-nonce')
      const found = db.get<{ id: number }>('select id from clients where key = ?', client)
      if (nonce === null || found === undefined) return 0
      return db
        .all<{ at: number; diagnosis: number }>(
          'select at, diagnosis from failures where client = ? order by sequence desc limit ?',
          found.id,
          MOST_FAILURES,
        )
        .filter(({ at, diagnosis }) => at >= since * 1000 && diagnosis === nonce).length
    },
  }
}

const NONE: Issuances = { orders: 0, certificates: 0, keys: 0, undelivered: 0 }

function issuancesOf(db: Prepared, ca: number, set: number, since: number): Issuances {
  const orders = db
    .all<{ ca: number; status: string | null; certificate: number | null; at: number }>(
      'select ca, status, certificate, first_at as at from orders where names = ? order by first_sequence desc limit ?',
      set,
      MOST_ISSUANCES,
    )
    .filter((order) => order.ca === ca && order.at >= since)
  const certificates = db
    .all<{ ca: number | null; spki: string; source: string; at: number }>(
      'select ca, spki, source, first_at as at from certificates where names = ? order by not_before desc limit ?',
      set,
      MOST_ISSUANCES,
    )
    .filter((one) => one.ca === ca && one.source !== 'imported' && one.at >= since)
  return {
    orders: orders.length,
    certificates: certificates.length,
    keys: new Set(certificates.map(({ spki }) => spki)).size,
    undelivered: orders.filter(({ status, certificate }) => status === 'valid' && certificate === null)
      .length,
  }
}

/** Condition for the first exchange's client. Null for a place whose value was erased: nothing can be told of it. */
function placeOf(
  personal: Personal,
  source: string | null,
  label: string | null,
): { readonly where: string; readonly values: readonly string[] } | null {
  if (label === null && source === null) return { where: '', values: [] }
  const [column, digest] =
    label === null
      ? ['source', personal.digest('address', source!)]
      : ['label', personal.digest('proxyUser', label)]
  if (digest === null) return null
  return {
    where: `and exists (select 1 from clients as c where c.id = e.client and c.${column} = ?)`,
    values: [digest],
  }
}

/** First fact of the hour in which a time lies, or of the next that has any. */
function firstSince(db: Prepared, since: number): number {
  const hour = Math.floor((since * 1000) / HOUR)
  const row = db.get<{ first: number }>('select first from hours where hour >= ? order by hour limit 1', hour)
  return row?.first ?? Number.MAX_SAFE_INTEGER
}

function digestOf(names: readonly string[]): Buffer {
  return digestOfSet(names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })))
}
