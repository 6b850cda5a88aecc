import type { Identifier } from '../acme/identifier.ts'
import { arrayMember, booleanMember, member, stringsMember } from '../acme/members.ts'
import { type Problem, readAuthorization, readChallenge } from '../acme/response-objects.ts'
import type { Signer } from './account-key.ts'
import type { AcmeAnswer } from './acme-answer.ts'
import { type AcmeSession, wrongAnswer } from './acme-session.ts'

const AUTHORIZATION_STATUSES = ['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked'] as const
export type AuthorizationStatus = (typeof AUTHORIZATION_STATUSES)[number]

/** A challenge as offered (RFC 8555 §8); its type may be one we know nothing of. */
export interface OfferedChallenge {
  readonly type: string
  readonly url: string
  readonly status: 'pending' | 'processing' | 'valid' | 'invalid'
  /** Empty for types without one (dns-persist-01). */
  readonly token: string
  /** draft-ietf-acme-dns-persist; empty for all other types. */
  readonly issuerDomainNames: readonly string[]
  readonly error: Problem | null
}

/** RFC 8555 §7.1.4, within bounds. */
export interface AuthorizationObject {
  readonly url: string
  readonly status: AuthorizationStatus
  /** Without `*.`, which `wildcard` says. */
  readonly identifier: Identifier
  readonly wildcard: boolean
  readonly challenges: readonly OfferedChallenge[]
  /** µs since 1970; null where the CA does not say. */
  readonly expires: number | null
  /** Seconds, within bounds; null where the CA said nothing. */
  readonly retryAfter: number | null
  /** Exchange that showed it. */
  readonly exchange: string
}

const MOST_CHALLENGES = 50
/** What can be in an order of ours: it is told to people before it is compared. */
const NAME = /^[\x21-\x7e]{1,255}$/
const CHALLENGE_STATUSES = ['pending', 'processing', 'valid', 'invalid'] as const

/** POST-as-GET (RFC 8555 §7.5). */
export async function fetchAuthorization(
  session: AcmeSession,
  signer: Signer,
  url: string,
  signal: AbortSignal,
): Promise<AuthorizationObject> {
  return authorizationObject(session, await session.post(url, '', signer, { signal }), url)
}

/** RFC 8555 §7.5.2: the account gives up what it was authorized for, or a pending attempt. */
export async function deactivateAuthorization(
  session: AcmeSession,
  signer: Signer,
  url: string,
  signal: AbortSignal,
): Promise<AuthorizationObject> {
  const answer = await session.post(url, { status: 'deactivated' }, signer, { signal })
  return authorizationObject(session, answer, url)
}

/**
 * Throws EngineError (`protocol`) for what is no authorization. Challenges that are no challenges, or whose token is none
 * (RFC 8555 §8.3: base64url of 128 bits at least), are left out: what a token says goes into files and the DNS.
 */
export function authorizationObject(
  session: AcmeSession,
  answer: AcmeAnswer,
  url: string,
): AuthorizationObject {
  const { json } = answer
  const read = readAuthorization(json)
  const status = AUTHORIZATION_STATUSES.find((word) => word === read.status)
  if (status === undefined || read.identifier === null || !NAME.test(read.identifier.value))
    throw wrongAnswer(session, answer, 'answers with something that is no authorization')
  const { type, value } = read.identifier
  const hasStar = type === 'dns' && value.startsWith('*.')
  const expires = Date.parse(read.expires ?? '')
  return {
    url,
    status,
    identifier: { type, value: hasStar ? value.slice(2) : value },
    wildcard: hasStar || booleanMember(json, 'wildcard'),
    challenges: arrayMember(json, 'challenges')
      .slice(0, MOST_CHALLENGES)
      .map(offeredChallenge)
      .filter((offered) => offered !== null),
    expires: Number.isNaN(expires) ? null : expires * 1000,
    retryAfter: answer.retryAfter,
    exchange: answer.exchange,
  }
}

/** Null for what is none. */
export function offeredChallenge(value: unknown): OfferedChallenge | null {
  const { type, url, token, error, ...read } = readChallenge(value)
  // draft-ietf-acme-dns-persist and others: no status is that of one nobody has answered.
  const status = CHALLENGE_STATUSES.find((word) => word === (read.status ?? 'pending'))
  if (type === null || url === null || status === undefined) return null
  const hasToken = member(value, 'token') !== undefined
  if (hasToken && !isToken(token ?? '')) return null
  if (!hasToken && type !== 'dns-persist-01') return null
  const issuerDomainNames = stringsMember(value, 'issuer-domain-names', 253).slice(0, 10)
  return { type, url, status, token: hasToken ? token! : '', issuerDomainNames, error }
}

function isToken(text: string): boolean {
  return /^[A-Za-z0-9_-]{22,256}$/.test(text)
}
