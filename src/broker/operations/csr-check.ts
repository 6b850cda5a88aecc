import type { CertificateRequest } from '../../acme/certificate-request.ts'
import { csrOf } from '../../acme/payloads.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import { csrFaults } from '../../policy/csr-faults.ts'
import type { BrokerStore } from '../broker-store.ts'
import type { BrokerAccount, BrokerOrder } from '../objects.ts'

/** Bits; what no public CA takes (CA/Browser Forum BR §6.1.5). */
const SMALLEST_RSA = 2048
/** A detail is one line. */
const MOST_TOLD = 3

/** The CSR as it came, base64url. Throws AcmeProblem where there is none. */
export function csrTextOf(payload: unknown): string {
  const der = csrOf(payload)
  if (der === null)
    throw new AcmeProblem('badCSR', 'the request has no csr that is DER in base64url (RFC 8555 §7.4)')
  return der.toString('base64url')
}

/**
 * RFC 8555 §7.4: names exactly the order's, signed by its own key, a good one, which is no account's (RFC 8555 §11.1). Rejects
 * with AcmeProblem.
 */
export async function checkCsr(
  request: CertificateRequest | null,
  { identifiers }: BrokerOrder,
  { endpoint, thumbprint }: BrokerAccount,
  store: Pick<BrokerStore, 'accountByKey'>,
): Promise<void> {
  const faults = csrFaults(request, identifiers)
  if (request === null || faults.length > 0) throw badCsr(faults)
  const { key, signature } = request
  if (signature.verified !== true) throw badCsr(['its signature cannot be checked'])
  if (key.type === 'RSA' && (key.size ?? 0) < SMALLEST_RSA)
    throw badCsr([`its RSA key has ${key.size} bits; ${SMALLEST_RSA} are needed`])
  const isAccountKey =
    key.thumbprint !== null &&
    (key.thumbprint === thumbprint || (await store.accountByKey(endpoint, key.thumbprint)) !== null)
  if (isAccountKey) throw badCsr(['Certificate public key must be different than account key'])
}

function badCsr(faults: readonly string[]): AcmeProblem {
  const more = faults.length - MOST_TOLD
  const told = faults.slice(0, MOST_TOLD).join('; ')
  return new AcmeProblem('badCSR', `Error finalizing order :: ${told}${more > 0 ? ` and ${more} more` : ''}`)
}
