import { isIP } from 'node:net'
import type Database from 'better-sqlite3'
import type { Identifier } from '../../../acme/identifier.ts'
import type { ClientRhythm, CurrentCertificate, Look } from '../../../alerts/look.ts'
import type { Millis } from '../../../alerts/rule.ts'
import { Names } from '../inventory/queries/names.ts'
import { Personal } from '../inventory/queries/personal.ts'
import { Prepared } from '../inventory/queries/prepared.ts'
import { References } from '../inventory/queries/references.ts'
import { HOUR, Vocabulary } from '../inventory/queries/vocabulary.ts'
import { digestOfSet } from '../inventory/vocabulary.ts'
import { ClientRhythms } from './client-rhythms.ts'
import { CURRENT, CURRENT_WITH, Current, type CurrentRow } from './current-certificate.ts'
import type { Reading } from './who-is.ts'

const WEEK = 7 * 24 * HOUR

/**
 * How things stand, for rules. `inventory` and `record` are connections that read; an inventory that is made anew wants
 * another look. Rows come one after the other, and none is kept.
 */
export function stateLook(
  inventory: Database.Database,
  record: Database.Database,
  now: () => Millis = Date.now,
): Pick<Look, 'currentCertificates' | 'currentWith' | 'lastOrder' | 'clients'> {
  const db = new Prepared(inventory)
  const references = new References(db, new Personal(new Prepared(record)))
  const reading: Reading = { db, references, names: new Names(db), vocabulary: new Vocabulary(db) }
  const rhythms = new ClientRhythms(inventory, reading)
  const endedSince = () => now() * 1000 - WEEK
  return {
    *currentCertificates(): Generator<CurrentCertificate> {
      // A statement of its own: two looks may go on at once.
      const rows = inventory.prepare<[number], CurrentRow>(CURRENT)
      for (const row of rows.iterate(endedSince())) yield new Current(row, reading)
    },
    currentWith(name) {
      const rows = db.all<CurrentRow>(CURRENT_WITH, name.toLowerCase(), endedSince())
      return rows.map((row) => new Current(row, reading))
    },
    lastOrder(names, ca) {
      const set = digestOfSet(names.map(identifierOf))
      const of = ca === null ? null : reading.vocabulary.id(ca)
      // A word that the inventory does not have is that of no order.
      if (ca !== null && of === null) return null
      const row = db.get<OrderTimes>(LAST_ORDER, set, of, of)
      if (row === undefined) return null
      // RFC 8555 §7.4: a CA may answer with the order that it has already.
      const at = row.requests > 1 ? row.last_at : row.first_at
      return { at: at / 1000, status: row.status }
    },
    clients: (): Iterable<ClientRhythm> => rhythms.all(now()),
  }
}

interface OrderTimes {
  readonly first_at: number
  readonly last_at: number
  readonly requests: number
  readonly status: string | null
}

const LAST_ORDER = `select o.first_at, o.last_at, o.requests, o.status
  from name_sets as s cross join orders as o indexed by orders_names on o.names = s.id
  where s.digest = ? and (? is null or o.ca = ?) order by o.first_sequence desc limit 1`

function identifierOf(value: string): Identifier {
  return { type: isIP(value) === 0 ? 'dns' : 'ip', value }
}
