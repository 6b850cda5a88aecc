import { isAboutAccount } from './account-fault.ts'
import { deactivateAuthorization, fetchAuthorization } from './authorization.ts'
import { authorize } from './authorize.ts'
import { chooseChain } from './choose-chain.ts'
import type { OpenAccount } from './engine-accounts.ts'
import { EngineError } from './engine-error.ts'
import { fewAtOnce } from './few-at-once.ts'
import { finalizeOrder, findFinalized } from './finalize-order.ts'
import type { JobRun, SignedRun } from './job-run.ts'
import { keepCertificate } from './keep-certificate.ts'
import { knownOrder, obtainOrder } from './obtain-order.ts'
import { isSameIdentifiers, type OrderObject } from './order-object.ts'
import { namesText } from './wanted-names.ts'

const AT_ONCE = 10
/** It begins anew. */
export const NO_ORDER = { step: 'created', order: null, announced: null } as const

/**
 * Goes on with a job until its certificate is kept (RFC 8555 §7.4): one order, whatever happens in between. Rejects with
 * EngineError; the store then says how far it is.
 */
export async function obtain(run: JobRun): Promise<void> {
  if (isObtained(run)) return
  const { accounts } = run.parts
  try {
    await accounts.use(run.job.ca, run.signal, (opened) => obtainAs(run, opened))
  } catch (error) {
    // The account's own fault is told instead: what became of it, and what to do.
    if (isAboutAccount(error)) await accounts.recheck(run.job.ca, run.signal)
    throw error
  }
}

/** An order belongs to its account: where the CA account is another one now, the job begins anew. */
async function obtainAs(run: JobRun, opened: OpenAccount): Promise<void> {
  if (opened.account.id !== run.job.account) await run.put({ account: opened.account.id, ...NO_ORDER })
  // A CA may give the same order for the same names: one job after the other has it.
  const { account, identifiers } = run.job
  const done = await run.turns.take(`${account} ${namesText(identifiers)}`, run.signal, () =>
    run.note('another job is at work on the same names, and goes first'),
  )
  try {
    await obtainWith({ run, ...opened })
  } finally {
    done()
  }
}

async function obtainWith(signed: SignedRun): Promise<void> {
  const { run } = signed
  let order = await currentOrder(signed)
  if (run.job.dryRun && run.job.step === 'ordered') order = await toBeProved(signed, order)
  if (run.job.step === 'finalizing') order = await findFinalized(signed, order)
  if (run.job.step === 'ordered') order = await finalizeOrder(signed, await authorize(signed, order))
  await keepCertificate(signed, await chooseChain(signed, order.certificate!))
}

function isObtained({ job: { step } }: JobRun): boolean {
  return step !== 'created' && step !== 'ordering' && step !== 'ordered' && step !== 'finalizing'
}

/** The job's order as it stands. One that can bring nothing any more, through nobody's fault, is left for a new one. */
export async function currentOrder(signed: SignedRun): Promise<OrderObject> {
  const { run, signer } = signed
  const { order: url, step } = run.job
  if (url === null || step === 'created' || step === 'ordering') return obtainOrder(signed)
  const order = await knownOrder(run, signer, url)
  const why = order === null ? 'the CA no longer has the order' : whyLeft(run, order)
  if (order === null || why !== null) {
    run.note(`${why}: a new one is made`)
    await run.put(NO_ORDER)
    return obtainOrder(signed)
  }
  if (isSameIdentifiers(order.identifiers, run.job.identifiers)) return order
  throw new EngineError('mismatch', `the order ${url} is for other names than it was: it is given up`, {
    exchange: order.exchange,
  })
}

function whyLeft({ job, parts }: JobRun, { status, expires }: OrderObject): string | null {
  const isOver = expires !== null && expires <= parts.clock.now().wall
  if (status === 'invalid' && isOver) return 'the order has expired'
  const isFinalized = status === 'processing' || status === 'valid'
  return job.step === 'ordered' && isFinalized ? 'another job has finalized the order' : null
}

/**
 * What the CA holds for validated would be rehearsed by nobody: it is given up (RFC 8555 §7.5.2), and everything is proved in
 * an order of its own.
 */
async function toBeProved({ run, signer, account }: SignedRun, order: OrderObject): Promise<OrderObject> {
  if (order.status !== 'pending' && order.status !== 'ready') return order
  const { session, signal } = run
  const authorizations = await fewAtOnce(AT_ONCE, order.authorizations, (url) =>
    fetchAuthorization(session, signer, url, signal),
  )
  const valid = authorizations.filter(({ status }) => status === 'valid')
  if (valid.length === 0) return order
  await fewAtOnce(AT_ONCE, valid, ({ url }) => deactivateAuthorization(session, signer, url, signal))
  await run.put(NO_ORDER)
  return obtainOrder({ run, signer, account })
}
