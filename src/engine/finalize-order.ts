import { problemUrn } from '../acme/problem-types.ts'
import { authorize } from './authorize.ts'
import { awaitOrder } from './await-order.ts'
import { EngineError } from './engine-error.ts'
import { explainInvalid } from './explain-invalid.ts'
import { finalize } from './finalize.ts'
import { requestOf } from './job.ts'
import type { SignedRun } from './job-run.ts'
import { fetchOrder } from './new-order.ts'
import type { OrderObject } from './order-object.ts'

/** Seconds a CA may need to act on a request whose sender was killed. */
const SETTLING = 1

/**
 * Finalizes an order that is ready, and waits until it is valid (RFC 8555 §7.4). finalize is announced before it is sent. Resolves
 * with a valid order; rejects with EngineError for one that became invalid.
 */
export async function finalizeOrder(signed: SignedRun, order: OrderObject): Promise<OrderObject> {
  if (order.status !== 'ready') return finalized(signed, order)
  const { run, signer } = signed
  const { failPoint } = run.parts
  const isFirst = run.job.step !== 'finalizing'
  const announce = async (announced: string) => {
    await failPoint('finalize.announced', 'before')
    await run.put({ step: 'finalizing', announced })
    await failPoint('finalize.announced', 'after')
    await failPoint('finalize.sent', 'before')
  }
  const wanted = { order: order.url, url: order.finalize, csr: requestOf(run.job), announce }
  let answered: OrderObject
  try {
    answered = await finalize(run.session, signer, wanted, run.signal)
  } catch (error) {
    // What was sent before a kill has been acted on meanwhile; where nothing was, another job has finalized the order.
    if (isFirst || !isNotReady(error)) throw error
    const known = await fetchOrder(run.session, signer, order.url, run.signal)
    if (known.status !== 'processing' && known.status !== 'valid') throw error
    answered = known
  }
  await failPoint('finalize.sent', 'after')
  return finalized(signed, answered)
}

/** After a kill, or an answer that was lost: whether finalize must be sent (again) is what record and order say together. */
export async function findFinalized(signed: SignedRun, order: OrderObject): Promise<OrderObject> {
  const { run, signer } = signed
  const { announced } = run.job
  if (order.status === 'pending') {
    await run.put({ step: 'ordered' })
    return finalizeOrder(signed, await authorize(signed, order))
  }
  if (order.status !== 'ready') return finalized(signed, order)
  const recorded = announced === null ? { state: 'unsent' as const } : await run.parts.findRecorded(announced)
  if (recorded.state === 'answered' && recorded.status < 300) return finalized(signed, order)
  if (recorded.state !== 'unknown') return finalizeOrder(signed, order)
  await run.pause(SETTLING, 'the CA may still be at work on the request that was sent last')
  return finalizeOrder(signed, await fetchOrder(run.session, signer, order.url, run.signal))
}

/** RFC 8555 §7.4: `ready` right after finalize is seen where a CA's own parts have not caught up. */
async function finalized(signed: SignedRun, order: OrderObject): Promise<OrderObject> {
  const isDone = order.status === 'valid' || order.status === 'invalid'
  const ended = isDone
    ? order
    : await awaitOrder(signed, order, ['pending', 'ready', 'processing'], 'the CA issues the certificate')
  if (ended.status !== 'valid') throw await explainInvalid(signed, ended)
  return ended
}

/** The CA has another idea of the order than we had. */
export function isNotReady(error: unknown): boolean {
  return error instanceof EngineError && error.problem?.type === problemUrn('orderNotReady')
}
