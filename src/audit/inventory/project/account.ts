import { asObject } from '../../../acme/json.ts'
import { externalAccountBindingOf, innerJws } from '../../../acme/payloads.ts'
import { problemShortName } from '../../../acme/problem-types.ts'
import { thumbprintOf } from '../../../acme/thumbprint.ts'
import type { AccountChange } from './change.ts'
import { MAX_URL, operationOf, type Seen, signerOf, succeeded } from './seen.ts'

/**
 * Problems that a CA tells only to an account it knows, once the signature was right. Any other may answer a request
 * that names somebody else's account.
 */
const TOLD_TO_ACCOUNTS = new Set([
  'alreadyReplaced',
  'alreadyRevoked',
  'badCSR',
  'badRevocationReason',
  'caa',
  'connection',
  'dns',
  'incorrectResponse',
  'invalidContact',
  'invalidProfile',
  'orderNotReady',
  'rejectedIdentifier',
  'tls',
  'unsupportedContact',
  'unsupportedIdentifier',
  'userActionRequired',
])

/** Problems that may come before the signature was looked at. Boulder names the account it was said to be of even then. */
const TOLD_TO_ANYBODY = new Set([
  'accountDoesNotExist',
  'badNonce',
  'badPublicKey',
  'badSignatureAlgorithm',
  'malformed',
  'serverInternal',
  'unauthorized',
])

/**
 * Whether this exchange proves that the account that its request names is there and asked: we verified the signature,
 * or the CA answered as it answers accounts. A `kid` alone proves nothing: anybody can write one.
 */
export function provesAccount(seen: Pick<Seen, 'intent' | 'outcome'>): boolean {
  const { intent, outcome } = seen
  if (intent.operation === 'newAccount') return succeeded(seen)
  if (intent.jws?.verdict === 'verified') return true
  if (outcome.outcome !== 'response' || intent.jws === null) return false
  if (succeeded(seen)) return true
  if (intent.jws.verdict === 'invalid') return false
  const type = outcome.problem && problemShortName(outcome.problem.type)
  if (type === null || TOLD_TO_ANYBODY.has(type)) return false
  if (outcome.fields['boulder-requester'] !== undefined) return true
  if (type === 'rateLimited') return !/\bservice busy\b/i.test(outcome.problem?.detail ?? '')
  return TOLD_TO_ACCOUNTS.has(type)
}

/** RFC 8555 §7.3. Null where the exchange tells of no account. */
export function accountChange(seen: Seen): AccountChange | null {
  const { intent, outcome, payload } = seen
  const url = signerOf(seen)
  if (intent.ca === null || url === null || url.length > MAX_URL || !provesAccount(seen)) return null
  const operation = operationOf(seen)
  const requester = outcome.fields['boulder-requester']
  const isVerified = intent.jws?.verdict === 'verified'
  const plain: AccountChange = {
    object: 'account',
    url,
    status: null,
    thumbprint: isVerified ? (intent.jws?.thumbprint ?? null) : null,
    keyType: keyTypeOf(intent.jws?.alg),
    contacts: null,
    requester: typeof requester === 'string' ? requester : null,
    externalAccount: null,
    keyChangedAt: null,
  }
  if (!succeeded(seen)) return plain
  switch (operation) {
    case 'newAccount':
      return {
        ...plain,
        status: outcome.objectStatus,
        thumbprint: intent.jws?.thumbprint ?? null,
        // RFC 8555 §7.3.1: an account that was there already keeps what it has, whatever was asked.
        contacts: outcome.status === 201 ? contactsOf(seen) : null,
        externalAccount:
          outcome.status === 201 ? (externalAccountBindingOf(payload)?.jws?.header.kid ?? null) : null,
      }
    case 'account':
      return { ...plain, status: outcome.objectStatus, contacts: contactsOf(seen) }
    case 'keyChange':
      return { ...plain, ...newKey(payload), keyChangedAt: outcome.at }
    default:
      return plain
  }
}

/** RFC 8555 §7.3.5: the key of the inner JWS signs from now on. */
function newKey(payload: unknown): Pick<AccountChange, 'thumbprint' | 'keyType'> {
  const header = innerJws(payload)?.jws?.header
  return {
    thumbprint: header?.jwk ? thumbprintOf(header.jwk) : null,
    keyType: keyTypeOf(header?.alg),
  }
}

/** Digests of the contacts that the request gave; null where it said nothing of contacts. */
function contactsOf({ intent, payload }: Seen): readonly string[] | null {
  const digests = Object.entries(intent.personal)
    .filter(([name]) => /^contact\.\d+$/.test(name))
    .sort(([a], [b]) => Number(a.slice(8)) - Number(b.slice(8)))
    .map(([, digest]) => digest)
  if (digests.length > 0) return digests
  return Array.isArray(asObject(payload)?.contact) || intent.operation === 'newAccount' ? [] : null
}

function keyTypeOf(algorithm: string | null | undefined): string | null {
  switch (algorithm) {
    case 'ES256':
      return 'P-256'
    case 'ES384':
      return 'P-384'
    case 'ES512':
      return 'P-521'
    case 'EdDSA':
      return 'Ed25519'
    default:
      return algorithm && /^[RP]S(256|384|512)$/.test(algorithm) ? 'RSA' : null
  }
}
