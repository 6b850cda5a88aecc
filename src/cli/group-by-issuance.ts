import type { RecordedExchange } from '../audit/record-store.ts'
import { clientOf, issuanceOf } from './describe-exchange.ts'

/** Exchanges that belong together, in the order they came. `id` is null where there was no order. */
export interface Issuance {
  readonly id: string | null
  readonly exchanges: readonly RecordedExchange[]
}

/** What a client did this long before its order belongs to the issuance: directory, nonce, account. */
const LEAD_IN = 120_000_000

interface Section {
  readonly id: string | null
  readonly client: string
  readonly exchanges: RecordedExchange[]
  readonly first: number
  readonly firstAt: number
  last: number
}

/**
 * Sections in the order they began. An exchange outside any issuance (nonce, account, directory) joins the
 * issuance of the same client that it falls into or leads up to; what is left stands between as it came.
 */
export function groupByIssuance(exchanges: readonly RecordedExchange[]): readonly Issuance[] {
  const ordered = [...exchanges].sort((a, b) => a.intent.sequence - b.intent.sequence)
  const issuances = sectionsOf(ordered)
  const sections = [...issuances.values()]
  let loose: Section | null = null
  for (const exchange of ordered) {
    if (issuanceOf(exchange) !== null) continue
    const home = homeOf(exchange, [...issuances.values()])
    if (home !== undefined) {
      home.exchanges.push(exchange)
      continue
    }
    const { sequence } = exchange.intent
    const since: number | undefined = loose?.last
    const parted = [...issuances.values()].some(
      ({ first }) => since !== undefined && since < first && first < sequence,
    )
    if (loose === null || parted) {
      loose = {
        id: null,
        client: '',
        exchanges: [],
        first: sequence,
        firstAt: exchange.intent.at,
        last: sequence,
      }
      sections.push(loose)
    }
    loose.exchanges.push(exchange)
    loose.last = sequence
  }
  for (const section of sections) section.exchanges.sort((a, b) => a.intent.sequence - b.intent.sequence)
  return sections.sort((a, b) => a.exchanges[0]!.intent.sequence - b.exchanges[0]!.intent.sequence)
}

function sectionsOf(ordered: readonly RecordedExchange[]): Map<string, Section> {
  const sections = new Map<string, Section>()
  for (const exchange of ordered) {
    const id = issuanceOf(exchange)
    if (id === null) continue
    const { sequence, at } = exchange.intent
    const section = sections.get(id)
    if (section === undefined) {
      sections.set(id, {
        id,
        client: clientKey(exchange),
        exchanges: [exchange],
        first: sequence,
        firstAt: at,
        last: sequence,
      })
    } else {
      section.exchanges.push(exchange)
      section.last = sequence
    }
  }
  return sections
}

function homeOf(exchange: RecordedExchange, issuances: readonly Section[]): Section | undefined {
  const { sequence, at } = exchange.intent
  const own = issuances.filter(({ client }) => client === clientKey(exchange))
  const around = own.find(({ first, last }) => first < sequence && sequence < last)
  if (around !== undefined) return around
  const next = own.filter(({ first }) => first > sequence).sort((a, b) => a.first - b.first)[0]
  return next !== undefined && next.firstAt - at <= LEAD_IN ? next : undefined
}

function clientKey(exchange: RecordedExchange): string {
  const { intent, personal } = exchange
  return JSON.stringify([intent.ca, intent.mode, personal.clientAddress ?? null, clientOf(exchange)])
}
