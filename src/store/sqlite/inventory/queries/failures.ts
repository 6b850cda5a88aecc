import { hash } from 'node:crypto'
import type { DiagnosisClass } from '../../../../audit/diagnosis/classes.ts'
import { describe } from '../../../../audit/diagnosis/diagnose.ts'
import type { Abandonment } from '../../../../audit/inventory/abandoned.ts'
import type { Failure, FailureFilter } from '../../../../audit/inventory/failure.ts'
import { instantOf, type Page } from '../../../../audit/inventory/values.ts'
import { Budget } from './budget.ts'
import { filtersOf, type Reading } from './common.ts'
import { decodeCursor, encodeCursor, isOlder, type Place } from './cursor.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import type { Filters } from './filters.ts'
import {
  abandonedAs,
  abandonmentOf,
  abandonmentTest,
  isAbandonment,
  ORDERS,
  orderFilters,
  STANDING,
  UNDELIVERED,
} from './orders.ts'
import type { ExchangeIndexRow, FailureRow, OrderRow } from './rows.ts'
import { type Found, type List, walk } from './walk.ts'

const FAILURES: List = {
  table: 'failures as f',
  position: 'f.sequence',
  id: 'f.id',
  scan: 'indexed by failures_sequence',
}

/** Orders that may be abandoned, walked like lists of their own. */
const LEFT: List = { ...ORDERS, scan: 'indexed by orders_standing', always: STANDING }
const LEFT_AT_THE_END: List = { ...ORDERS, scan: 'indexed by orders_undelivered', always: UNDELIVERED }

const END: Found = { places: [], next: null }

/**
 * The list of failures: those the exchanges showed, and the orders somebody walked away from, which stand where their
 * issuance began. A place's id is the row's, times two, and one more for an order.
 */
export async function failures(reading: Reading, filter: FailureFilter): Promise<Page<Failure>> {
  const after = decodeCursor('failures', filter.cursor)
  const budget = new Budget(reading.limits)
  const first = await shown(reading, filter, after, budget)
  // Older ones are for the next page.
  const oldest = first.next?.position ?? 0
  const walked = [
    { isOrder: false, found: first },
    { isOrder: true, found: await abandonedOrders(reading, filter, LEFT, after, oldest, budget) },
    { isOrder: true, found: await abandonedOrders(reading, filter, LEFT_AT_THE_END, after, oldest, budget) },
  ]
  const all = walked.map(({ isOrder, found }) => ({
    isOrder,
    places: found.places.map((place) => marked(place, isOrder)),
    next: found.next && marked(found.next, isOrder),
  }))
  // What lies behind the end of any of them is not known yet.
  const horizon = all.reduce<Place | null>((least, { next }) => latest(least, next), null)
  const places = all
    .flatMap((one) => one.places)
    .filter((place) => horizon === null || !isOlder(place, horizon))
    .sort((a, b) => (isOlder(a, b) ? 1 : -1))
  const page = places.slice(0, filter.limit)
  const items: Failure[] = []
  let last: Place | null = null
  for (const place of page) {
    if (last !== null && !(await budget.mayCompose())) return { items, next: encodeCursor('failures', last) }
    const item = isOfOrder(place)
      ? abandonedFailure(reading, Math.floor(place.id / 2))
      : failure(reading, Math.floor(place.id / 2))
    if (item !== null) items.push(item)
    last = place
  }
  const next = places.length > page.length ? last : horizon
  return { items, next: next && encodeCursor('failures', next) }
}

function marked({ position, id }: Place, isOrder: boolean): Place {
  return { position, id: id * 2 + (isOrder ? 1 : 0) }
}

function isOfOrder({ id }: Place): boolean {
  return id % 2 === 1
}

/** Behind `after`, in the ids of one of the two tables. */
function unmarked({ position, id }: Place, isOrder: boolean): Place {
  return { position, id: isOrder ? Math.floor(id / 2) : Math.ceil(id / 2) }
}

function latest(a: Place | null, b: Place | null): Place | null {
  if (a === null || b === null) return a ?? b
  return isOlder(a, b) ? b : a
}

async function shown(reading: Reading, filter: FailureFilter, after: Place, budget: Budget): Promise<Found> {
  const { vocabulary, names, inventory } = reading
  const filters = filtersOf(reading)
  const { ca, account, client, name, mode, operation, problem, diagnosis } = filter
  if (ca !== undefined) filters.oneOf('f.ca', [vocabulary.ca(ca)])
  if (account !== undefined) filters.oneOf('f.account', vocabulary.accounts(account), 'failures_account')
  if (client !== undefined) filters.oneOf('f.client', [vocabulary.client(client)], 'failures_client')
  if (name !== undefined)
    filters.nameSets(names, name, 'f.names', { index: 'failures_names', kind: 'windows' })
  filters.between('f.at', filter.since, filter.until)
  if (mode !== undefined) filters.words('f.mode', [mode])
  if (operation !== undefined) filters.words('f.operation', [operation])
  if (problem !== undefined) filters.words('f.problem', vocabulary.problems(problem), 'failures_problem')
  if (diagnosis !== undefined) filters.words('f.diagnosis', [diagnosis], 'failures_diagnosis')
  if (filters.impossible) return END
  return walk(inventory, FAILURES, filters.searchAfter(unmarked(after, false), filter.limit), budget)
}

