import { readCsr } from '../../../acme/csr.ts'
import { stringMember } from '../../../acme/members.ts'
import { csrOf, profileOf, replacesOf } from '../../../acme/payloads.ts'
import { readOrder } from '../../../acme/response-objects.ts'
import type { OrderChange, RequestedCertificate } from './change.ts'
import { answerOf, operationOf, type Seen, succeeded, timeOf, toldError } from './seen.ts'

/** RFC 8555 §7.1.3: what a newOrder, an order or a finalize says of its order; null where it is none of these. */
export function orderChange(seen: Seen): OrderChange | null {
  const { outcome, payload } = seen
  const operation = operationOf(seen)
  if (operation !== 'newOrder' && operation !== 'order' && operation !== 'finalize') return null
  const url = outcome.order ?? seen.intent.order
  if (url === null || outcome.outcome !== 'response') return null
  if (!succeeded(seen)) return operation === 'finalize' ? refusedFinalize(seen, url) : null
  const said = readOrder(answerOf(seen))
  const isNew = operation === 'newOrder'
  return {
    object: 'order',
    url,
    requested: isNew,
    identifiers:
      said.identifiers.length > 0
        ? said.identifiers
        : outcome.identifiers.length > 0
          ? outcome.identifiers
          : seen.intent.identifiers,
    status: said.status ?? outcome.objectStatus,
    // When the order is dropped, not when a certificate expires.
    expires: timeOf(said.expires),
    profile: said.profile ?? (isNew ? profileOf(payload) : null),
    replaces: isNew ? bounded(replacesOf(payload)) : null,
    notBefore: isNew ? timeOf(stringMember(payload, 'notBefore')) : null,
    notAfter: isNew ? timeOf(stringMember(payload, 'notAfter')) : null,
    csr: operation === 'finalize' ? requestedCertificate(seen) : null,
    certificateUrl: said.certificate ?? outcome.certificate,
    finalizedAt: operation === 'finalize' ? outcome.at : null,
    error: toldError(outcome.objectError),
    authorizations: said.authorizations,
  }
}

/** The order stands as it stood; what was asked for is worth knowing all the same. */
function refusedFinalize(seen: Seen, url: string): OrderChange | null {
  const csr = requestedCertificate(seen)
  return (
    csr && {
      object: 'order',
      url,
      requested: false,
      identifiers: [],
      status: null,
      expires: null,
      profile: null,
      replaces: null,
      notBefore: null,
      notAfter: null,
      csr,
      certificateUrl: null,
      finalizedAt: null,
      error: null,
      authorizations: [],
    }
  )
}

function requestedCertificate({ payload, intent }: Seen): RequestedCertificate | null {
  const der = csrOf(payload)
  const read = der && readCsr(der)
  return read && { ...read, exchange: intent.exchange }
}

/** An identifier of a certificate is far shorter. */
function bounded(text: string | null): string | null {
  return text !== null && text.length <= 256 ? text : null
}
