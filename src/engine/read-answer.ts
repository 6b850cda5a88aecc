import { readStrictJson } from '../acme/json.ts'
import { parseLinks } from '../acme/link-headers.ts'
import { isJsonObject, stringMember, textMember } from '../acme/members.ts'
import { problemShortName, problemUrn } from '../acme/problem-types.ts'
import { type Problem, readProblem } from '../acme/response-objects.ts'
import { retryAfterSeconds } from '../acme/retry-after.ts'
import type {
  Completed,
  Destination,
  FailureCause,
  FieldList,
  ObservedResponse,
} from '../exchange/exchange.ts'
import type { AcmeAnswer } from './acme-answer.ts'
import { resolved } from './ca-url.ts'
import { EngineError } from './engine-error.ts'
import { oneLine } from './one-line.ts'

/**
 * What an exchange came to. Where it was no success, `again` says what may be tried: `nonce`, the same with another
 * nonce, which is always right (RFC 8555 §6.5); `later`, the same after a pause, where repeating it does no harm.
 */
export type Reading =
  | { readonly answer: AcmeAnswer }
  | { readonly error: EngineError; readonly again: 'nonce' | 'later' | null }

/** Seconds. Below, the CA would be hammered; above, a certificate would end before anybody looks again. */
const RETRY_AFTER = { least: 1, most: 86_400 }

/** Relations that RFC 8555 has a use for (§7.1, §7.4.2, §7.1.2.1): they are about the object, not about what is wrong. */
const OF_PROTOCOL = new Set(['index', 'up', 'next', 'alternate'])
const MOST_LINKS = 5

/** Causes that may be gone in a moment. A bad certificate or a forbidden address is not. */
const PASSING = new Set<FailureCause>([
  'connectRefused',
  'connectTimeout',
  'nameNotResolved',
  'reset',
  'responseTimeout',
])

/** `limit`: bytes of the decoded body. `now`: ms since 1970. Never throws. */
export function readAnswer(completed: Completed, limit: number, now: number): Reading {
  const { outcome, destination, id, decision } = completed
  if (outcome.kind === 'refused') {
    const retryAfter = decision.effect === 'deny' ? (decision.retryAfter ?? null) : null
    return { error: refusal(outcome.problem.detail, id, retryAfter), again: null }
  }
  if (outcome.kind === 'failed') {
    const { cause, message } = outcome.failure
    const error = new EngineError(
      'network',
      `no answer of the CA ${JSON.stringify(destination!.ca)} to ${whatOf(completed)}: ${oneLine(message)}`,
      { exchange: id },
    )
    return { error, again: PASSING.has(cause) ? 'later' : null }
  }
  const { response } = outcome
  try {
    return { answer: successOf(completed, destination!, response, limit, now) }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return { error, again: againAfter(error) }
  }
}

/** acmetap itself refused: `text` names the rule. `retryAfter`: seconds, where it may be otherwise then. */
export function refusal(text: string, exchange: string, retryAfter: number | null): EngineError {
  return new EngineError('refused', oneLine(text, 1000), { exchange, retryAfter })
}

function againAfter({ problem, status }: EngineError): 'nonce' | 'later' | null {
  if (problem?.type === problemUrn('badNonce')) return 'nonce'
  return status !== null && (status >= 500 || status === 429) ? 'later' : null
}

function successOf(
  completed: Completed,
  destination: Destination,
  response: ObservedResponse,
  limit: number,
  now: number,
): AcmeAnswer {
  const { status, fields, decoded } = response
  const { id, request } = completed
  const retryAfter = retryAfterOf(fields, now)
  const wrong = (says: string) =>
    new EngineError(
      'protocol',
      `the CA ${JSON.stringify(destination.ca)} answered ${whatOf(completed)} ${says}`,
      { status, exchange: id, retryAfter },
    )
  if (decoded === null) throw wrong('with a body that cannot be decoded within bounds')
  if (decoded.length > limit) throw wrong(`with ${decoded.length} bytes, more than the ${limit} it may have`)
  const json = isJson(fields) ? readStrictJson(decoded, 'body').value : undefined
  if (status < 200 || status > 299) {
    const problem = problemOf(json)
    if (problem !== null) throw problemError(completed, destination, problem, { status, fields }, retryAfter)
    if (status >= 300 && status < 400) throw wrong(`with a redirect (HTTP ${status}), which is not followed`)
    throw wrong(`with HTTP ${status} and no problem document`)
  }
  const location = fieldOf(fields, 'location')
  const url = `https://${destination.authority}${request.target}`
  return {
    exchange: id,
    status,
    fields,
    body: decoded,
    json,
    location: location === null ? null : resolved(location, url, destination, 'Location'),
    retryAfter,
  }
}

function problemError(
  completed: Completed,
  { ca }: Destination,
  problem: Problem,
  { status, fields }: Pick<ObservedResponse, 'status' | 'fields'>,
  retryAfter: number | null,
): EngineError {
  const type = problem.type === null ? '' : ` (${oneLine(problemShortName(problem.type), 100)})`
  const detail = problem.detail === null ? `HTTP ${status}` : oneLine(problem.detail)
  const names = problem.subproblems
    .slice(0, 5)
    .map(({ identifier, detail: why }) => `; ${oneLine(`${identifier?.value ?? 'one'}: ${why ?? ''}`, 200)}`)
  const more = problem.subproblems.length > 5 ? `; and ${problem.subproblems.length - 5} more` : ''
  return new EngineError(
    'problem',
    `the CA ${JSON.stringify(ca)} refused ${whatOf(completed)}: ${detail}${type}${names.join('')}${more}`,
    { problem, status, retryAfter, exchange: completed.id, links: linksOf(fields) },
  )
}

/** Null where it says neither what kind it is of nor what is wrong. */
function problemOf(json: unknown): Problem | null {
  if (!isJsonObject(json)) return null
  if (stringMember(json, 'type', 2048) === null && textMember(json, 'detail') === null) return null
  return readProblem(json)
}

/** Links that say where to read more (RFC 8288), each as a value of its own. Relative ones lead nowhere for others. */
function linksOf(fields: FieldList): readonly string[] {
  const values = fields.filter(([name]) => name === 'link').map(([, value]) => value)
  return parseLinks(values)
    .filter(
      ({ uri, rel }) => /^https:\/\/[!-;=?-~]+$/.test(uri) && !rel.some((type) => OF_PROTOCOL.has(type)),
    )
    .slice(0, MOST_LINKS)
    .map(({ uri, rel }) => {
      const types = rel.filter((type) => /^[a-z0-9.:/-]{1,100}$/.test(type)).join(' ')
      return types === '' ? `<${uri}>` : `<${uri}>;rel="${types}"`
    })
}

/** In words of RFC 8555, where the answer of a CA has told us. */
function whatOf({ operation, request }: Completed): string {
  return operation === 'unrecognised' ? `${request.method} ${oneLine(request.target, 200)}` : operation
}

/** The first field of that name (lower case). */
export function fieldOf(fields: FieldList, name: string): string | null {
  return fields.find(([known]) => known === name)?.[1] ?? null
}

/** RFC 8555 §6.7 and RFC 9457 §3; an answer that does not say what it is may be JSON. */
function isJson(fields: FieldList): boolean {
  const type = fieldOf(fields, 'content-type')
  return type === null || /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type)
}

function retryAfterOf(fields: FieldList, now: number): number | null {
  const value = fieldOf(fields, 'retry-after')
  const seconds = value === null ? null : retryAfterSeconds(value, now)
  return seconds === null ? null : Math.min(Math.max(seconds, RETRY_AFTER.least), RETRY_AFTER.most)
}
