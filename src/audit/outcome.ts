import { hash } from 'node:crypto'
import { member } from '../acme/members.ts'
import { contactsOf } from '../acme/payloads.ts'
import {
  type Problem,
  readAccount,
  readAuthorization,
  readChallenge,
  readOrder,
  readProblem,
} from '../acme/response-objects.ts'
import { retryAfterSeconds } from '../acme/retry-after.ts'
import type { Completed, ObservedResponse } from '../exchange/exchange.ts'
import { identifiersOfAuthorization, linksOf, locationOf } from '../exchange/learn.ts'
import { parseJson } from '../exchange/parse-json.ts'
import { toldByAnswer } from '../exchange/told-by-answer.ts'
import { withoutPersons } from './persons.ts'
import type { Privacy } from './privacy.ts'
import type {
  BlobDraft,
  FactDraft,
  OutcomeContent,
  OutcomeKind,
  PersonalDraft,
  RecordedProblem,
} from './record.ts'
import {
  addressesIn,
  allowedFields,
  boundedLine,
  contactsIn,
  redactBody,
  redactText,
  withoutContacts,
} from './redaction.ts'
import { UNKNOWN_OUTCOME } from './unknown-outcome.ts'

const DETAIL_LIMIT = 4096

/** The second fact of an exchange: how it ended. */
export function outcomeFact(exchange: Completed, privacy: Privacy): FactDraft {
  const { outcome, completedAt, receivedAt } = exchange
  const durationTotal = completedAt.monotonic - receivedAt.monotonic
  const blobs: BlobDraft[] = []
  const personal: PersonalDraft[] = []
  let content: OutcomeContent
  switch (outcome.kind) {
    case 'response':
      content = {
        ...responseContent(
          toldByAnswer(exchange, outcome.response),
          outcome.response,
          privacy,
          blobs,
          personal,
        ),
        operation: shownOperation(exchange, outcome.response),
        durationCa: outcome.durationCa,
        source: outcome.source ?? 'ca',
        tunnel: outcome.tunnel ?? null,
      }
      break
    case 'refused': {
      const { status, subproblems = [], ...said } = outcome.problem
      const problem = recordedProblem({ ...said, subproblems }, [], withoutPersons(exchange))
      content = { ...UNKNOWN_OUTCOME, outcome: 'refused', status, problem }
      break
    }
    case 'failed': {
      const { type, detail, status } = outcome.problem
      const failure = {
        cause: outcome.failure.cause,
        message: boundedLine(redactText(outcome.failure.message), 512),
      }
      const problem = { type, detail, subproblems: [] }
      content = {
        ...UNKNOWN_OUTCOME,
        outcome: 'failed',
        status,
        failure,
        problem,
        durationCa: outcome.durationCa,
      }
      break
    }
  }
  return {
    kind: 'outcome',
    exchange: exchange.id,
    at: completedAt.wall,
    monotonic: completedAt.monotonic,
    content: { ...content, durationTotal, waited: exchange.turn.waited },
    blobs,
    personal,
  }
}

/** What can be said of an outcome without looking into it: for when {@link outcomeFact} fails. */
export function plainOutcome(exchange: Completed): FactDraft {
  const { outcome, completedAt, receivedAt } = exchange
  const status = outcome.kind === 'response' ? outcome.response.status : outcome.problem.status
  const fact = bareOutcome(exchange.id, outcome.kind, completedAt.wall, completedAt.monotonic)
  const durationTotal = completedAt.monotonic - receivedAt.monotonic
  return { ...fact, content: { ...fact.content, status, durationTotal } as OutcomeContent }
}

/** The outcome of an exchange nobody can say more of. */
export function bareOutcome(exchange: string, kind: OutcomeKind, at: number, monotonic: number): FactDraft {
  return {
    kind: 'outcome',
    exchange,
    at,
    monotonic,
    content: { ...UNKNOWN_OUTCOME, outcome: kind },
    blobs: [],
    personal: [],
  }
}

/** Null where the intent said it already. */
function shownOperation(exchange: Completed, response: ObservedResponse): string | null {
  const { operation } = toldByAnswer(exchange, response)
  return operation === exchange.operation ? null : operation
}

function responseContent(
  exchange: Completed,
  response: ObservedResponse,
  privacy: Privacy,
  blobs: BlobDraft[],
  personal: PersonalDraft[],
): OutcomeContent {
  const json = parseJson(response.decoded)
  const isProblem = response.status >= 400
  const problem = isProblem ? readProblem(json) : null
  const contacts = [
    ...contactsOf(exchange.inspection?.jws.payload),
    ...contactsIn(json),
    ...(problem ? [problem, ...problem.subproblems].flatMap(({ detail }) => addressesIn(detail)) : []),
  ]
  const location = locationOf(exchange, response.fields)
  const order = describesOrder(exchange, isProblem) ? readOrder(json) : null
  const { operation, resource } = exchange
  return {
    ...UNKNOWN_OUTCOME,
    outcome: 'response',
    status: response.status,
    fields: allowedFields(response.fields, 'response'),
    body: bodyContent(exchange, response, personsIn(exchange, json, contacts, privacy), blobs, personal),
    problem: problem && recordedProblem(problem, contacts),
    ...(isProblem ? {} : objectContent(exchange, json, contacts)),
    retryAfter: retryAfterOf(exchange, response),
    account: operation === 'newAccount' ? location : signedFor(exchange),
    issuance: operation === 'newOrder' ? exchange.id : (resource?.issuance ?? null),
    order: operation === 'newOrder' ? location : (resource?.order ?? orderToldBy(exchange, response)),
    authorization:
      operation === 'newAuthz'
        ? location
        : (resource?.authorization ?? authorizationToldBy(exchange, response)),
    challenge: operation === 'challenge' ? (resource?.url ?? null) : null,
    certificate: operation === 'certificate' ? (resource?.url ?? null) : (order?.certificate ?? null),
    identifiers: order?.identifiers ?? authorizedIdentifier(exchange, isProblem, json),
  }
}

