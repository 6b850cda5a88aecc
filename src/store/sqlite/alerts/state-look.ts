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
import { type Reading, userOf, whoIs } from './who-is.ts'

const WEEK = 7 * 24 * HOUR

/**
 * How things stand, for rules. `inventory` and `record` are connections that read; an inventory that is made anew wants
 * another look. Rows come one after the other, and none is kept.
 */
export function stateLook(
  inventory: Database.Database,
  record: Database.Database,
  now: () => Millis = Date.now,
): Pick<Look, 'currentCertificates' | 'lastOrder' | 'clients'> {
  const db = new Prepared(inventory)
  const references = new References(db, new Personal(new Prepared(record)))
  const reading: Reading = { db, references, names: new Names(db), vocabulary: new Vocabulary(db) }
  const rhythms = new ClientRhythms(inventory, reading)
  return {
    *currentCertificates(): Generator<CurrentCertificate> {
      // A statement of its own: two looks may go on at once.
      const rows = inventory.prepare<[number], Row>(CURRENT)
      for (const row of rows.iterate(now() * 1000 - WEEK)) yield new Current(row, reading)
    },
    lastOrder(names) {
      const row = db.get<OrderTimes>(LAST_ORDER, digestOfSet(names.map(identifierOf)))
      if (row === undefined) return null
      // RFC 8555 §7.4: a CA may answer with the order that it has already.
      const at = row.requests > 1 ? row.last_at : row.first_at
      return { at: at / 1000, status: row.status }
    },
    clients: (): Iterable<ClientRhythm> => rhythms.all(now()),
  }
}

interface Row {
  readonly fingerprint: string
  readonly serial: string
  readonly ca: number | null
  readonly names: number | null
  readonly not_before: number
  readonly not_after: number
  readonly issuer: string
  readonly window_start: number | null
  readonly window_end: number | null
  readonly window_explanation: string | null
  readonly source: string
  readonly imported: string | null
  readonly order_id: number | null
  readonly account: number | null
  readonly client: number | null
  readonly label: string | null
  readonly before_began: number | null
  readonly before_ended: number | null
}

const CURRENT = `select c.fingerprint, c.serial, c.ca, c.names, c.not_before, c.not_after, c.issuer, c.window_start,
    c.window_end, c.window_explanation, c.source, c.imported, c.order_id, c.account, c.client, k.label,
    p.not_before as before_began, p.not_after as before_ended
  from certificates as c indexed by certificates_current
  left join clients as k on k.id = c.client left join certificates as p on p.id = c.replaces
  where c.revoked_at is null and c.replaced_by is null and c.not_after >= ?`

interface OrderTimes {
  readonly first_at: number
  readonly last_at: number
  readonly requests: number
  readonly status: string | null
}

const LAST_ORDER = `select o.first_at, o.last_at, o.requests, o.status
  from name_sets as s cross join orders as o indexed by orders_names on o.names = s.id
  where s.digest = ? order by o.first_sequence desc limit 1`

/** A row as rules see it: what takes another question is asked when a rule looks at it. */
class Current implements CurrentCertificate {
  readonly fingerprint: string
  readonly serial: string
  readonly notBefore: Millis
  readonly notAfter: Millis
  readonly window: CurrentCertificate['window']
  readonly source: string
  readonly imported: string | null
  readonly replacedPredecessorAt: number | null
  readonly #row: Row
  readonly #reading: Reading

  constructor(row: Row, reading: Reading) {
    this.#row = row
    this.#reading = reading
    this.fingerprint = row.fingerprint
    this.serial = row.serial
    this.notBefore = row.not_before / 1000
    this.notAfter = row.not_after / 1000
    this.window = windowOf(row)
    this.source = row.source
    this.imported = row.imported
    this.replacedPredecessorAt = partOf(row)
  }

  get names(): readonly string[] {
    return this.#reading.names.set(this.#row.names).map(({ value }) => value)
  }

  get ca(): string | null {
    return this.#reading.vocabulary.wordOrNull(this.#row.ca)
  }

  /** Let's Encrypt names the issuers of its staging environment so. */
  get isForTests(): boolean {
    return this.#row.issuer.includes('(STAGING)')
  }

  get order(): string | null {
    return this.#reading.references.orderId(this.#row.order_id)
  }

  get account(): string | null {
    return this.#reading.references.accountOf(this.#row.account)?.url ?? null
  }

  get client(): string | null {
    return this.#reading.references.clientId(this.#row.client)
  }

  get clientText(): string | null {
    return whoIs(this.#reading, this.#row.client)
  }

  get label(): string | null {
    return userOf(this.#reading, this.#row.label)
  }
}

function windowOf({ window_start, window_end, window_explanation }: Row): CurrentCertificate['window'] {
  if (window_start === null || window_end === null) return null
  return { start: window_start / 1000, end: window_end / 1000, explanation: window_explanation }
}

function partOf({ not_before, before_began, before_ended }: Row): number | null {
  if (before_began === null || before_ended === null || before_ended <= before_began) return null
  return Math.max(0, (not_before - before_began) / (before_ended - before_began))
}

function identifierOf(value: string): Identifier {
  return { type: isIP(value) === 0 ? 'dns' : 'ip', value }
}
