import { isIP } from 'node:net'
import type Database from 'better-sqlite3'
import type { Issuances, Look } from '../../../alerts/look.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
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
  const firstSince = firstFacts(db)
  const setOf = nameSets(db)
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
        firstSince(since),
        since * 1000,
        named,
        ...place.values,
        MOST_ACCOUNTS,
      )
      return rows.length
    },
    issuances(ca, names, since) {
      const set = setOf(names)
      const named = vocabulary.id(ca)
      if (set === null || named === null) return NONE
      return new IssuancesOf(db, { ca: named, set, since: since * 1000, first: firstSince(since) })
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

/** CAs date certificates back by an hour or so. */
const DATED_BACK = 2 * 24 * HOUR

const ORDERS = `select count(*) as orders, count(iif(status = 'valid' and certificate is null, 1, null)) as undelivered
  from (select status, certificate from orders
    where names = ? and first_sequence >= ? and ca = ? and first_at >= ? order by first_sequence desc limit ?)`
const CERTIFICATES = `select count(*) as certificates, count(distinct spki) as keys
  from (select spki from certificates
    where names = ? and not_before >= ? and ca = ? and first_at >= ? and source <> 'imported'
    order by not_before desc limit ?)`

interface SoughtIssuances {
  readonly ca: number
  readonly set: number
  /** µs. */
  readonly since: number
  readonly first: number
}

/** Read when it is asked for: most rules want but one of them. */
class IssuancesOf implements Issuances {
  readonly #db: Prepared
  readonly #of: SoughtIssuances
  #counted: Pick<Issuances, 'orders' | 'undelivered'> | null = null
  #issued: Pick<Issuances, 'certificates' | 'keys'> | null = null

  constructor(db: Prepared, of: SoughtIssuances) {
    this.#db = db
    this.#of = of
  }

  get orders(): number {
    return this.#orders().orders
  }

  get undelivered(): number {
    return this.#orders().undelivered
  }

  get certificates(): number {
    return this.#certificates().certificates
  }

  get keys(): number {
    return this.#certificates().keys
  }

  #orders(): Pick<Issuances, 'orders' | 'undelivered'> {
    const { ca, set, since, first } = this.#of
    this.#counted ??= this.#db.get(ORDERS, set, first, ca, since, MOST_ISSUANCES) ?? NONE
    return this.#counted
  }

  #certificates(): Pick<Issuances, 'certificates' | 'keys'> {
    const { ca, set, since } = this.#of
    this.#issued ??= this.#db.get(CERTIFICATES, set, since - DATED_BACK, ca, since, MOST_ISSUANCES) ?? NONE
    return this.#issued
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
function firstFacts(db: Prepared): (since: number) => number {
  const known = new LruMap<number, number>(1_000)
  return (since) => {
    const hour = Math.floor((since * 1000) / HOUR)
    const first = known.get(hour)
    if (first !== undefined) return first
    const row = db.get<{ first: number }>(
      'select first from hours where hour >= ? order by hour limit 1',
      hour,
    )
    if (row === undefined) return Number.MAX_SAFE_INTEGER
    known.set(hour, row.first)
    return row.first
  }
}

/** Number of the set of exactly these names, which it keeps for good; null where the inventory has none. */
function nameSets(db: Prepared): (names: readonly string[]) => number | null {
  const known = new LruMap<string, number>(10_000)
  return (names) => {
    const key = names.join(' ')
    const set = known.get(key)
    if (set !== undefined) return set
    const row = db.get<{ id: number }>('select id from name_sets where digest = ?', digestOf(names))
    if (row !== undefined) known.set(key, row.id)
    return row?.id ?? null
  }
}

function digestOf(names: readonly string[]): Buffer {
  return digestOfSet(names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })))
}
