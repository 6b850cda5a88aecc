import type Database from 'better-sqlite3'
import type { DiagnosisClass } from '../../../audit/diagnosis/classes.ts'
import { describe } from '../../../audit/diagnosis/describe.ts'
import type { Diagnosis } from '../../../audit/diagnosis/diagnosis.ts'
import type { Happening, HappeningOf } from '../../../audit/inventory/happening.ts'
import { instantOf } from '../../../audit/inventory/values.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
import { Names } from './queries/names.ts'
import { Personal } from './queries/personal.ts'
import { Prepared } from './queries/prepared.ts'
import { References } from './queries/references.ts'
import { Vocabulary } from './queries/vocabulary.ts'
import type { HappeningsTable } from './tables.ts'

/** Names one happening: whatever is made again from the same record has it under the same. */
export interface HappeningPlace {
  readonly fact: number
  readonly n: number
}

export const BEFORE_ALL: HappeningPlace = { fact: 0, n: -1 }

/** What a row's `body` holds beside the columns: of a diagnosis what it is made of. */
export type HappeningBody =
  | (Omit<OwnOf<'failed'>, 'diagnosis'> & {
      readonly class: DiagnosisClass
      readonly details: Diagnosis['details']
    })
  | OwnOf<'limited'>
  | OwnOf<'accountSeen'>
  | OwnOf<'ordered'>
  | OwnOf<'validated'>
  | OwnOf<'issued'>
  | OwnOf<'warned'>

/** Of an order that became invalid without an error of its own. */
const UNSAID: Pick<Diagnosis, 'cause' | 'remedy' | 'fixer'> = {
  cause: 'The CA made the order invalid, and the order does not say why.',
  remedy:
    'Read the log of the client, and look at the names with acmetap doctor domain NAME; a client that reads its authorizations shows the reason here.',
  fixer: 'client',
}

type OwnOf<Kind extends Happening['kind']> = Omit<HappeningOf<Kind>, keyof HappeningOf<'validated'>>

/**
 * Reads what happened, for the thread of alerts. `inventory` and `record` are connections that read; an inventory that
 * is made anew wants another reader. Personal values are looked up in the record: what was erased is null.
 */
export class HappeningReader {
  readonly #db: Prepared
  readonly #vocabulary: Vocabulary
  readonly #names: Names
  readonly #references: References
  readonly #accounts = new LruMap<number, NonNullable<Happening['account']>>(5_000)

  constructor(inventory: Database.Database, record: Database.Database) {
    this.#db = new Prepared(inventory)
    this.#vocabulary = new Vocabulary(this.#db)
    this.#names = new Names(this.#db)
    this.#references = new References(this.#db, new Personal(new Prepared(record)))
  }

  /** At most `limit` of those behind `after`, in order. Throws SqliteError. */
  read({ fact, n }: HappeningPlace, limit: number): Happening[] {
    const clients = new Map<number | null, Happening['client']>()
    return this.#db
      .all<HappeningsTable>(
        'select * from happenings where (fact, n) > (?, ?) order by fact, n limit ?',
        fact,
        n,
        limit,
      )
      .map((row) => this.#happening(row, clients))
  }

  /** The newest; null where there is none. */
  last(): HappeningPlace | null {
    return (
      this.#db.get<HappeningPlace>('select fact, n from happenings order by fact desc, n desc limit 1') ??
      null
    )
  }

  #happening(row: HappeningsTable, clients: Map<number | null, Happening['client']>): Happening {
    if (!clients.has(row.client)) clients.set(row.client, this.#references.client(row.client))
    const about = {
      fact: row.fact,
      n: row.n,
      at: instantOf(row.at),
      exchange: row.exchange,
      ca: this.#vocabulary.wordOrNull(row.ca),
      mode: this.#vocabulary.word(row.mode),
      operation: this.#vocabulary.word(row.operation),
      account: this.#account(row.account),
      client: clients.get(row.client) ?? null,
      order: this.#references.orderId(row.order_id),
      names: this.#names.set(row.names).map(({ value }) => value),
    }
    const own = JSON.parse(row.body) as Record<string, unknown>
    if (row.kind !== 'failed') return { kind: row.kind, ...about, ...own } as Happening
    const { class: name, details, ...rest } = own
    const told = describe(name as DiagnosisClass, details as Record<string, string>)
    const isSilent = rest.shownBy === 'order' && rest.problem === null
    const diagnosis = isSilent ? { ...told, ...UNSAID } : told
    return { kind: 'failed', ...about, ...rest, diagnosis } as Happening
  }

  /** An account keeps its URL for good. */
  #account(id: number | null): Happening['account'] {
    if (id === null) return null
    const known = this.#accounts.get(id)
    if (known !== undefined) return known
    const account = this.#references.accountOf(id)
    if (account !== null) this.#accounts.set(id, account)
    return account
  }
}
