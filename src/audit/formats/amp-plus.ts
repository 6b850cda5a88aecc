import { listMember, member, stringMember } from '../../acme/members.ts'
import type { Operation } from '../../acme/operation.ts'
import { certificateOf, csrOf, profileOf, replacesOf } from '../../acme/payloads.ts'
import { type Challenge, readAuthorization, readChallenge, readOrder } from '../../acme/response-objects.ts'
import { warningsOf } from '../inventory/project/policy.ts'
import type { RecordedProblem } from '../record.ts'
import { AMP_MESSAGES, ampParams, commonParams, envelope, pathOf } from './amp.ts'
import { certificateFacts, requestFacts } from './certificate-facts.ts'
import type { Contents } from './contents.ts'
import { type EndedRecord, type Format, identifiersOf, isoTime, operationOf } from './line.ts'

/** Words of our own for what Amp did not know. */
const MORE_MESSAGES: Readonly<Partial<Record<Operation, string>>> = {
  account: 'acct',
  orders: 'orders',
  certificate: 'cert',
  renewalInfo: 'ari',
  newAuthz: 'new-authz',
  tunnel: 'tunnel',
  unrecognised: 'other',
}

const PAYLOAD_NEEDED: ReadonlySet<Operation> = new Set(['newOrder', 'finalize', 'revokeCert', 'account'])
const ANSWER_NEEDED: ReadonlySet<Operation> = new Set([
  'newAccount',
  'newOrder',
  'order',
  'finalize',
  'newAuthz',
  'authorization',
  'challenge',
  'certificate',
  'renewalInfo',
])

/** Amp's lines with `more`: what Amp left out, and the operations it did not know. */
export const ampPlusFormat: Format = {
  needs: (operation) => ({
    payload: PAYLOAD_NEEDED.has(operation),
    answer: ANSWER_NEEDED.has(operation),
  }),
  line(exchange, contents, context) {
    const operation = operationOf(exchange)
    const known = AMP_MESSAGES[operation]
    const params =
      known === undefined
        ? {
            ...commonParams(exchange, context),
            account: pathOf(exchange.outcome.account ?? exchange.intent.account),
            status: exchange.outcome.objectStatus ?? '',
            code: exchange.outcome.status ?? 0,
          }
        : ampParams(exchange, contents, context)
    const line = envelope(known ?? MORE_MESSAGES[operation] ?? 'other', params, exchange, context)
    return JSON.stringify({
      ...line,
      more: { ...common(exchange), ...special(operation, exchange, contents) },
    })
  },
}

function common(exchange: EndedRecord) {
  const { id, intent, outcome, personal } = exchange
  return {
    exchange: id,
    issuance: outcome.issuance ?? intent.issuance,
    at: isoTime(intent.at),
    instance: intent.instance ?? '',
    mode: intent.mode,
    ca: intent.ca,
    operation: operationOf(exchange),
    outcome: outcome.outcome,
    ...(personal.proxyUser === undefined ? {} : { proxyUser: personal.proxyUser }),
    ...present({
      decision: isQuiet(intent.decision) ? null : intent.decision,
      problem: shown(outcome.problem),
      validationError: shown(outcome.objectError),
      failure: outcome.failure,
      retryAfter: outcome.retryAfter,
      thumbprint: intent.jws?.thumbprint ?? null,
      signature: intent.jws?.verdict ?? null,
      tunnel: outcome.tunnel ?? null,
      source: outcome.source ?? null,
    }),
    // µs
    durations: { total: outcome.durationTotal, ca: outcome.durationCa, waited: outcome.waited ?? null },
    bytes: { request: intent.request.bytes, answer: outcome.body?.bytes ?? 0 },
  }
}

/** It let the request pass, and no rule of a policy warned. */
function isQuiet(decision: EndedRecord['intent']['decision']): boolean {
  return decision.effect === 'allow' && warningsOf(decision).length === 0
}

function special(operation: Operation, exchange: EndedRecord, { payload, answer, answerBytes }: Contents) {
  switch (operation) {
    case 'newOrder':
      return present({
        profile: readOrder(answer).profile ?? profileOf(payload),
        replaces: replacesOf(payload),
        expires: readOrder(answer).expires,
      })
    case 'order':
      return present({ profile: readOrder(answer).profile, expires: readOrder(answer).expires })
    case 'finalize':
      return present({ csr: requestFacts(csrOf(payload)), profile: readOrder(answer).profile })
    case 'authorization':
    case 'newAuthz':
      return {
        identifier: readAuthorization(answer).identifier,
        challenges: readAuthorization(answer).challenges.map(challengeFacts),
      }
    case 'challenge':
      return { challenge: challengeFacts(readChallenge(answer)), identifiers: identifiersOf(exchange) }
    case 'certificate':
      return present({
        certificate: exchange.outcome.status === 200 ? certificateFacts(answerBytes) : null,
        identifiers: identifiersOf(exchange),
      })
    case 'revokeCert':
      return present({ certificate: certificateFacts(certificateOf(payload)), reason: reasonOf(payload) })
    case 'renewalInfo':
      return { ari: renewalFacts(answer), certificateId: exchange.intent.request.target.split('/').at(-1) }
    case 'account':
      return present({ requested: stringMember(payload, 'status') })
    case 'tunnel':
      return { target: exchange.intent.request.target }
    case 'unrecognised':
      return { method: exchange.intent.request.method, target: exchange.intent.request.target }
    default:
      return {}
  }
}

function challengeFacts({ type, url, status, error }: Challenge) {
  return {
    type,
    path: pathOf(url),
    status,
    error: error && {
      type: error.type,
      detail: error.detail,
      subproblems: error.subproblems,
    },
  }
}

/** RFC 9773 §4.2. */
function renewalFacts(answer: unknown) {
  const window = member(answer, 'suggestedWindow')
  return {
    start: stringMember(window, 'start'),
    end: stringMember(window, 'end'),
    explanation: stringMember(answer, 'explanationURL', 2048),
  }
}

/** RFC 5280 §5.3.1. */
function reasonOf(payload: unknown): number | null {
  const reason = member(payload, 'reason')
  return typeof reason === 'number' ? reason : null
}

function shown(problem: RecordedProblem | null): object | null {
  if (problem === null) return null
  const { type, detail } = problem
  const subproblems = listMember(problem, 'subproblems', (one) => one)
  return { type, detail, ...(subproblems.length > 0 ? { subproblems } : {}) }
}

function present(members: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null))
}
