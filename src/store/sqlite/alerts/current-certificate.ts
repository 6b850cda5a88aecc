import type { CurrentCertificate } from '../../../alerts/look.ts'
import type { Millis } from '../../../alerts/rule.ts'
import { type Reading, userOf, whoIs } from './who-is.ts'

/** What every certificate is judged by. */
export interface CurrentRow {
  readonly id: number
  readonly names: number | null
  readonly not_before: number
  readonly not_after: number
  readonly is_for_tests: 0 | 1
  readonly window_start: number | null
  readonly window_end: number | null
  readonly window_explanation: string | null
}

/** Let's Encrypt names the issuers of its staging environment so. */
const COLUMNS = `c.id, c.names, c.not_before, c.not_after, instr(c.issuer, '(STAGING)') > 0 as is_for_tests,
  c.window_start, c.window_end, c.window_explanation`

export const CURRENT = `select ${COLUMNS} from certificates as c indexed by certificates_current
  where c.revoked_at is null and c.replaced_by is null and c.not_after >= ?`

export const CURRENT_WITH = `select ${COLUMNS} from names as n cross join name_set_members as m on m.name = n.id
  cross join certificates as c indexed by certificates_names on c.names = m.names
  where n.value = ? and c.revoked_at is null and c.replaced_by is null and c.not_after >= ?`

/** What only those are asked for that something is wrong with. */
interface Rest {
  readonly fingerprint: string
  readonly serial: string
  readonly ca: number | null
  readonly source: string
  readonly imported: string | null
  readonly order_id: number | null
  readonly account: number | null
  readonly client: number | null
  readonly label: string | null
  readonly part: number | null
  readonly part_before: number | null
}

/**
 * Of two that were got together, one for each type of key, the inventory has the later follow the earlier: before both is
 * the one that the earlier follows.
 */
const REST = `select c.fingerprint, c.serial, c.ca, c.source, c.imported, c.order_id, c.account, c.client, k.label,
    iif(p.not_after > p.not_before, (c.not_before - p.not_before) * 1.0 / (p.not_after - p.not_before), null) as part,
    iif(q.not_after > q.not_before, (c.not_before - q.not_before) * 1.0 / (q.not_after - q.not_before), null) as part_before
  from certificates as c
  left join clients as k on k.id = c.client left join certificates as p on p.id = c.replaces
  left join certificates as q on q.id = p.replaces
  where c.id = ?`

/** Nobody renews so early in a life. */
const TOGETHER = 0.02

/** A row as rules see it: what takes another question is asked when a rule looks at it. */
export class Current implements CurrentCertificate {
  readonly notBefore: Millis
  readonly notAfter: Millis
  readonly isForTests: boolean
  readonly window: CurrentCertificate['window']
  readonly #row: CurrentRow
  readonly #reading: Reading
  #known: Rest | null = null

  constructor(row: CurrentRow, reading: Reading) {
    this.#row = row
    this.#reading = reading
    this.notBefore = row.not_before / 1000
    this.notAfter = row.not_after / 1000
    this.isForTests = row.is_for_tests === 1
    this.window = windowOf(row)
  }

  get fingerprint(): string {
    return this.#rest.fingerprint
  }

  get serial(): string {
    return this.#rest.serial
  }

  get names(): readonly string[] {
    return this.#reading.names.set(this.#row.names).map(({ value }) => value)
  }

  get ca(): string | null {
    return this.#reading.vocabulary.wordOrNull(this.#rest.ca)
  }

  get source(): string {
    return this.#rest.source
  }

  get imported(): string | null {
    return this.#rest.imported
  }

  get order(): string | null {
    return this.#reading.references.orderId(this.#rest.order_id)
  }

  get account(): string | null {
    return this.#reading.references.accountOf(this.#rest.account)?.url ?? null
  }

  get client(): string | null {
    return this.#reading.references.clientId(this.#rest.client)
  }

  get clientText(): string | null {
    return whoIs(this.#reading, this.#rest.client)
  }

  get label(): string | null {
    return userOf(this.#reading, this.#rest.label)
  }

  get replacedPredecessorAt(): number | null {
    const { part, part_before } = this.#rest
    return [part, part_before].find((one) => one !== null && one >= TOGETHER) ?? null
  }

  get #rest(): Rest {
    this.#known ??= this.#reading.db.get<Rest>(REST, this.#row.id)!
    return this.#known
  }
}

function windowOf(row: CurrentRow): CurrentCertificate['window'] {
  const { window_start, window_end, window_explanation } = row
  if (window_start === null || window_end === null) return null
  return { start: window_start / 1000, end: window_end / 1000, explanation: window_explanation }
}
