import { createColors } from 'picocolors'
import type { RecordedExchange } from '../audit/record-store.ts'
import {
  accountOf,
  clientOf,
  complaintsOf,
  durationOf,
  namesOf,
  operationOf,
  statusText,
  subjectOf,
  type Tone,
  toneOf,
} from './describe-exchange.ts'
import { cutMiddle, escapeText } from './escape.ts'
import { groupByIssuance, type Issuance } from './group-by-issuance.ts'
import { clockTime, utcTime } from './time.ts'

export interface TimelineOptions {
  readonly colors?: ReturnType<typeof createColors>
  readonly columns?: number
}

/**
 * What happened, for people: one section for each issuance with the exchanges that led to it, one line for each
 * exchange in the order they came (UTC), problems in words under their exchange. Ends in a newline unless empty.
 */
export function renderTimeline(
  exchanges: readonly RecordedExchange[],
  options: TimelineOptions = {},
): string {
  return groupByIssuance(exchanges)
    .map((issuance) => {
      const lines = issuance.exchanges.map((exchange) => renderTimelineEntry(exchange, options))
      return `${heading(issuance, options)}\n${lines.join('')}`
    })
    .join('\n')
}

/** One exchange's line and what it has to say under it: as in the timeline, for a running tail. */
export function renderTimelineEntry(exchange: RecordedExchange, options: TimelineOptions = {}): string {
  const colors = options.colors ?? createColors(false)
  const client = column(clientOf(exchange), 18)
  const operation = column(operationOf(exchange), 13)
  const subject = column(subjectOf(exchange), subjectWidth(options.columns ?? 120))
  const status = column(statusText(exchange), 22)
  const paint = paintOf(colors, toneOf(exchange))
  const line = `  ${colors.dim(clockTime(exchange.intent.at))}  ${client}  ${operation}  ${subject}  ${paint(status)}  ${durationOf(exchange)}`
  const complaints = complaintsOf(exchange).map(
    (text) => `                  ${paint('└')} ${escapeText(text)}\n`,
  )
  return `${line}\n${complaints.join('')}`
}

function heading({ id, exchanges }: Issuance, options: TimelineOptions): string {
  const colors = options.colors ?? createColors(false)
  const first = exchanges[0]!
  const day = utcTime(first.intent.at).slice(0, 10)
  const cas = [...new Set(exchanges.map(({ intent }) => intent.ca ?? 'no CA'))].join(', ')
  if (id === null) return colors.bold(escapeText(`${day}  outside any issuance  (${cas})`))
  const order = exchanges.find(({ intent }) => intent.operation === 'newOrder')
  const names = order === undefined ? [] : namesOf(order)
  const about = names.length === 0 ? `issuance ${id}` : names.join(', ')
  const account = exchanges.map(accountOf).find((one) => one !== null)
  const by = account === undefined || account === null ? '' : `  account ${account}`
  return (
    colors.bold(escapeText(`${day}  ${about}  (${cas})${by}`)) +
    colors.bold(escapeText(`  → ${resultOf(exchanges)}`))
  )
}

/** What became of an issuance, as far as its exchanges tell. */
function resultOf(exchanges: readonly RecordedExchange[]): string {
  const answered = (operation: string) =>
    exchanges.some((one) => operationOf(one) === operation && toneOf(one) === 'good')
  if (answered('certificate')) return 'certificate delivered'
  const invalid = exchanges.some((one) => one.outcome?.objectStatus === 'invalid')
  if (invalid) return 'validation failed'
  if (exchanges.some((one) => one.intent.operation === 'newOrder' && toneOf(one) === 'bad'))
    return 'not ordered'
  return answered('finalize') ? 'certificate not fetched' : 'not finished'
}

/** What the other columns of a line take, with the gaps between them. */
const OTHERS = 83
const LEAST_SUBJECT = 16
const USUAL_SUBJECT = 37

/** Where nothing limits the line the subject is whole, and padded as if there were 120 columns. */
function subjectWidth(columns: number): { readonly least: number; readonly most: number } {
  if (columns === Number.POSITIVE_INFINITY) return { least: USUAL_SUBJECT, most: columns }
  const width = Math.max(LEAST_SUBJECT, columns - OTHERS)
  return { least: width, most: width }
}

function column(text: string, width: number | { readonly least: number; readonly most: number }): string {
  const { least, most } = typeof width === 'number' ? { least: width, most: width } : width
  const cut = cutMiddle(escapeText(text), most)
  return cut + ' '.repeat(Math.max(0, least - [...cut].length))
}

function paintOf(colors: ReturnType<typeof createColors>, tone: Tone): (text: string) => string {
  if (tone === 'good') return colors.green
  return tone === 'bad' ? colors.red : colors.yellow
}
