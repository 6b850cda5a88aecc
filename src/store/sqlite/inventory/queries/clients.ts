import type { Client, ClientFilter } from '../../../../audit/inventory/client.ts'
import { instantOf, type NameFilter, type Page } from '../../../../audit/inventory/values.ts'
import { filtersOf, pageOfList, type Reading } from './common.ts'
import type { Filters } from './filters.ts'
import { nameSetTest } from './filters.ts'
import { HOST } from './references.ts'
import type { ClientRow } from './rows.ts'
import { HOUR } from './vocabulary.ts'
import type { List } from './walk.ts'

const CLIENTS: List = {
  table: 'clients as k',
  position: 'k.first_sequence',
  id: 'k.id',
  scan: 'indexed by clients_first',
}

const WEEK = 7 * 24 * HOUR
/** Exchanges of a client without an account that tell of its CAs. */
const ASKED_LAST = 1_000
/** Orders of a client that are read at once to see whether one is for a name. */
const ORDERS_AT_ONCE = 2_000

/** The list of clients. `since` and `until`: those that were seen within that time. */
export function clients(reading: Reading, filter: ClientFilter): Promise<Page<Client>> {
  const { vocabulary, personal } = reading
  const filters = filtersOf(reading)
  const { ca, account, source, label, program, name } = filter
  if (account !== undefined) filters.oneOf('k.account', vocabulary.accounts(account))
  if (ca !== undefined) ofCa(filters, vocabulary.ca(ca))
  if (source !== undefined) filters.oneOf('k.source', present(personal.digest('address', source)))
  if (label !== undefined)
    filters.oneOf('k.label', [`${HOST}${label}`, ...present(personal.digest('proxyUser', label))])
  if (program !== undefined) filters.oneOf('k.program', [program])
  if (filter.since !== undefined) filters.add('k.last_at >= ?', [filter.since])
  if (filter.until !== undefined) filters.add('k.first_at <= ?', [filter.until])
  if (name !== undefined) ofName(reading, filters, name)
  const weekAgo = vocabulary.sequences(reading.now() - WEEK, undefined).oldest
  return pageOfList(reading, 'clients', CLIENTS, filters, filter, (id) => client(reading, id, weekAgo))
}

/** One without an account belongs to the CAs that it asked last. */
function ofCa(filters: Filters, ca: number): void {
  filters.add(
    `case when k.account is null
      then exists (
        select 1 from (
          select e.ca from exchanges as e indexed by exchanges_client where e.client = k.id order by e.sequence desc limit ${ASKED_LAST}
        ) as asked where asked.ca = ?)
      else (select a.ca from accounts as a where a.id = k.account) = ? end`,
    [ca, ca],
  )
}

/** Those that ordered for the name. With few sets of names their orders lead to the clients, else each is looked through. */
function ofName(reading: Reading, filters: Filters, name: NameFilter): void {
  const { inventory, names, limits } = reading
  const sets = names.setsOf(name, limits.nameSets)
  if (sets !== null) {
    filters.add(
      'k.id in (select o.client from orders as o indexed by orders_names where o.names in (select value from json_each(?)))',
      [JSON.stringify(sets)],
    )
    return
  }
  const meant = nameSetTest(names, name)
  filters.test({
    column: 'k.id',
    passes(id) {
      for (let before = Number.MAX_SAFE_INTEGER; ; ) {
        const rows = inventory.all<{ names: number | null; position: number }>(
          'select names, first_sequence as position from orders indexed by orders_client where client = ? and first_sequence < ? order by first_sequence desc limit ?',
          id,
          before,
          ORDERS_AT_ONCE,
        )
        if (rows.some((row) => meant(row.names))) return true
        if (rows.length < ORDERS_AT_ONCE) return false
        before = rows.at(-1)!.position
      }
    },
  })
}

function client(reading: Reading, id: number, weekAgo: number): Client | null {
  const { inventory, vocabulary, personal, references } = reading
  const row = inventory.get<ClientRow>('select * from clients where id = ?', id)
  if (row === undefined) return null
  const count = (sql: string, ...values: number[]) =>
    inventory.get<{ count: number }>(sql, id, ...values)?.count ?? 0
  const account = references.account(row.account)
  return {
    id: row.key,
    account: account && { id: account.id, url: account.url, ca: vocabulary.word(account.ca) },
    source: personal.value(row.source),
    label: references.label(row.label),
    program: row.program,
    versions: JSON.parse(row.versions) as string[],
    userAgent: row.user_agent,
    modes: JSON.parse(row.modes) as string[],
    orders: count('select count(*) as count from orders indexed by orders_client where client = ?'),
    certificates: count(
      'select count(*) as count from certificates indexed by certificates_client where client = ?',
    ),
    failures: count(
      'select count(*) as count from failures indexed by failures_client where client = ? and sequence >= ?',
      weekAgo,
    ),
    asksRenewalInfo: row.asked_ari_at !== null,
    firstSeen: instantOf(row.first_at),
    lastSeen: instantOf(row.last_at),
  }
}

function present(digest: string | null): string[] {
  return digest === null ? [] : [digest]
}
