import { readCertificateChain, readLeaf } from '../../../acme/certificate.ts'
import { asObject } from '../../../acme/json.ts'
import { member, stringMember } from '../../../acme/members.ts'
import { certificateOf } from '../../../acme/payloads.ts'
import { problemShortName } from '../../../acme/problem-types.ts'
import type { EventContent, ImportedCertificate } from '../../event.ts'
import type { CertificateChange, RenewalWindowChange, RevocationChange } from './change.ts'
import { answerOf, operationOf, type Seen, succeeded, timeOf } from './seen.ts'

/** RFC 8555 §7.4.2: a certificate that was downloaded, whichever of its chains. */
export function certificateChange(seen: Seen): CertificateChange | null {
  const { intent, outcome, answer } = seen
  if (operationOf(seen) !== 'certificate' || answer === null || !succeeded(seen)) return null
  const chain = readCertificateChain(answer)
  return (
    chain && {
      object: 'certificate',
      chain,
      url: outcome.certificate ?? intent.certificate,
      order: outcome.order ?? intent.order,
      body: outcome.body?.stored ?? null,
      imported: null,
    }
  )
}

/** One certificate of an event `imported`; `pem` is what was kept of its chain. */
export function importedCertificate(
  event: Extract<EventContent, { event: 'imported' }>,
  at: number,
  { chain: body, path, ca }: ImportedCertificate,
  pem: Buffer | null,
): CertificateChange | null {
  const chain = pem && readCertificateChain(pem)
  const { host, unmanaged } = event
  return (
    chain && {
      object: 'certificate',
      chain,
      url: null,
      order: null,
      body,
      imported: { host, path, at, unmanaged, ca },
    }
  )
}

/** RFC 8555 §7.6: signed for an account, or by the key of the certificate itself. */
export function revocationChange(seen: Seen): RevocationChange | null {
  const { intent, outcome, payload } = seen
  if (operationOf(seen) !== 'revokeCert' || outcome.outcome !== 'response') return null
  const before = outcome.problem !== null && problemShortName(outcome.problem.type) === 'alreadyRevoked'
  if (!succeeded(seen) && !before) return null
  const der = certificateOf(payload)
  const leaf = der && readLeaf(der)
  const reason = asObject(payload)?.reason
  return (
    leaf && {
      object: 'revocation',
      leaf,
      reason: !before && typeof reason === 'number' && Number.isInteger(reason) ? reason : null,
      by: before ? null : intent.jws?.kid ? 'account' : 'certificateKey',
    }
  )
}

/** RFC 9773 §4.2. */
export function renewalWindowChange(seen: Seen): RenewalWindowChange | null {
  if (operationOf(seen) !== 'renewalInfo' || !succeeded(seen)) return null
  const ariId = /\/([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)(?:\?.*)?$/.exec(seen.intent.request.target)?.[1]
  const answer = answerOf(seen)
  const suggested = member(answer, 'suggestedWindow')
  const start = timeOf(stringMember(suggested, 'start'))
  const end = timeOf(stringMember(suggested, 'end'))
  if (ariId === undefined || start === null || end === null) return null
  return {
    object: 'renewalWindow',
    ariId,
    start,
    end,
    explanation: stringMember(answer, 'explanationURL', 2048),
  }
}
