import { problemUrn } from '../acme/problem-types.ts'
import { authorize } from './authorize.ts'
import { chooseChain } from './choose-chain.ts'
import { EngineError } from './engine-error.ts'
import { finalizeOrder, findFinalized } from './finalize-order.ts'
import type { JobRun, SignedRun } from './job-run.ts'
import { keepCertificate } from './keep-certificate.ts'
import { fetchOrder } from './new-order.ts'
import { obtainOrder } from './obtain-order.ts'
import { isSameIdentifiers, type OrderObject } from './order-object.ts'

/**
 * Goes on with a job until its certificate is kept (RFC 8555 §7.4): one order, whatever happens in between. Rejects with
 * EngineError; the store then says how far it is.
 */
export async function obtain(run: JobRun): Promise<void> {
  if (isObtained(run)) return
  const signed = await openAccount(run)
  try {
    await obtainWith(signed)
  } catch (error) {
    // The account's own fault is told instead: what became of it, and what to do.
    if (isNoAccount(error)) await run.parts.accounts.recheck(run.job.ca, run.signal)
    throw error
  }
}

async function obtainWith(signed: SignedRun): Promise<void> {
  const { run } = signed
  let order = await currentOrder(signed)
  if (run.job.step === 'finalizing') order = await findFinalized(signed, order)
  if (run.job.step === 'ordered') order = await finalizeOrder(signed, await authorize(signed, order))
  await keepCertificate(signed, await chooseChain(signed, order.certificate!))
}

function isObtained({ job: { step } }: JobRun): boolean {
  return step !== 'created' && step !== 'ordering' && step !== 'ordered' && step !== 'finalizing'
}

/** An order belongs to its account: where the CA account is another one now, the job begins anew. */
async function openAccount(run: JobRun): Promise<SignedRun> {
  const { account, signer } = await run.parts.accounts.open(run.job.ca, {}, run.signal)
  if (account.id !== run.job.account)
    await run.put({ account: account.id, step: 'created', order: null, announced: null })
  return { run, signer, account }
}

async function currentOrder(signed: SignedRun): Promise<OrderObject> {
  const { run, signer } = signed
  const { order: url, step } = run.job
  if (url === null || step === 'created' || step === 'ordering') return obtainOrder(signed)
  const order = await fetchOrder(run.session, signer, url, run.signal)
  if (isSameIdentifiers(order.identifiers, run.job.identifiers)) return order
  throw new EngineError('mismatch', `the order ${url} is for other names than it was: it is given up`, {
    exchange: order.exchange,
  })
}

function isNoAccount(error: unknown): boolean {
  return error instanceof EngineError && error.problem?.type === problemUrn('accountDoesNotExist')
}
