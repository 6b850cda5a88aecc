import { AcmeProblem, type ProblemDocument } from '../../acme/problem.ts'
import { problemUrn } from '../../acme/problem-types.ts'
import { requestedCertificate } from '../../exchange/requested-certificate.ts'
import type { BrokeredRequest } from '../brokered-request.ts'
import { IssuerError } from '../issuer.ts'
import type { BrokerOrder } from '../objects.ts'
import { ProblemAnswer, problemOfIssuer } from '../problem-answer.ts'
import { accountOf, notFound, ownerOf } from './asking.ts'
import { checkCsr, csrTextOf } from './csr-check.ts'
import { namesOf, refused } from './identifiers-asked.ts'
import { outsideScope, scopeOf } from './name-scope.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { asItStands, orderAnswer } from './show-order.ts'

/**
 * RFC 8555 §7.4. Asked again with the same CSR, it answers with the order as it is: the answer that a client did not get costs
 * no certificate. (§7.4 has orderNotReady for that too, at which most clients give up.)
 */
export function finalize({ store, issuances }: OperationParts): OperationHandler {
  return async (request) => {
    const { endpoint, at } = request
    if (request.order === null) throw notFound('order')
    const csr = csrTextOf(request.payload)
    const order = asItStands(request.order, at)
    const isRepeated = order.csr === csr && (order.status === 'processing' || order.status === 'valid')
    if (isRepeated) return orderAnswer(200, order, endpoint, at)
    if (order.status !== 'ready') throw notReady(order)
    await checkProof(order, request)
    await checkCsr(await requestedCertificate(request.payload), order, accountOf(request), store)
    const done = await issuances.finalize(order, csr, request.id).catch((error: unknown) => {
      throw error instanceof IssuerError ? problemOfIssuer(error, request.id) : error
    })
    if (done.status === 'invalid')
      throw done.error === null ? notReady(done) : new ProblemAnswer(asAnswer(done.error))
    return orderAnswer(200, done, endpoint, at)
  }

  /** What was proved when the order was made may have been taken back since. */
  async function checkProof(order: BrokerOrder, request: BrokeredRequest): Promise<void> {
    const { endpoint, at } = request
    const scope = await scopeOf(request, store)
    const faults = outsideScope(namesOf(order.identifiers), scope, endpoint.proof)
    if (faults.length > 0) throw refused(faults)
    const authorizations = await store.authorizations(ownerOf(request), order.authorizations)
    const good = new Set(
      authorizations
        .filter(({ status, expiresAt }) => status === 'valid' && expiresAt > at)
        .filter(({ proof }) => endpoint.proof === 'policy' || proof === 'challenge')
        .map(({ id }) => id),
    )
    const missing = order.identifiers.filter((_, place) => !good.has(order.authorizations[place] ?? ''))
    if (missing.length > 0)
      throw new AcmeProblem(
        'unauthorized',
        `authorizations for these identifiers not found or expired: ${missing.map(({ value }) => value).join(', ')}`,
      )
  }
}

/** RFC 8555 §7.4: 403, whatever the reason; why an order is invalid is in the words of whoever made it so. */
function notReady({ status, error }: BrokerOrder): ProblemAnswer {
  const detail = `Order's status (${JSON.stringify(status)}) is not acceptable for finalization`
  return new ProblemAnswer({
    type: problemUrn('orderNotReady'),
    detail: error === null ? detail : `${detail}: ${error.detail}`,
    status: 403,
    ...(error?.subproblems === undefined ? {} : { subproblems: error.subproblems }),
  })
}

/** What made the order invalid just now. */
function asAnswer(error: ProblemDocument): ProblemDocument {
  return error.status >= 400 && error.status <= 599 ? error : { ...error, status: 403 }
}
