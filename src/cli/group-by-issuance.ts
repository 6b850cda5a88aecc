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
  readonly exchanges: Placed[]
  readonly first: number
  readonly firstAt: number
  last: number
}

/** An exchange and its place in what is shown. */
interface Placed {
  readonly place: number
  readonly exchange: RecordedExchange
}

/**
 * Sections in the order they began. An exchange outside any issuance (nonce, account, directory) joins the
 * issuance of the same client that it falls into or leads up to; what is left stands between as it came. The
 * exchanges may be of several instances: each gives an issuance an id of its own, but the order's URL is one.
 */
export function groupByIssuance(exchanges: readonly RecordedExchange[]): readonly Issuance[] {
  const ordered = inOrder(exchanges).map((exchange, place) => ({ exchange, place }))
  const issuanceIn = issuancesOf(ordered)
  const issuances = sectionsOf(ordered, issuanceIn)
  const sections = [...issuances]
  let loose: Section | null = null
  for (const placed of ordered) {
    if (issuanceIn(placed.exchange) !== null) continue
    const home = homeOf(placed, issuances)
    if (home !== undefined) {
      home.exchanges.push(placed)
      continue
    }
    const { place, exchange } = placed
    const since: number | undefined = loose?.last
    const parted = issuances.some(({ first }) => since !== undefined && since < first && first < place)
    if (loose === null || parted) {
      loose = { id: null, client: '', exchanges: [], first: place, firstAt: exchange.intent.at, last: place }
      sections.push(loose)
    }
    loose.exchanges.push(placed)
    loose.last = place
  }
  for (const section of sections) section.exchanges.sort((a, b) => a.place - b.place)
  return sections
    .sort((a, b) => a.exchanges[0]!.place - b.exchanges[0]!.place)
    .map(({ id, exchanges }) => ({ id, exchanges: exchanges.map(({ exchange }) => exchange) }))
}

/** One record has its own order; several have time alone. */
function inOrder(exchanges: readonly RecordedExchange[]): RecordedExchange[] {
  const several = new Set(exchanges.map(({ intent }) => intent.stream)).size > 1
  return [...exchanges].sort(({ intent: a }, { intent: b }) => {
    return several && a.at !== b.at ? a.at - b.at : a.sequence - b.sequence
  })
}

/** The issuance of each exchange: the first one seen with its order, or with an issuance that shares an order. */
function issuancesOf(ordered: readonly Placed[]): (exchange: RecordedExchange) => string | null {
  const orderOf = ordersOf(ordered)
  const byOrder = new Map<string, string>()
  const first = new Map<string, string>()
  for (const { exchange } of ordered) {
    const [order, issuance] = [orderOf(exchange), issuanceOf(exchange)]
    if (order === null) continue
    const known = byOrder.get(order)
    if (known === undefined) byOrder.set(order, (issuance && first.get(issuance)) ?? issuance ?? urlIn(order))
    if (issuance !== null && !first.has(issuance)) first.set(issuance, byOrder.get(order)!)
  }
  return (exchange) => {
    const [order, issuance] = [orderOf(exchange), issuanceOf(exchange)]
    const named = order === null ? null : byOrder.get(order)!
    return named ?? (issuance && first.get(issuance)) ?? issuance
  }
}

/**
 * The order of each exchange, with its CA. An instance that was never told of the order knows an authorization or a
 * certificate by its URL alone; another instance may have named both together. Authorizations of several orders tell
 * nothing.
 */
function ordersOf(ordered: readonly Placed[]): (exchange: RecordedExchange) => string | null {
  const byObject = new Map<string, string | null>()
  for (const { exchange } of ordered) {
    const order = ownOrderOf(exchange)
    if (order === null) continue
    for (const object of objectsOf(exchange)) {
      const known = byObject.get(object)
      byObject.set(object, known === undefined || known === order ? order : null)
    }
  }
  return (exchange) => {
    const own = ownOrderOf(exchange)
    if (own !== null) return own
    const named = objectsOf(exchange).map((object) => byObject.get(object) ?? null)
    return named.find((order) => order !== null) ?? null
  }
}

function ownOrderOf({ intent, outcome }: RecordedExchange): string | null {
  const url = outcome?.order ?? intent.order
  return url === null ? null : JSON.stringify([intent.ca, url])
}

function urlIn(order: string): string {
  return (JSON.parse(order) as [ca: string | null, url: string])[1]
}

function objectsOf({ intent, outcome }: RecordedExchange): readonly string[] {
  return [outcome?.authorization ?? intent.authorization, outcome?.certificate ?? intent.certificate]
    .filter((url) => url !== null)
    .map((url) => JSON.stringify([intent.ca, url]))
}

function sectionsOf(
  ordered: readonly Placed[],
  issuanceIn: (exchange: RecordedExchange) => string | null,
): Section[] {
  const sections = new Map<string, Section>()
  for (const placed of ordered) {
    const { exchange, place } = placed
    const id = issuanceIn(exchange)
    if (id === null) continue
    const section = sections.get(id)
    if (section === undefined) {
      const { at } = exchange.intent
      const client = clientKey(exchange)
      sections.set(id, { id, client, exchanges: [placed], first: place, firstAt: at, last: place })
    } else {
      section.exchanges.push(placed)
      section.last = place
    }
  }
  return [...sections.values()]
}

function homeOf({ exchange, place }: Placed, issuances: readonly Section[]): Section | undefined {
  const own = issuances.filter(({ client }) => client === clientKey(exchange))
  const around = own.find(({ first, last }) => first < place && place < last)
  if (around !== undefined) return around
  const next = own.filter(({ first }) => first > place).sort((a, b) => a.first - b.first)[0]
  return next !== undefined && next.firstAt - exchange.intent.at <= LEAD_IN ? next : undefined
}

function clientKey(exchange: RecordedExchange): string {
  const { intent, personal } = exchange
  return JSON.stringify([intent.ca, intent.mode, personal.clientAddress ?? null, clientOf(exchange)])
}
