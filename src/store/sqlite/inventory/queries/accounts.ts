import type { AccountFilter, InventoriedAccount } from '../../../../audit/inventory/account.ts'
import { instantOf, type Page } from '../../../../audit/inventory/values.ts'
import { filtersOf, pageOfList, type Reading } from './common.ts'
import type { AccountRow } from './rows.ts'
import type { List } from './walk.ts'

const ACCOUNTS: List = {
  table: 'accounts as a',
  position: 'a.first_sequence',
  id: 'a.id',
  scan: 'indexed by accounts_first',
}

/** The list of accounts. `since` and `until`: those that were seen within that time. */
export function accounts(reading: Reading, filter: AccountFilter): Promise<Page<InventoriedAccount>> {
  const filters = filtersOf(reading)
  if (filter.ca !== undefined) filters.oneOf('a.ca', [reading.vocabulary.ca(filter.ca)])
  if (filter.account !== undefined) filters.oneOf('a.id', reading.vocabulary.accounts(filter.account))
  if (filter.status !== undefined) filters.oneOf('a.status', [filter.status])
  if (filter.since !== undefined) filters.add('a.last_at >= ?', [filter.since])
  if (filter.until !== undefined) filters.add('a.first_at <= ?', [filter.until])
  return pageOfList(reading, 'accounts', ACCOUNTS, filters, filter, (id) => account(reading, id))
}

function account({ inventory, vocabulary, personal }: Reading, id: number): InventoriedAccount | null {
  const row = inventory.get<AccountRow>('select * from accounts where id = ?', id)
  if (row === undefined) return null
  const count = (sql: string) => inventory.get<{ count: number }>(sql, id)?.count ?? 0
  return {
    id: row.key,
    ca: vocabulary.word(row.ca),
    url: row.url,
    status: row.status,
    thumbprint: row.thumbprint,
    keyType: row.key_type,
    contacts: (JSON.parse(row.contacts) as string[]).map((digest) => personal.value(digest)),
    requester: row.requester,
    externalAccount: row.external_account,
    keyChanges: (JSON.parse(row.key_changes) as number[]).map(instantOf),
    orders: count('select count(*) as count from orders indexed by orders_account where account = ?'),
    certificates: count(
      'select count(*) as count from certificates indexed by certificates_account where account = ?',
    ),
    firstSeen: instantOf(row.first_at),
    lastSeen: instantOf(row.last_at),
  }
}
