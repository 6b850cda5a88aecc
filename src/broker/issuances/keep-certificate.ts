import { type LeafFacts, readCertificateChain } from '../../acme/certificate.ts'
import { requestedSpki } from '../../acme/certificate-request.ts'
import { namesText } from '../../engine/wanted-names.ts'
import { type IssuedCertificate, IssuerError } from '../issuer.ts'
import { newObjectId } from '../object-id.ts'
import type { BrokerCertificate, BrokerOrder } from '../objects.ts'
import type { OpenOrders } from './open-orders.ts'

/** Makes the order valid with what its CA issued. */
export async function keepCertificate(
  open: OpenOrders,
  order: BrokerOrder,
  issued: IssuedCertificate,
  leaf: LeafFacts,
): Promise<BrokerOrder> {
  const now = Math.max(open.now().wall, order.changedAt + 1)
  const certificate = certificateOf(order, issued, leaf, now)
  const valid = { ...order, status: 'valid', certificate: certificate.id, changedAt: now } as const
  await open.failPoint('certificate.stored', 'before')
  await open.store.addCertificate(certificate, valid)
  await open.failPoint('certificate.stored', 'after')
  open.forget(order.id)
  return valid
}

/**
 * An issuer has looked whether it is what was asked for; it is looked at once more, since clients install what they are
 * given. Throws IssuerError (`wrong`).
 */
export function rightLeaf(
  { clock }: OpenOrders,
  order: BrokerOrder,
  { chains }: IssuedCertificate,
): LeafFacts {
  const { ca } = order.upstream
  const wrong = (what: string) => new IssuerError(ca, 'wrong', `CA "${ca}" issued ${what}; it is not used`)
  const leaf = readCertificateChain(Buffer.from(chains[0] ?? '', 'latin1'))?.leaf
  if (leaf === undefined) throw wrong('what is no certificate')
  if (namesText(leaf.identifiers) !== namesText(order.identifiers))
    throw wrong('a certificate for other names than were ordered')
  if (leaf.spki !== requestedSpki(Buffer.from(order.csr ?? '', 'base64url')))
    throw wrong('a certificate for another key than the request has')
  if (leaf.notAfter <= clock.now().wall) throw wrong('a certificate that has expired')
  return leaf
}

function certificateOf(
  order: BrokerOrder,
  { chains, upstreamAccount }: IssuedCertificate,
  { fingerprint, serial, ariId, notBefore, notAfter }: LeafFacts,
  issuedAt: number,
): BrokerCertificate {
  const { id, endpoint, account, identifiers, upstream } = order
  return {
    id: newObjectId(),
    endpoint,
    account,
    order: id,
    ca: upstream.ca,
    chains,
    identifiers,
    fingerprint,
    serial,
    ariId,
    upstreamAccount,
    notBefore,
    notAfter,
    revokedAt: null,
    replacedBy: null,
    issuedAt,
  }
}