async function abandonedOrders(
  reading: Reading,
  filter: FailureFilter,
  list: List,
  after: Place,
  oldest: number,
  budget: Budget,
): Promise<Found> {
  const { vocabulary, inventory } = reading
  const { mode, operation, problem, diagnosis } = filter
  if (problem !== undefined || (diagnosis !== undefined && !isAbandonment(diagnosis))) return END
  if (operation !== undefined && operation !== 'newOrder') return END
  if (diagnosis !== undefined && (diagnosis === 'certificate-not-downloaded') !== (list === LEFT_AT_THE_END))
    return END
  const filters = filtersOf(reading)
  orderFilters(reading, filters, filter)
  filters.between('o.first_at', filter.since, filter.until)
  if (mode !== undefined) {
    const id = vocabulary.id(mode)
    if (id === null) return END
    filters.add('exists (select 1 from exchanges as e where e.sequence = o.first_sequence and e.mode = ?)', [
      id,
    ])
  }
  if (isAbandonment(diagnosis)) abandonedAs(reading, filters, diagnosis)
  else anyAbandoned(reading, filters)
  ofKeptExchanges(filters)
  if (filters.impossible) return END
  const search = filters.searchAfter(unmarked(after, true), filter.limit)
  return walk(inventory, list, { ...search, oldest: Math.max(search.oldest, oldest) }, budget)
}

function anyAbandoned(reading: Reading, filters: Filters): void {
  filters.test(abandonmentTest(reading, (how) => how !== null))
}

/** Only those that the exchange they began with still tells of. */
function ofKeptExchanges(filters: Filters): void {
  filters.add('exists (select 1 from exchanges as e where e.sequence = o.first_sequence)', [])
}

function failure(reading: Reading, id: number): Failure | null {
  const { inventory, vocabulary, names, references } = reading
  const row = inventory.get<FailureRow>('select * from failures where id = ?', id)
  if (row === undefined) return null
  const problem = vocabulary.wordOrNull(row.problem)
  return {
    id: row.key,
    at: instantOf(row.at),
    exchange: row.exchange,
    ca: vocabulary.wordOrNull(row.ca),
    mode: vocabulary.word(row.mode),
    operation: vocabulary.word(row.operation),
    account: references.accountOf(row.account),
    client: references.client(row.client),
    names: names.set(row.names).map(({ value }) => value),
    challengeType: row.challenge_type,
    order: references.orderId(row.order_id),
    outcome: vocabulary.word(row.outcome),
    status: row.status,
    problem: problem === null ? null : { type: problem, detail: row.detail },
    diagnosis: describe(
      vocabulary.word(row.diagnosis) as DiagnosisClass,
      JSON.parse(row.details) as Record<string, string>,
    ),
  }
}

function abandonedFailure(reading: Reading, id: number): Failure | null {
  const { inventory, vocabulary, names, references, record, personal } = reading
  const row = inventory.get<OrderRow>('select * from orders where id = ?', id)
  const how = row === undefined ? null : abandonmentOf(reading, row)
  if (row === undefined || how === null) return null
  const begun = inventory.get<ExchangeIndexRow>(
    'select * from exchanges where sequence = ?',
    row.first_sequence,
  )
  const exchange = new ExchangeFacts(record, personal).idAt(row.first_sequence)
  if (begun === undefined || exchange === null) return null
  return {
    id: abandonmentId(row.key, how),
    at: instantOf(row.first_at),
    exchange,
    ca: vocabulary.word(row.ca),
    mode: vocabulary.word(begun.mode),
    operation: 'newOrder',
    account: references.accountOf(row.account),
    client: references.client(row.client),
    names: names.set(row.names).map(({ value }) => value),
    challengeType: null,
    order: row.key,
    outcome: vocabulary.wordOrNull(begun.outcome) ?? 'running',
    status: begun.status,
    problem: null,
    diagnosis: describe(how),
  }
}

function abandonmentId(order: string, how: Abandonment): string {
  return hash('sha256', `${how} ${order}`).slice(0, 16)
}

/** How many orders that began from one sequence number to another were abandoned; of one CA, or of all. */
export async function countAbandoned(
  reading: Reading,
  ca: number | null,
  since: number,
  until: number,
): Promise<number> {
  let count = 0
  for (const list of [LEFT, LEFT_AT_THE_END]) {
    let after: Place | null = null
    do {
      const filters = filtersOf(reading)
      if (ca !== null) filters.oneOf('o.ca', [ca])
      filters.between('o.first_at', since, until)
      ofKeptExchanges(filters)
      anyAbandoned(reading, filters)
      const search =
        after === null
          ? filters.search('failures', undefined, 1_000_000)
          : filters.searchAfter(after, 1_000_000)
      const found: Found = await walk(reading.inventory, list, search, new Budget(reading.limits))
      count += found.places.length
      after = found.next
    } while (after !== null)
  }
  return count
}
