import { describe } from '../../../../audit/diagnosis/diagnose.ts'
import type { Diagnosis } from '../../../../audit/diagnosis/diagnosis.ts'
import { ABANDONMENTS, type Abandonment, abandoned } from '../../../../audit/inventory/abandoned.ts'
import type { InventoriedOrder, OrderFilter } from '../../../../audit/inventory/order.ts'
import { instantOf, type Page } from '../../../../audit/inventory/values.ts'
import { filtersOf, pageOfList, type Reading } from './common.ts'
import type { Filters } from './filters.ts'
import { diagnosisOf } from './references.ts'
import type { OrderRow } from './rows.ts'
import type { List, RowTest } from './walk.ts'

export const ORDERS: List = {
  table: 'orders as o',
  position: 'o.first_sequence',
  id: 'o.id',
  scan: 'indexed by orders_first',
}

/** Word for word the conditions of the partial indexes: orders that may have been abandoned. */
export const STANDING = "o.diagnosis is null and o.status in ('pending', 'ready')"
export const UNDELIVERED = "o.diagnosis is null and o.status = 'valid' and o.certificate is null"

/** The list of orders. `since` and `until`: those that were first seen within that time. */
export function orders(reading: Reading, filter: OrderFilter): Promise<Page<InventoriedOrder>> {
  const filters = filtersOf(reading)
  const { status, diagnosis, profile } = filter
  orderFilters(reading, filters, filter)
  filters.between('o.first_at', filter.since, filter.until)
  if (status !== undefined) filters.oneOf('o.status', [status], 'orders_status')
  if (profile !== undefined) filters.oneOf('o.profile', [profile])
  if (isAbandonment(diagnosis)) abandonedAs(reading, filters, diagnosis)
  else if (diagnosis !== undefined) filters.words('o.diagnosis', [diagnosis])
  return pageOfList(reading, 'orders', ORDERS, filters, filter, (id) => order(reading, id))
}

/** What orders share with the failures that are abandoned orders. */
export function orderFilters(
  { vocabulary, names }: Reading,
  filters: Filters,
  { ca, account, client, name }: Pick<OrderFilter, 'ca' | 'account' | 'client' | 'name'>,
): void {
  if (ca !== undefined) filters.oneOf('o.ca', [vocabulary.ca(ca)])
  if (account !== undefined) filters.oneOf('o.account', vocabulary.accounts(account), 'orders_account')
  if (client !== undefined) filters.oneOf('o.client', [vocabulary.client(client)], 'orders_client')
  if (name !== undefined) filters.nameSets(names, name, 'o.names', { index: 'orders_names', kind: 'windows' })
}

export function isAbandonment(name: string | undefined): name is Abandonment {
  return (ABANDONMENTS as readonly string[]).includes(name ?? '')
}

/** Orders somebody walked away from, in this way. */
export function abandonedAs(reading: Reading, filters: Filters, how: Abandonment): void {
  if (how === 'certificate-not-downloaded')
    filters.add(UNDELIVERED, [], { index: 'orders_undelivered', kind: 'ordered' })
  else {
    filters.add(STANDING, [], { index: 'orders_standing', kind: 'ordered' })
    filters.oneOf('o.status', [how === 'order-not-finalized' ? 'ready' : 'pending'])
  }
  filters.test(abandonmentTest(reading, (found) => found === how))
}

export function abandonmentTest(reading: Reading, passes: (found: Abandonment | null) => boolean): RowTest {
  return {
    column: 'o.id',
    passes: (id) => {
      const row = reading.inventory.get<OrderRow>('select * from orders where id = ?', id)
      return row !== undefined && passes(abandonmentOf(reading, row))
    },
  }
}

/** Of an order that failed the failure is told, not that nobody went on. */
export function abandonmentOf({ inventory, now }: Reading, row: OrderRow): Abandonment | null {
  const { id, status, expires, certificate, certificate_url, last_at } = row
  if (row.diagnosis !== null) return null
  const answered =
    status === 'pending' &&
    inventory.get(
      `select 1 from order_authorizations as oa
       join challenges as c indexed by challenges_authorization on c.authorization = oa.authorization
       where oa.order_id = ? and c.answered_at is not null limit 1`,
      id,
    ) !== undefined
  return abandoned(
    {
      status,
      expires,
      lastAt: last_at,
      answered,
      certificateUrl: certificate_url,
      downloaded: certificate !== null,
    },
    now(),
  )
}

export function order(reading: Reading, id: number): InventoriedOrder | null {
  const row = reading.inventory.get<OrderRow>('select * from orders where id = ?', id)
  return row === undefined ? null : orderOf(reading, row)
}

export function orderOf(reading: Reading, row: OrderRow): InventoriedOrder {
  const { vocabulary, names, references } = reading
  return {
    id: row.key,
    ca: vocabulary.word(row.ca),
    url: row.url,
    account: references.accountOf(row.account),
    client: references.client(row.client),
    identifiers: names.set(row.names).map(({ type, value }) => ({ type, value })),
    status: row.status,
    expires: instantOrNull(row.expires),
    profile: row.profile,
    replaces: row.replaces,
    notBefore: instantOrNull(row.not_before),
    notAfter: instantOrNull(row.not_after),
    requests: row.requests,
    csr: row.csr === null ? null : (JSON.parse(row.csr) as InventoriedOrder['csr']),
    certificate: references.fingerprint(row.certificate),
    certificateUrl: row.certificate_url,
    error: row.error_type === null ? null : { type: row.error_type, detail: row.error_detail },
    diagnosis: diagnosisOfOrder(reading, row),
    createdAt: instantOf(row.first_at),
    updatedAt: instantOf(row.last_at),
  }
}

function diagnosisOfOrder(reading: Reading, row: OrderRow): Diagnosis | null {
  const { diagnosis, error_type: type, error_detail: detail, names } = row
  if (diagnosis !== null)
    return diagnosisOf(reading.vocabulary.word(diagnosis), {
      outcome: 'response',
      operation: 'order',
      status: 200,
      problem: type === null ? null : { type, detail },
      challengeType: null,
      wildcard: reading.names.set(names).some(({ value }) => value.startsWith('*.')),
      failure: null,
      rule: null,
      isPolicy: false,
    })
  const how = abandonmentOf(reading, row)
  return how && describe(how)
}

export function instantOrNull(at: number | null): string | null {
  return at === null ? null : instantOf(at)
}
