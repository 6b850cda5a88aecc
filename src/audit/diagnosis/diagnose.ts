import { isIP } from 'node:net'
import { PROBLEM_TYPES } from '../../acme/problem-types.ts'
import type { DiagnosisClass } from './classes.ts'
import { boundedDetails, describe } from './describe.ts'
import type { Diagnosis, Symptom } from './diagnosis.ts'
import {
  addressIn,
  type Details,
  hostOf,
  isInternal,
  pageIn,
  resolverIn,
  shapeOf,
  untilIn,
  urlIn,
} from './facts-in-text.ts'
import { type Match, match, REQUEST_FIRST, VALIDATION_FIRST } from './match.ts'
import { type NormalText, normalise } from './normalise.ts'
import { BY_FAILURE, BY_RULE } from './table/acmetap.ts'
import { BY_TYPE } from './table/problem-types.ts'

export { describe } from './describe.ts'

/**
 * Why an exchange, or the object it showed, failed; null where nothing is wrong. Runs for every exchange: what is well
 * costs a few comparisons. Never throws; the same symptom gives the same diagnosis.
 *
 * `details` are told by the text: `address`, `url`, `name`, `record`, `rcode`, `status`, `limit`, `key`, `until` …
 * `shape` is there where no row of the table fits, so that such texts can be counted.
 */
export function diagnose(symptom: Symptom): Diagnosis | null {
  const { outcome, status, problem } = symptom
  switch (outcome) {
    case 'response':
      if (problem !== null) return ofProblem(symptom, problem.type, problem.detail ?? '')
      return status === null || status < 400 || symptom.operation === 'tunnel'
        ? null
        : ofStatus(symptom, status)
    case 'refused': {
      const rule = symptom.rule ?? 'unknown'
      if (symptom.isPolicy) return ofPolicy(rule, symptom)
      const found = Object.hasOwn(BY_RULE, rule) ? BY_RULE[rule]! : 'refused-by-acmetap'
      return told(found, { rule })
    }
    case 'failed': {
      const failure = symptom.failure ?? 'unknown'
      return told(Object.hasOwn(BY_FAILURE, failure) ? BY_FAILURE[failure]! : 'ca-unreachable', { failure })
    }
    case 'unknown':
      return told('interrupted', { outcome })
    case 'notSent':
      return told('acmetap-busy', { outcome })
    default:
      return null
  }
}

/** What cannot be told for want of the CA's directory is answered with 503; anything else is a policy's no. */
function ofPolicy(rule: string, { status }: Symptom): Diagnosis {
  return told(status === 503 ? 'ca-unreachable' : 'policy-denied', { rule })
}

/** An answer that is no problem document. */
function ofStatus({ operation }: Symptom, status: number): Diagnosis {
  const details = { status: String(status) }
  if (status === 429 || status === 503) return told('ca-busy', details)
  if (status >= 500) return told('ca-internal', details)
  const isFixed = operation === 'directory' || operation === 'newNonce'
  if (isFixed || (status !== 404 && status !== 410)) return told('ca-answer', details)
  // Nothing of the CA was ever seen to name this URL.
  return told('not-found', operation === 'unrecognised' ? { ...details, url: 'unknown' } : details)
}

function ofProblem(symptom: Symptom, urn: string, detail: string): Diagnosis | null {
  const type = shortNameOf(urn)
  // RFC 8555 §7.3.1: how a client asks whether it has an account.
  if (type === 'accountDoesNotExist' && symptom.operation === 'newAccount') return null
  const normal = normalise(detail)
  const { text, secondary } = normal
  const isValidation = symptom.challengeType !== null || symptom.status === null || symptom.status < 400
  const found = match(text, type, symptom, isValidation ? VALIDATION_FIRST : REQUEST_FIRST)
  const { class: name, details } = refine(found ?? byType(symptom, type, urn, text), normal, symptom)
  if (!secondary) return told(name, details)
  return told('secondary-validation', {
    inner: name,
    ...details,
    ...(details.inner && { within: details.inner }),
  })
}

/** Without the prefix, old servers' `urn:acme:error:` included, in the usual spelling; '' for what is no type we know. */
function shortNameOf(urn: string): string {
  const short = urn
    .trim()
    .slice(0, 200)
    .replace(/^urn:(?:ietf:params:)?acme:error:/i, '')
  return KNOWN_TYPES.get(short.toLowerCase()) ?? ''
}

