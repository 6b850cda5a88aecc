import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import type { HappeningOf } from '../../audit/inventory/happening.ts'
import type { RuleName } from '../rule-names.ts'

type Failed = HappeningOf<'failed'>
type Teller = Extract<
  RuleName,
  'validation-failed' | 'issuance-failed' | 'limit-hit' | 'account-paused' | 'refused'
>

/** Requests on the way to a certificate. What fails beside it keeps nobody from one. */
const ON_THE_WAY: ReadonlySet<string> = new Set([
  'newAccount',
  'newOrder',
  'newAuthz',
  'order',
  'authorization',
  'challenge',
  'finalize',
  'certificate',
])

/** Of an old object a client asks once more, then goes on with another: only these want one that is there. */
const WANT_THEIR_OBJECT: ReadonlySet<string> = new Set(['newOrder', 'finalize', 'certificate'])

/**
 * Which one rule tells of a failure, so that one trouble is one alert; null: nobody is told, because clients in good
 * order come by it and go on, or because another rule tells when it lasts.
 */
export function tellerOf(failed: Failed): Teller | null {
  const name = failed.diagnosis.class
  if (name === 'account-paused') return 'account-paused'
  if (name === 'policy-denied') return 'refused'
  // A `limited` comes with it.
  if (name === 'rate-limit' || name === 'ca-busy' || failed.diagnosis.details.rule === 'paced-out')
    return 'limit-hit'
  if (failed.outcome === 'refused') return 'refused'
  if (failed.validation) return 'validation-failed'
  if (!ON_THE_WAY.has(failed.operation ?? '') || isPassing(name, failed)) return null
  return 'issuance-failed'
}

/** Clients get over it by themselves. */
function isPassing(name: DiagnosisClass, { operation, problem, shownBy }: Failed): boolean {
  switch (name) {
    // RFC 8555 §6.5: the client takes the new nonce and asks again. Many in a row are told by `issuance-failed`.
    case 'bad-nonce':
      return false
    // RFC 9773 §5: the client orders without `replaces`.
    case 'replaces-refused':
      return true
    // Finalized twice, or after the validation failed, which was told.
    case 'order-not-ready':
      return true
    case 'already-revoked':
      return true
    // Orders and authorizations are dropped in time; a client that polls an old one orders anew.
    case 'not-found':
      return !WANT_THEIR_OBJECT.has(operation ?? '')
    // RFC 8555 §6.2: the answer names the algorithms that do, and the client takes one.
    case 'bad-signature':
      return problem?.type.endsWith(':badSignatureAlgorithm') === true
    // The client or acmetap went away in the midst of it. The client asks again.
    case 'interrupted':
      return true
    // acmetap had no room or no record: `record-unwritable` and `record-lagging` tell why.
    case 'acmetap-busy':
      return true
    // Clients come again; `ca-down` tells when it is more than one request. An order that failed by it is lost.
    case 'ca-internal':
      return shownBy !== 'order'
    case 'ca-unreachable':
      return true
    default:
      return false
  }
}
