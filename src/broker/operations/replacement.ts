import { member } from '../../acme/members.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import type { PolicyName } from '../../policy/names/policy-name.ts'
import type { BrokerStore, Owner } from '../broker-store.ts'
import type { BrokerCertificate } from '../objects.ts'
import { identifierOf } from './identifiers-asked.ts'
import { asItStands } from './show-order.ts'

/** RFC 9773 §4.1. */
const CERTIFICATE_ID = /^[A-Za-z0-9_-]{1,200}\.[A-Za-z0-9_-]{1,200}$/

/** RFC 9773 §5; null: none is named. Throws AcmeProblem. */
export function replacesAsked(payload: unknown): string | null {
  const asked = member(payload, 'replaces')
  if (asked === undefined || asked === null || asked === '') return null
  if (typeof asked !== 'string' || !CERTIFICATE_ID.test(asked))
    throw new AcmeProblem(
      'malformed',
      'replaces must be a certificate id: two parts in base64url with a dot between',
    )
  return asked
}

/**
 * The certificate, if it is one of this account that an order for these names may replace. Null: it is unknown here or
 * another's, which look the same; the order goes on without (clients come with certificates of before). Rejects with
 * AcmeProblem.
 */
export async function replaceable(
  id: string,
  names: readonly PolicyName[],
  owner: Owner,
  at: number,
  store: Pick<BrokerStore, 'certificateByAriId' | 'order'>,
): Promise<BrokerCertificate | null> {
  const found = await store.certificateByAriId(owner.endpoint, id)
  if (found === null || found.account !== owner.account) return null
  const asked = new Set(names.map(identifierOf).map(({ type, value }) => `${type}:${value}`))
  if (!found.identifiers.some(({ type, value }) => asked.has(`${type}:${value}`)))
    throw new AcmeProblem(
      'malformed',
      'identifiers in this order do not match any identifiers in the certificate being replaced',
    )
  const replacing = found.replacedBy === null ? null : await store.order(owner, found.replacedBy)
  if (replacing !== null && asItStands(replacing, at).status !== 'invalid') throw alreadyReplaced(found)
  return found
}

export function alreadyReplaced({ serial }: Pick<BrokerCertificate, 'serial'>): AcmeProblem {
  return new AcmeProblem(
    'alreadyReplaced',
    `cannot indicate an order replaces certificate with serial ${JSON.stringify(serial)}, which already has a replacement order`,
  )
}