const KNOWN_TYPES = new Map(
  [...Object.keys(PROBLEM_TYPES), ...Object.keys(BY_TYPE)].map((name) => [name.toLowerCase(), name]),
)

function byType(symptom: Symptom, type: string, urn: string, text: string): Match {
  const shape = shapeOf(text)
  if (symptom.wildcard && (symptom.challengeType === 'http-01' || symptom.challengeType === 'tls-alpn-01'))
    return { class: 'wildcard-without-dns', details: { shape } }
  const validated = symptom.challengeType !== null && (type === 'malformed' || type === 'serverInternal')
  const known = !validated && Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type]! : 'unclassified'
  const busy = type === 'rateLimited' && symptom.status === 503
  return {
    class: busy ? 'ca-busy' : known,
    details: { ...(known === 'rate-limit' && !busy && { limit: 'unknown' }), type: urn.slice(0, 200), shape },
  }
}

/** Classes whose neighbour a page, an address or a status in the text gives away. */
function refine(found: Match, normal: NormalText, symptom: Symptom): Match {
  const details: Details = { ...found.details }
  let name = found.class
  const url = urlIn(normal.text)
  if (FETCHED.has(name)) {
    details.address ??= addressIn(normal) ?? undefined
    details.url ??= url ?? undefined
    const host = url === null ? null : hostOf(url)
    if (host !== null && isIP(host) === 0) details.name ??= host
  }
  if (normal.name !== null) details.name ??= normal.name
  if (ASKED.has(name)) details.resolver ??= resolverIn(normal.text) ?? undefined
  if (name === 'rate-limit' || name === 'ca-busy' || name === 'account-paused') {
    details.until = untilIn(normal.text) ?? undefined
  }
  if (name === 'http-not-found') details.status = '404'
  if (name === 'http-status' && details.status === '404') name = 'http-not-found'
  if (name === 'wrong-body') name = ofBody(details)
  if (name === 'split-horizon' || !FETCHED.has(name)) return { class: name, details: clean(name, details) }
  const { address } = details
  if (address !== undefined) {
    const direct = !/\b(?:dial|read|write) tcp\b/i.test(normal.text)
    if (direct && !symptom.lookedHere && isInternal(address))
      return { class: 'split-horizon', details: { ...details, inner: name } }
    if (isIP(address) === 6 && MISSED.has(name))
      return { class: 'wrong-aaaa', details: { ...details, inner: name } }
  }
  if (name === 'wrong-body' && symptom.challengeType === 'dns-01') name = 'txt-wrong'
  return { class: name, details }
}

/** What came instead of the key authorization. */
function ofBody(details: Details): DiagnosisClass {
  const { body, expected } = details
  delete details.body
  delete details.expected
  if (body === undefined) return 'wrong-body'
  const page = pageIn(body)
  if (page !== null) {
    details.server = page
    return 'other-server'
  }
  const [token] = (expected ?? '').split('.')
  if (token && body.startsWith(`${token}.`)) details.why = 'another account'
  return 'wrong-body'
}

function clean(name: DiagnosisClass, details: Details): Details {
  if (name === 'rate-limit' && details.key !== undefined) details.key = details.key.toLowerCase()
  return details
}

/** Classes of a fetch by the CA, whose texts name an address and a URL. */
const FETCHED: ReadonlySet<DiagnosisClass> = new Set([
  'firewall',
  'slow-server',
  'connection-refused',
  'connection-reset',
  'network-unreachable',
  'http-not-found',
  'http-status',
  'wrong-body',
  'other-server',
  'redirect-loop',
  'bad-redirect',
  'tls-on-http-port',
  'alpn',
])

/** Classes of a query by the CA. */
const ASKED: ReadonlySet<DiagnosisClass> = new Set([
  'nxdomain',
  'servfail',
  'dns-timeout',
  'dnssec',
  'dns-failure',
])

/** Classes of a fetch that an AAAA record of another host brings about. */
const MISSED: ReadonlySet<DiagnosisClass> = new Set([
  'firewall',
  'connection-refused',
  'connection-reset',
  'network-unreachable',
  'http-not-found',
  'http-status',
  'wrong-body',
  'other-server',
])

function told(name: DiagnosisClass, details: Details): Diagnosis {
  return describe(name, boundedDetails(details))
}