/** Where nothing has named the order of a `finalize` URL before: `Location`, which CAs send with it. */
function orderToldBy(exchange: Completed, { status, fields }: ObservedResponse): string | null {
  return exchange.operation === 'finalize' && status < 300 ? locationOf(exchange, fields) : null
}

/** RFC 8555 §7.5.1: the answer for a challenge links up to its authorization. */
function authorizationToldBy(exchange: Completed, { status, fields }: ObservedResponse): string | null {
  return exchange.operation === 'challenge' && status < 300
    ? (linksOf(exchange, fields, 'up')[0] ?? null)
    : null
}

function signedFor({ inspection }: Completed): string | null {
  const kid = inspection?.jws.header.kid
  return kid === undefined ? null : redactText(kid)
}

function authorizedIdentifier({ operation }: Completed, isProblem: boolean, json: unknown) {
  if (isProblem || (operation !== 'authorization' && operation !== 'newAuthz')) return []
  return identifiersOfAuthorization(readAuthorization(json))
}

/**
 * Whether a body tells of a person, so that it has to be erasable, and whether that may be kept. An account object we
 * cannot read may name contacts all the same; some CAs put the address of its first request into one (`initialIp`).
 */
function personsIn(
  { operation }: Completed,
  json: unknown,
  contacts: readonly string[],
  privacy: Privacy,
): Persons {
  const isAccount = operation === 'newAccount' || operation === 'account'
  const unreadable = isAccount && json === undefined
  const named = contacts.length > 0 || unreadable
  const located = isAccount && (unreadable || member(json, 'initialIp') !== undefined)
  if (!named && !located) return 'none'
  const mayKeep = (!named || privacy.contact === 'keep') && (!located || privacy.address === 'keep')
  return mayKeep ? 'erasable' : 'left out'
}

type Persons = 'none' | 'erasable' | 'left out'

function describesOrder(exchange: Completed, isProblem: boolean): boolean {
  const { operation } = exchange
  return !isProblem && (operation === 'newOrder' || operation === 'order' || operation === 'finalize')
}

/** The body without its content coding and without credentials; `digest` is of the bytes on the wire, told where it can't be tried. */
function bodyContent(
  exchange: Completed,
  response: ObservedResponse,
  persons: Persons,
  blobs: BlobDraft[],
  personal: PersonalDraft[],
): OutcomeContent['body'] {
  const bytes = response.body.length
  if (bytes === 0) return null
  const kept = response.decoded ? redactBody(response.decoded, contentTypeOf(response)) : response.body
  if (persons !== 'none') {
    if (persons === 'erasable') personal.push({ name: 'responseBody', kind: 'body', value: kept })
    return { bytes, digest: null, stored: null }
  }
  const stored = hash('sha256', kept, 'buffer')
  const repeats = exchange.request.method !== 'POST' || exchange.operation === 'certificate'
  blobs.push({ digest: stored, bytes: kept, repeats })
  const digest = kept === response.body ? stored.toString('hex') : hash('sha256', response.body)
  return { bytes, digest, stored: stored.toString('hex') }
}

function contentTypeOf(response: ObservedResponse): string {
  return response.fields.find(([name]) => name === 'content-type')?.[1] ?? ''
}

/** How the object in a successful answer stands, and the first error it names. */
function objectContent(exchange: Completed, json: unknown, contacts: readonly string[]) {
  switch (exchange.operation) {
    case 'newAccount':
    case 'account':
      return { objectStatus: readAccount(json).status }
    case 'newOrder':
    case 'order':
    case 'finalize': {
      const { status, error } = readOrder(json)
      return { objectStatus: status, objectError: error && recordedProblem(error, contacts) }
    }
    case 'newAuthz':
    case 'authorization': {
      const { status, challenges } = readAuthorization(json)
      const error = challenges.find((challenge) => challenge.error)?.error ?? null
      return { objectStatus: status, objectError: error && recordedProblem(error, contacts) }
    }
    case 'challenge': {
      const { status, error } = readChallenge(json)
      return { objectStatus: status, objectError: error && recordedProblem(error, contacts) }
    }
    default:
      return {}
  }
}

/** `strike`: what else is taken out of its texts. */
function recordedProblem(
  problem: Problem,
  contacts: readonly string[],
  strike = (text: string) => text,
): RecordedProblem | null {
  if (problem.type === null && problem.detail === null) return null
  const clean = (text: string | null) =>
    text === null ? null : boundedLine(strike(withoutContacts(redactText(text), contacts)), DETAIL_LIMIT)
  return {
    type: problem.type ?? 'about:blank',
    detail: clean(problem.detail),
    subproblems: problem.subproblems.slice(0, 100).map((sub) => ({ ...sub, detail: clean(sub.detail) })),
  }
}

function retryAfterOf(exchange: Completed, response: ObservedResponse): number | null {
  const value = response.fields.find(([name]) => name === 'retry-after')?.[1]
  return value === undefined ? null : retryAfterSeconds(value, exchange.completedAt.wall / 1000)
}
