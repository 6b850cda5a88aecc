import { member } from '../../acme/members.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import type { BrokeredRequest } from '../brokered-request.ts'
import type { OrderRequest } from '../issuances.ts'
import { IssuerError } from '../issuer.ts'
import type { BrokerCertificate, BrokerOrder } from '../objects.ts'
import { problemOfIssuer } from '../problem-answer.ts'
import { accountOf, ownerOf } from './asking.ts'
import { authorizationsFor, unprovable } from './authorizations-for.ts'
import { identifierOf, identifiersAsked, refused } from './identifiers-asked.ts'
import { outsideScope, scopeOf } from './name-scope.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { alreadyReplaced, replaceable, replacesAsked } from './replacement.ts'
import { orderAnswer } from './show-order.ts'

/** RFC 8555 §7.4. What the CA has against the order is answered here, in its words. */
export function newOrder({ store, issuances }: OperationParts): OperationHandler {
  /** Certificates that an order is being made to replace: of two at a time the second is refused. */
  const replacing = new Set<string>()

  return async (request) => {
    const { endpoint, payload, at } = request
    if (isGiven(payload, 'notBefore') || isGiven(payload, 'notAfter'))
      throw new AcmeProblem('malformed', 'NotBefore and NotAfter are not supported')
    const names = identifiersAsked(member(payload, 'identifiers'))
    const profile = profileAsked(request)
    const replaces = replacesAsked(payload)
    const scope = await scopeOf(request, store)
    const faults = [...outsideScope(names, scope, endpoint.proof), ...unprovable(names, endpoint)]
    if (faults.length > 0) throw refused(faults)
    const owner = ownerOf(request)
    const replaced = replaces === null ? null : await replaceable(replaces, names, owner, at, store)
    const made = async () => {
      const wanted: OrderRequest = {
        endpoint,
        account: accountOf(request),
        identifiers: names.map(identifierOf),
        profile,
        replaces: replaced === null ? null : replaces,
        authorizations: await authorizationsFor(names, endpoint, owner, at, store),
        permitted: scope.cas,
        exchange: request.id,
      }
      return begin(wanted, request)
    }
    const order = replaced === null ? await made() : await replace(replaced, made)
    return orderAnswer(201, order, endpoint, at)
  }

  /** Begins in the turn in which the certificate was looked at: no order can come between. */
  async function replace(
    certificate: BrokerCertificate,
    made: () => Promise<BrokerOrder>,
  ): Promise<BrokerOrder> {
    if (replacing.has(certificate.id)) throw alreadyReplaced(certificate)
    replacing.add(certificate.id)
    try {
      const order = await made()
      await store.putCertificate({ ...certificate, replacedBy: order.id })
      return order
    } finally {
      replacing.delete(certificate.id)
    }
  }

  async function begin(wanted: OrderRequest, { id, signal }: BrokeredRequest): Promise<BrokerOrder> {
    return issuances.begin(wanted, signal).catch((error: unknown) => {
      throw error instanceof IssuerError ? problemOfIssuer(error, id) : error
    })
  }
}

/** Go's clients write empty texts for what they leave out. */
function isGiven(payload: unknown, name: string): boolean {
  const value = member(payload, name)
  return value !== undefined && value !== null && value !== ''
}

/** draft-aaron-acme-profiles §4. */
function profileAsked({ endpoint, payload }: BrokeredRequest): string | null {
  if (!isGiven(payload, 'profile')) return null
  const profile = member(payload, 'profile')
  if (endpoint.profiles.some(({ name }) => name === profile)) return profile as string
  const known = endpoint.profiles.map(({ name }) => name).join(', ')
  throw new AcmeProblem(
    'invalidProfile',
    `profile name ${JSON.stringify(profile)?.slice(0, 200)} not recognized${known === '' ? '' : `: this server has ${known}`}`,
  )
}
