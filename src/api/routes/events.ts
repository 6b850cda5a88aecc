import { z } from 'zod'
import { OPERATIONS } from '../../acme/operation.ts'
import { common, type NameFilter } from '../../audit/inventory/values.ts'
import type { RecordedExchange } from '../../audit/record-store.ts'
import { MODES } from '../../exchange/mode.ts'
import { exchangeExample } from '../examples.ts'
import { feedText, ndjson, sse } from '../feed-stream.ts'
import type { Operations } from '../operations.ts'
import { RequestRefused, shown } from '../problem.ts'
import { Content, type Route, route } from '../route.ts'

const ENDED = ['response', 'refused', 'failed', 'unknown', 'notSent'] as const

const feedFilter = z.strictObject({
  ca: common.ca,
  mode: z.enum(MODES).optional(),
  operation: z.enum(OPERATIONS).optional(),
  outcome: z.enum(ENDED).optional(),
  name: common.name,
  from: z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .optional()
    .meta({
      description:
        'The first sequence number an outcome may have: what the record has is told first. Without it and without Last-Event-ID the feed begins now.',
      example: '1200',
    }),
  format: z.enum(['sse', 'ndjson']).default('sse').meta({ description: 'ndjson: one exchange a line.' }),
})
type FeedFilter = z.output<typeof feedFilter>

export const eventRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/events',
    id: 'followExchanges',
    tag: 'exchanges',
    summary: 'Exchanges as they end, as server-sent events',
    description:
      'Each event is named `exchange`, its data is the exchange, its id the sequence number of the outcome. A reader that comes back with `Last-Event-ID` gets everything that ended since, once each. Filters other than by these members belong to the lists.',
    role: 'viewer',
    noted: 'events',
    query: feedFilter,
    answer: {
      'text/event-stream': { schema: z.string(), example: sse.event(exchangeExample, 4) },
      'application/x-ndjson': { schema: z.string(), example: ndjson.event(exchangeExample, 4) },
    },
    refuses: [429],
    async handle(operations, { query, lastEventId, ended, takePlace }) {
      const place = await placeOf(operations, query.from, lastEventId)
      takePlace('feeds')
      const cut = new AbortController()
      const over = AbortSignal.any([ended, cut.signal])
      const exchanges = operations.tail(place + 1, over)
      const text = feedText(exchanges, query.format === 'sse' ? sse : ndjson, place, matcher(query), () =>
        cut.abort(),
      )
      return new Content(
        query.format === 'sse' ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
        text,
        null,
        cut.signal,
      )
    },
  }),
]

/**
 * The sequence number behind which the feed begins. A place the record has not reached belongs to another record, or
 * to what a restored backup lost: whoever waited for it would miss everything until then.
 */
async function placeOf(
  { inventory }: Operations,
  from: number | undefined,
  lastEventId: string | null,
): Promise<number> {
  const { recorded } = await inventory.progress()
  const id = lastEventId === null || lastEventId === '' ? undefined : lastEventId
  if (id !== undefined && !/^\d{1,15}$/.test(id)) {
    throw new RequestRefused(400, `Last-Event-ID: ${JSON.stringify(shown(id))} must be the id of an event`)
  }
  const place = id === undefined ? (from === undefined ? recorded : Math.max(from, 1) - 1) : Number(id)
  if (place <= recorded) return place
  throw new RequestRefused(
    400,
    `${id === undefined ? 'from' : 'Last-Event-ID'}: the record ends at ${recorded}: this place belongs to another record`,
  )
}

function matcher({ ca, mode, operation, outcome, name }: FeedFilter) {
  return ({ intent, outcome: end }: RecordedExchange): boolean =>
    (ca === undefined || intent.ca === ca) &&
    (mode === undefined || intent.mode === mode) &&
    (operation === undefined || (end?.operation ?? intent.operation) === operation) &&
    (outcome === undefined || end?.outcome === outcome) &&
    (name === undefined ||
      [...intent.identifiers, ...(end?.identifiers ?? [])].some(({ value }) => isNamed(value, name)))
}

function isNamed(identifier: string, { kind, value }: NameFilter): boolean {
  const text = identifier.toLowerCase()
  return text === value || (kind === 'below' && text.endsWith(`.${value}`))
}
