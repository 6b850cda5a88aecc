import { accountFilter } from '../../../src/audit/inventory/account.ts'
import { certificateFilter } from '../../../src/audit/inventory/certificate.ts'
import { challengeFilter } from '../../../src/audit/inventory/challenge.ts'
import { clientFilter } from '../../../src/audit/inventory/client.ts'
import { exchangeFilter } from '../../../src/audit/inventory/exchange-filter.ts'
import { failureFilter, rateLimitFilter } from '../../../src/audit/inventory/failure.ts'
import type { InventoryReader } from '../../../src/audit/inventory/inventory-reader.ts'
import { orderFilter } from '../../../src/audit/inventory/order.ts'
import { summaryFilter } from '../../../src/audit/inventory/summary.ts'
import type { Page } from '../../../src/audit/inventory/values.ts'
import { quantile } from '../soak.ts'
import { type Question, questionsAbout, type Sample } from './questions.ts'

export const LISTS = {
  exchanges: exchangeFilter,
  accounts: accountFilter,
  clients: clientFilter,
  orders: orderFilter,
  challenges: challengeFilter,
  certificates: certificateFilter,
  failures: failureFilter,
  rateLimits: rateLimitFilter,
} as const
export type ListName = keyof typeof LISTS

/** Pages that are asked for after the first, and how often each question is asked from the start. */
const DEEPER = 4
const REPEATED = 3

export interface Measured {
  /** ms, of every page of every question. */
  readonly pages: readonly number[]
  readonly summaries: readonly number[]
  /** The slowest questions, with their slowest page. */
  readonly slowest: readonly string[]
  /** Questions whose first object takes more than one page to be found, and of how many pages. */
  readonly emptyPages: readonly string[]
}

export async function askPage(
  reader: InventoryReader,
  { list, filter }: Question,
  cursor: string | null,
): Promise<Page<unknown>> {
  const parsed = LISTS[list].parse({ ...filter, ...(cursor !== null && { cursor }) })
  return (await reader[list](parsed as never)) as Page<unknown>
}

/** Every page of a list. */
export async function everything(reader: InventoryReader, question: Question): Promise<unknown[]> {
  const items: unknown[] = []
  let cursor: string | null = null
  do {
    const page = await askPage(reader, question, cursor)
    items.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return items
}

export async function sampleOf(reader: InventoryReader): Promise<Sample> {
  const accounts = (await everything(reader, { list: 'accounts', filter: { limit: '1000' } })) as {
    id: string
    orders: number
  }[]
  const clients = (await everything(reader, { list: 'clients', filter: { limit: '1000' } })) as {
    id: string
    orders: number
    source: string | null
  }[]
  const sorted = <T extends { orders: number }>(all: T[]) => all.toSorted((a, b) => b.orders - a.orders)
  const [order] = (await askPage(reader, { list: 'orders', filter: { limit: '1' } }, null)).items as {
    id: string
  }[]
  const [certificate] = (await askPage(reader, { list: 'certificates', filter: { limit: '1' } }, null))
    .items as { serial: string }[]
  const [exchange] = (
    await askPage(reader, { list: 'exchanges', filter: { limit: '1', order: order!.id } }, null)
  ).items as {
    intent: { issuance: string | null }
  }[]
  return {
    busy: sorted(accounts)[0]!.id,
    quiet: sorted(accounts).at(-1)!.id,
    busyClient: sorted(clients)[0]!.id,
    quietClient: sorted(clients).at(-1)!.id,
    order: order!.id,
    issuance: exchange?.intent.issuance ?? 'none',
    serial: certificate!.serial,
    source: clients.find(({ source }) => source !== null)!.source!,
  }
}

export async function measure(reader: InventoryReader): Promise<Measured> {
  const pages: number[] = []
  const slowest: { ms: number; says: string }[] = []
  const emptyPages: string[] = []
  for (const question of questionsAbout(await sampleOf(reader))) {
    const says = `${question.list} ${JSON.stringify(question.filter)}`
    let worst = 0
    for (let round = 0; round < REPEATED; round++) {
      let cursor: string | null = null
      for (let page = 0; page <= DEEPER; page++) {
        const began = performance.now()
        const { next }: Page<unknown> = await askPage(reader, question, cursor)
        const ms = performance.now() - began
        pages.push(ms)
        worst = Math.max(worst, ms)
        cursor = next
        if (cursor === null) break
      }
    }
    slowest.push({ ms: worst, says: `${worst.toFixed(0)} ms ${says}` })
    const empty = await pagesToFirst(reader, question)
    if (empty > 1) emptyPages.push(`${empty} pages ${says}`)
  }
  slowest.sort((a, b) => b.ms - a.ms)
  return {
    pages,
    summaries: await summaries(reader),
    slowest: slowest.slice(0, 12).map(({ says }) => says),
    emptyPages,
  }
}

async function pagesToFirst(reader: InventoryReader, question: Question): Promise<number> {
  let cursor: string | null = null
  for (let pages = 1; ; pages++) {
    const page = await askPage(reader, question, cursor)
    cursor = page.next
    if (page.items.length > 0 || cursor === null) return pages
  }
}

async function summaries(reader: InventoryReader): Promise<number[]> {
  const took: number[] = []
  for (const filter of [
    {},
    { since: '400d', every: 'day' },
    { since: '400d', every: 'day', by: 'ca,operation' },
    { since: '400d', every: 'all', by: 'ca,mode,operation,outcome,problem,diagnosis' },
    { since: '400d', every: 'hour' },
    { since: '400d', every: 'day', by: 'outcome', ca: 'pebble' },
    { since: '30d', every: 'hour', by: 'operation' },
  ]) {
    for (let round = 0; round < REPEATED; round++) {
      const began = performance.now()
      await reader.summary(summaryFilter.parse(filter))
      took.push(performance.now() - began)
    }
  }
  return took
}

export function told(values: readonly number[]): string {
  return `p50 ${quantile(values, 0.5).toFixed(1)}, p95 ${quantile(values, 0.95).toFixed(1)}, max ${Math.max(...values).toFixed(0)} ms (${values.length})`
}
