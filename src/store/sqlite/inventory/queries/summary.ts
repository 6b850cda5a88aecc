import { setImmediate } from 'node:timers/promises'
import type { Summary, SummaryDimension, SummaryFilter } from '../../../../audit/inventory/summary.ts'
import { FilterRefused, instantOf } from '../../../../audit/inventory/values.ts'
import type { Reading } from './common.ts'
import { countAbandoned } from './failures.ts'
import { HOUR } from './vocabulary.ts'

/** Hours, and days, that one statement counts. */
const HOURS_AT_ONCE = 250
const DAYS_AT_ONCE = 50
const MOST_BUCKETS = 50_000

interface Counted {
  readonly start: number
  readonly exchanges: number
  readonly [dimension: string]: number
}

/** Counts in whole hours: the one in which `since` lies, and the one in which `until` lies, count whole. */
export async function summary(reading: Reading, filter: SummaryFilter): Promise<Summary> {
  const { vocabulary } = reading
  const now = reading.now()
  const ca = filter.ca === undefined ? null : vocabulary.ca(filter.ca)
  const asked = {
    from: Math.floor((filter.since ?? now - 24 * HOUR) / HOUR),
    to: Math.floor((filter.until ?? now) / HOUR),
  }
  const counted = await buckets(reading, filter, ca, asked)
  const total = counted.reduce((sum, { exchanges }) => sum + exchanges, 0)
  return {
    buckets: counted.map(({ start, exchanges, ...values }) => ({
      start: instantOf(start * HOUR),
      by: Object.fromEntries(
        filter.by.map((dimension) => [
          dimension,
          values[dimension] ? vocabulary.word(values[dimension]) : null,
        ]),
      ),
      exchanges,
    })),
    totals: { exchanges: total, ...(await totals(reading, ca, asked, now)) },
  }
}

/** Oldest first; those of one time in the order of their values. */
async function buckets(
  { inventory }: Reading,
  { every, by }: SummaryFilter,
  ca: number | null,
  asked: { from: number; to: number },
): Promise<Counted[]> {
  const columns = by.map((dimension: SummaryDimension) => `, ${dimension}`).join('')
  const found = new Map<string, Counted>()
  const { from, to } = bounded(
    inventory.get('select (select min(hour) from summary) as first, (select max(hour) from summary) as last'),
    asked,
  )
  for (const { table, unit, first, end } of partsOf(every, from, to + 1)) {
    const start =
      every === 'all'
        ? String(asked.from)
        : every === 'day' && unit === 'hour'
          ? 'hour / 24 * 24'
          : unit === 'day'
            ? 'day * 24'
            : 'hour'
    const sql = `select ${start} as start${columns}, sum(exchanges) as exchanges from ${table}
      where ${unit} >= ? and ${unit} < ?${ca === null ? '' : ' and ca = ?'}
      group by ${every === 'all' ? `start` : unit}${columns} having sum(exchanges) > 0`
    for (const row of inventory.all<Counted>(sql, first, end, ...(ca === null ? [] : [ca]))) {
      const key = [row.start, ...by.map((dimension) => row[dimension])].join()
      const before = found.get(key)
      found.set(key, before === undefined ? row : { ...row, exchanges: before.exchanges + row.exchanges })
    }
    if (found.size > MOST_BUCKETS)
      throw new FilterRefused(
        'every',
        `more than ${MOST_BUCKETS} counts were asked for: ask for a shorter time, fewer dimensions, or every=day or all`,
      )
    await setImmediate()
  }
  return [...found.values()].sort((a, b) => {
    for (const member of ['start', ...by]) if (a[member] !== b[member]) return a[member]! - b[member]!
    return 0
  })
}

interface Part {
  readonly table: 'summary' | 'summary_days'
  readonly unit: 'hour' | 'day'
  readonly first: number
  readonly end: number
}

/** Hours from one to before another, as few rows as the buckets allow: whole days where days are enough. */
function partsOf(every: SummaryFilter['every'], from: number, end: number): Part[] {
  const hours = (first: number, last: number) => stretches('summary', 'hour', first, last, HOURS_AT_ONCE)
  const firstDay = Math.ceil(from / 24)
  const endDay = Math.floor(end / 24)
  if (every === 'hour' || firstDay >= endDay) return hours(from, end)
  return [
    ...hours(from, firstDay * 24),
    ...stretches('summary_days', 'day', firstDay, endDay, DAYS_AT_ONCE),
    ...hours(endDay * 24, end),
  ]
}

function stretches(
  table: Part['table'],
  unit: Part['unit'],
  from: number,
  end: number,
  length: number,
): Part[] {
  const parts: Part[] = []
  for (let first = from; first < end; first += length)
    parts.push({ table, unit, first, end: Math.min(first + length, end) })
  return parts
}

/** The part of what was asked for that there is anything of. */
function bounded(
  there: { first: number | null; last: number | null } | undefined,
  asked: { from: number; to: number },
): { from: number; to: number } {
  return {
    from: Math.max(asked.from, there?.first ?? Number.MAX_SAFE_INTEGER),
    to: Math.min(asked.to, there?.last ?? -1),
  }
}

/** What is in the inventory now; failures are those of the hours asked for. */
async function totals(
  reading: Reading,
  ca: number | null,
  { from, to }: { from: number; to: number },
  now: number,
): Promise<Omit<Summary['totals'], 'exchanges'>> {
  const { inventory, vocabulary } = reading
  const count = (sql: string, ...values: number[]) =>
    inventory.get<{ count: number }>(sql, ...values)?.count ?? 0
  const of = ca === null ? [] : [ca]
  const where = ca === null ? '' : ' where ca = ?'
  const and = ca === null ? '' : ' and ca = ?'
  const failed = inventory.get<{ count: number; unclassified: number | null }>(
    `select count(*) as count, sum(diagnosis = ?) as unclassified from failures indexed by failures_at where at >= ? and at < ?${and}`,
    vocabulary.id('unclassified') ?? 0,
    from * HOUR,
    (to + 1) * HOUR,
    ...of,
  )
  await setImmediate()
  const abandoned = await countAbandoned(reading, ca, from * HOUR, (to + 1) * HOUR - 1)
  await setImmediate()
  return {
    accounts: count(`select count(*) as count from accounts${where}`, ...of),
    clients:
      ca === null
        ? count('select count(*) as count from clients')
        : count(
            'select count(*) as count from clients where account in (select id from accounts where ca = ?)',
            ca,
          ),
    orders: count(counted('orders', ca), ...of, ...of),
    certificates: count(counted('certificates', ca), ...of, ...of),
    valid: count(
      `select count(*) as count from certificates indexed by certificates_current where revoked_at is null and replaced_by is null and not_after > ?${and}`,
      now,
      ...of,
    ),
    failures: (failed?.count ?? 0) + abandoned,
    unclassified: failed?.unclassified ?? 0,
  }
}

/** Of one CA: through its accounts, whose index is read alone, and those that have none. */
function counted(table: 'orders' | 'certificates', ca: number | null): string {
  if (ca === null) return `select count(*) as count from ${table}`
  return `select (select count(*) from accounts as a cross join ${table} as t indexed by ${table}_account on t.account = a.id where a.ca = ?)
    + (select count(*) from ${table} as t indexed by ${table}_account where t.account is null and t.ca = ?) as count`
}
