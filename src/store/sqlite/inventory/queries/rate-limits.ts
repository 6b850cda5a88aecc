import type { RateLimitEvent, RateLimitFilter } from '../../../../audit/inventory/failure.ts'
import { instantOf, type Page } from '../../../../audit/inventory/values.ts'
import { filtersOf, pageOfList, type Reading } from './common.ts'
import { instantOrNull } from './orders.ts'
import type { RateLimitRow } from './rows.ts'
import type { List } from './walk.ts'

const RATE_LIMITS: List = {
  table: 'rate_limits as r',
  position: 'r.sequence',
  id: 'r.sequence',
  scan: 'not indexed',
}

/** The list of rate-limit events. */
export function rateLimits(reading: Reading, filter: RateLimitFilter): Promise<Page<RateLimitEvent>> {
  const { vocabulary, names } = reading
  const filters = filtersOf(reading)
  const { ca, account, client, name, limit_name } = filter
  if (ca !== undefined) filters.oneOf('r.ca', [vocabulary.ca(ca)])
  if (account !== undefined) filters.oneOf('r.account', vocabulary.accounts(account))
  if (client !== undefined) filters.oneOf('r.client', [vocabulary.client(client)])
  if (name !== undefined) filters.nameSets(names, name, 'r.names')
  filters.between('r.at', filter.since, filter.until)
  if (limit_name !== undefined) filters.oneOf('r.limit_name', [limit_name])
  return pageOfList(reading, 'rateLimits', RATE_LIMITS, filters, filter, (sequence) =>
    rateLimit(reading, sequence),
  )
}

function rateLimit(
  { inventory, vocabulary, names, references }: Reading,
  sequence: number,
): RateLimitEvent | null {
  const row = inventory.get<RateLimitRow>('select * from rate_limits where sequence = ?', sequence)
  if (row === undefined) return null
  return {
    exchange: row.exchange,
    at: instantOf(row.at),
    ca: vocabulary.wordOrNull(row.ca),
    account: references.accountOf(row.account),
    client: references.clientId(row.client),
    names: names.set(row.names).map(({ value }) => value),
    operation: vocabulary.word(row.operation),
    by: row.by as RateLimitEvent['by'],
    limit: row.limit_name,
    key: row.key,
    until: instantOrNull(row.until),
    detail: row.detail,
  }
}
