import { problemShortName } from '../../../acme/problem-types.ts'
import type { RecordOperations } from '../../../api/operations.ts'
import type { InventoriedAccount } from '../../../audit/inventory/account.ts'
import type { InventoriedCertificate } from '../../../audit/inventory/certificate.ts'
import type { Client } from '../../../audit/inventory/client.ts'
import type { Paging } from '../../../audit/inventory/every-page.ts'
import type { Failure } from '../../../audit/inventory/failure.ts'
import type { InventoryProgress } from '../../../audit/inventory/inventory-reader.ts'
import type { Summary } from '../../../audit/inventory/summary.ts'
import { instantOf, type Page } from '../../../audit/inventory/values.ts'
import type { RecordedExchange } from '../../../audit/record-store.ts'
import { clientText } from '../../describe-inventory.ts'
import { followPages } from '../../lists/follow-pages.ts'
import type { Terminal } from '../../terminal.ts'
import { microsOf } from '../../time.ts'
import { Validations } from './validations.ts'

/** µs since 1970. */
export interface Period {
  readonly since: number
  readonly until: number
}

/** How far the record reaches. */
export interface Reach {
  readonly first: RecordedExchange | null
  readonly last: RecordedExchange | null
  /** The newest fact whose digest another fact holds: with it the chain up to there is fixed. */
  readonly head: { readonly sequence: number; readonly digest: string } | null
  readonly progress: InventoryProgress
}

export interface RegisterRow {
  readonly certificate: InventoriedCertificate
  readonly orderedBy: string
  readonly validated: string
}

export interface Tally {
  readonly what: string
  readonly count: number
  readonly names: number
  readonly first: string
  readonly last: string
}

/** Everything but the certificates. */
export interface Surroundings {
  readonly reach: Reach
  readonly accounts: readonly InventoriedAccount[]
  readonly summary: Summary
  readonly orders: ReadonlyMap<string, number>
  readonly failures: readonly Tally[]
  readonly refusals: readonly Tally[]
}

type Source = Pick<RecordOperations, 'inventory' | 'exchanges'>

export async function reachOf({ exchanges, inventory }: Source): Promise<Reach> {
  const [[last = null], [first = null], progress] = await Promise.all([
    exchanges({}, 1),
    exchanges({ after: 0 }, 1),
    inventory.progress(),
  ])
  const newest = last === null ? null : (last.outcome ?? last.intent)
  const known = newest !== null && newest.sequence > 1
  return {
    first,
    last,
    progress,
    head: known ? { sequence: newest.sequence - 1, digest: newest.previous } : null,
  }
}

/** The moment the record itself has come to, so that the same record gives the same report. µs; `now` for an empty one. */
export async function endOf({ last }: Reach, { inventory }: Source, now: number): Promise<number> {
  const newest = await inventory.certificates({ limit: 1 })
  const seen = newest.items[0]?.firstSeen
  const ends = [last?.outcome?.at, last?.intent.at, seen === undefined ? undefined : microsOf(seen)]
  const known = ends.filter((end) => end !== undefined)
  return known.length === 0 ? now : Math.max(...known)
}

export async function surroundingsOf(
  { inventory }: Source,
  reach: Reach,
  period: Period,
  terminal: Terminal,
): Promise<Surroundings> {
  const accounts: InventoriedAccount[] = []
  for await (const one of all(terminal, 'accounts', (paging) => inventory.accounts(paging))) {
    if (microsOf(one.firstSeen) <= period.until) accounts.push(one)
  }
  const orders = new Map<string, number>()
  for await (const { status } of all(terminal, 'orders', (paging) =>
    inventory.orders({ ...period, ...paging }),
  )) {
    const word = status ?? 'unknown'
    orders.set(word, (orders.get(word) ?? 0) + 1)
  }
  const [failures, refusals] = [new Tallies(), new Tallies()]
  for await (const one of all(terminal, 'failures', (paging) =>
    inventory.failures({ ...period, ...paging }),
  )) {
    if (one.outcome === 'refused') refusals.add(refusalOf(one), one)
    else failures.add(one.diagnosis.class, one)
  }
  const summary = await inventory.summary({ ...period, every: 'all', by: ['ca', 'outcome'] })
  return { reach, accounts, summary, orders, failures: failures.sorted(), refusals: refusals.sorted() }
}

/** Certificates that were valid at some time of the period, newest first, with who ordered them and how they were validated. */
export async function* registerRows(
  { inventory }: Source,
  period: Period,
  terminal: Terminal,
): AsyncGenerator<RegisterRow> {
  const clients = new Map<string, string>()
  for await (const one of all<Client>(terminal, 'clients', (paging) => inventory.clients(paging))) {
    clients.set(one.id, clientText(one))
  }
  const validations = new Validations()
  for await (const one of all(terminal, 'challenges', (paging) => inventory.challenges(paging)))
    validations.add(one)
  for await (const certificate of all(terminal, 'certificates', (paging) => inventory.certificates(paging))) {
    if (microsOf(certificate.notAfter) < period.since || microsOf(certificate.firstSeen) > period.until)
      continue
    const { client } = certificate
    yield {
      certificate: asOf(certificate, instantOf(period.until)),
      orderedBy: client === null ? '-' : (clients.get(client) ?? client),
      validated: validations.textOf(certificate),
    }
  }
}

/** What came after the period is left out. */
function asOf(certificate: InventoriedCertificate, until: string): InventoriedCertificate {
  if (certificate.revokedAt === null || certificate.revokedAt <= until) return certificate
  return { ...certificate, revokedAt: null, revocationReason: null, revokedBy: null }
}

async function* all<T>(
  terminal: Terminal,
  what: string,
  page: (asked: Paging) => Promise<Page<T>>,
): AsyncGenerator<T> {
  const parts = followPages<T>(page, Number.POSITIVE_INFINITY, { terminal, what })
  for await (const { items } of parts) yield* items
}

function refusalOf({ diagnosis, problem }: Failure): string {
  const { rule } = diagnosis.details
  const isPolicy = diagnosis.class === 'policy-denied'
  const type = problem === null ? '' : problemShortName(problem.type)
  const what = rule === undefined ? diagnosis.class : isPolicy ? `policy rule ${rule}` : rule
  return [what, type].filter((part) => part !== '').join(', ')
}

/** Counts by a word; only the numbers are kept, and of names so many. */
class Tallies {
  readonly #found = new Map<string, { count: number; names: Set<string>; first: string; last: string }>()

  add(what: string, { at, names }: Failure): void {
    const tally = this.#found.get(what) ?? { count: 0, names: new Set(), first: at, last: at }
    this.#found.set(what, tally)
    tally.count += 1
    for (const name of names) tally.names.add(name)
    if (at < tally.first) tally.first = at
    if (at > tally.last) tally.last = at
  }

  /** The most frequent first. */
  sorted(): Tally[] {
    return [...this.#found]
      .map(([what, { count, names, first, last }]) => ({ what, count, names: names.size, first, last }))
      .sort((a, b) => b.count - a.count || (a.what < b.what ? -1 : 1))
  }
}
