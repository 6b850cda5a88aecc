import type { RecordedExchange } from '../../audit/record-store.ts'
import {
  accountOf,
  complaintsOf,
  issuanceOf,
  namesOf,
  operationOf,
  statusText,
  toneOf,
  tunnelText,
} from '../describe-exchange.ts'
import { escapeBlock } from '../escape.ts'
import { renderFields } from '../render.ts'
import { renderDiagnosis } from '../render-diagnosis.ts'
import type { Terminal } from '../terminal.ts'
import { durationText, utcTime } from '../time.ts'
import { diagnosisOf } from './diagnosis-of.ts'
import { askedFields, policyFields } from './policy-fields.ts'

export interface ShownBody {
  readonly name: 'protected header' | 'payload' | 'answer'
  /** Null when it is not kept any more, or never was. */
  readonly bytes: Buffer | null
}

/** The bodies an exchange refers to, read from the record by their digests. */
export async function bodiesOf(
  { intent, outcome }: RecordedExchange,
  read: (digest: string) => Promise<Buffer | null>,
): Promise<readonly ShownBody[]> {
  const fetch = (digest: string | null | undefined) => (digest ? read(digest) : Promise.resolve(null))
  const bodies: ShownBody[] = []
  if (intent.jws !== null) {
    const payload = intent.jws.payload ?? intent.personal.payload
    bodies.push({ name: 'protected header', bytes: await fetch(intent.jws.protected) })
    bodies.push({ name: 'payload', bytes: await fetch(payload) })
  }
  if (outcome?.body) {
    const answer = outcome.body.stored ?? outcome.personal.responseBody
    bodies.push({ name: 'answer', bytes: await fetch(answer) })
  }
  return bodies
}

/** One exchange in full, in sections. Ends in a newline. */
export function renderExchange(
  terminal: Terminal,
  exchange: RecordedExchange,
  bodies: readonly ShownBody[],
): string {
  const { intent, outcome } = exchange
  const { colors } = terminal
  const tone = toneOf(exchange)
  const paint = tone === 'bad' ? colors.red : tone === 'good' ? colors.green : colors.yellow
  const section = (title: string, fields: Parameters<typeof renderFields>[1]) =>
    `${colors.bold(title)}\n${renderFields(terminal, fields)}`
  const parts = [
    `${colors.bold(`exchange ${exchange.id}`)}  ${operationOf(exchange)}  ${paint(statusText(exchange))}\n`,
    section('request', requestFields(exchange)),
    section('decision', [
      ['effect', intent.decision.effect],
      ['rule', intent.decision.rule],
      ...intent.decision.ambiguities.map(({ kind, where }) => ['ambiguous', `${kind} at ${where}`] as const),
    ]),
  ]
  for (const [title, fields] of [
    ['policy', policyFields(exchange)],
    ['asked for', askedFields(exchange)],
  ] as const)
    if (fields.some(([, value]) => value !== null)) parts.push(section(title, fields))
  if (intent.jws !== null) {
    const { alg, verdict, thumbprint, kid, url, nonce } = intent.jws
    parts.push(
      section('jws', [
        ['signature', verdict],
        ['alg', alg],
        ['kid', kid],
        ['thumbprint', thumbprint],
        ['url', url],
        ['nonce', nonce],
      ]),
    )
  }
  const subject = subjectFields(exchange)
  if (subject.some(([, value]) => value !== null)) parts.push(section('about', subject))
  parts.push(
    outcome === null
      ? `${colors.bold('answer')}\n  still running\n`
      : section('answer', answerFields(exchange)),
  )
  const diagnosis = diagnosisOf(exchange)
  if (diagnosis !== null) {
    const subject = { names: namesOf(exchange), ca: intent.ca, exchange: exchange.id }
    parts.push(
      `${colors.bold('diagnosis')}\n${renderDiagnosis(terminal, diagnosis, { indent: 2, problem: null, subject })}`,
    )
  }
  for (const body of bodies) parts.push(renderBody(terminal, body))
  return parts.join('\n')
}

function requestFields({ intent, personal }: RecordedExchange): (readonly [string, string | null])[] {
  const { client, request } = intent
  const from = [personal.clientAddress ?? null, client.port].filter((part) => part !== null).join(' port ')
  return [
    ['came', utcTime(intent.at)],
    ['instance', intent.instance || null],
    ['mode', intent.mode],
    ['ca', intent.ca],
    ['line', `${request.method} ${request.target} HTTP/${client.httpVersion}`],
    ['host', request.authority],
    ['client', from === '' ? null : from],
    ['proxy user', personal.proxyUser ?? null],
    ['user agent', client.userAgent],
    ['tls', client.tlsVersion],
    ['body', `${request.bytes} bytes, SHA-256 ${request.digest}`],
    [
      'record',
      `fact ${intent.sequence} of stream ${intent.stream}, config ${intent.configDigest.slice(0, 12)}`,
    ],
  ]
}

function subjectFields(exchange: RecordedExchange): (readonly [string, string | null])[] {
  const { intent, outcome } = exchange
  const names = namesOf(exchange)
  return [
    ['names', names.length === 0 ? null : names.join(', ')],
    ['account', accountOf(exchange)],
    ['order', outcome?.order ?? intent.order],
    ['authorization', outcome?.authorization ?? intent.authorization],
    ['challenge', outcome?.challenge ?? intent.challenge],
    ['certificate', outcome?.certificate ?? intent.certificate],
    ['issuance', issuanceOf(exchange)],
    ['parent', intent.parent],
  ]
}

/** Said only where it is not the CA itself. */
const SOURCES: Readonly<Record<string, string>> = {
  cache: 'an earlier answer that is still fresh; the CA was not asked',
  shared: "another client's equal request at the same moment; the CA was asked once for both",
}

function answerFields(exchange: RecordedExchange): (readonly [string, string | null])[] {
  const outcome = exchange.outcome!
  const fields = Object.entries(outcome.fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)] as const),
  )
  return [
    ['came', utcTime(outcome.at)],
    ['status', outcome.status === null ? null : String(outcome.status)],
    ['object', outcome.objectStatus],
    ...complaintsOf(exchange).map((line) => ['problem', line] as const),
    ['waited', (outcome.waited ?? 0) >= 1000 ? `${durationText(outcome.waited)} for its turn` : null],
    ['from', SOURCES[outcome.source ?? ''] ?? null],
    ['tunnel', tunnelText(exchange)],
    ['took', `${durationText(outcome.durationTotal)}, of it the CA ${durationText(outcome.durationCa)}`],
    ['body', outcome.body === null ? null : `${outcome.body.bytes} bytes`],
    ...fields,
    ['record', `fact ${outcome.sequence}${outcome.spilled ? ', waited in the spill file' : ''}`],
  ]
}

function renderBody({ colors }: Terminal, { name, bytes }: ShownBody): string {
  if (bytes === null) return `${colors.bold(name)}\n  not kept\n`
  const text = bytes.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(bytes)
  const shown = isText ? escapeBlock(pretty(text)) : bytes.toString('base64')
  return `${colors.bold(name)}${isText ? '' : ' (base64)'}\n${shown.replace(/\n+$/, '').replace(/^/gm, '  ')}\n`
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
