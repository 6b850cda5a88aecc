import { isOfCa } from './ca-url.ts'
import { EngineError } from './engine-error.ts'
import type { JobRun, SignedRun } from './job-run.ts'
import { fetchOrder, newOrder } from './new-order.ts'
import { isSameIdentifiers, type OrderObject } from './order-object.ts'
import { ordersList } from './orders-list.ts'

/** Jobs whose orders are known to be somebody's: more than were ever open at a time. */
const MOST_JOBS = 10_000
/** Orders that are looked at, from either end of the list: RFC 8555 does not say where the newest are. */
const MOST_ORDERS = 10

/**
 * The job's order, placed or found again. newOrder is announced before it is sent, so after a kill the record says whether it
 * left, and often what the CA said. The job then stands at `ordered`.
 */
export async function obtainOrder(signed: SignedRun): Promise<OrderObject> {
  const { run } = signed
  const order = (await findOrder(signed)) ?? (await placeOrder(signed))
  await run.parts.failPoint('order.stored', 'before')
  await run.put({ step: 'ordered', order: order.url })
  await run.parts.failPoint('order.stored', 'after')
  return order
}

async function placeOrder({ run, signer }: SignedRun): Promise<OrderObject> {
  const { identifiers, profile, replaces } = run.job
  const announce = async (announced: string) => {
    await run.parts.failPoint('order.announced', 'before')
    await run.put({ step: 'ordering', announced })
    await run.parts.failPoint('order.announced', 'after')
  }
  const placed = await newOrder(run.session, signer, { identifiers, profile, replaces, announce }, run.signal)
  if (placed.replaces !== replaces) {
    if ((await run.session.directory(run.signal)).renewalInfo !== null)
      run.note('the CA would not take this order as one that replaces a certificate: it counts as a new one')
    await run.put({ replaces: placed.replaces })
  }
  return placed.order
}

/** What a newOrder that was announced has made; null where it has to be sent (again). */
async function findOrder(signed: SignedRun): Promise<OrderObject | null> {
  const { run, signer } = signed
  const { step, announced } = run.job
  if (step !== 'ordering' || announced === null) return null
  const recorded = await run.parts.findRecorded(announced)
  if (recorded.state === 'unsent') return null
  if (recorded.state === 'answered' && recorded.status < 500) {
    if (recorded.status < 200 || recorded.status >= 300) return null
    const { newOrder: base } = await run.session.directory(run.signal)
    const url = recorded.location === null ? null : URL.parse(recorded.location, base!)?.href
    // Made, and the CA did not say where, or named a place that is not its own: its list may.
    if (url != null && isOfCa(url, run.session.destination)) return knownOrder(run, signer, url)
  }
  return findUnclaimed(signed)
}

/** An order that the CA made; null where it has it no more: they forget them some time after their end. */
export async function knownOrder(
  { session, signal }: JobRun,
  signer: SignedRun['signer'],
  url: string,
): Promise<OrderObject | null> {
  try {
    return await fetchOrder(session, signer, url, signal)
  } catch (error) {
    if (error instanceof EngineError && (error.status === 404 || error.status === 410)) return null
    throw error
  }
}

/**
 * RFC 8555 §7.1.2.1. An order for the same names that is not finalized and that no job holds is the one whose answer was lost,
 * or as good as it. CAs without the list give the same order for a repeated newOrder, or one more is made.
 */
async function findUnclaimed({ run, signer, account }: SignedRun): Promise<OrderObject | null> {
  if (account.orders === null) return null
  const jobs = await run.parts.store.jobs({ limit: MOST_JOBS })
  const claimed = new Set(jobs.map(({ order }) => order))
  try {
    const urls = []
    for await (const url of ordersList(run.session, signer, account.orders, run.signal))
      if (!claimed.has(url)) urls.push(url)
    for (const url of new Set([...urls.slice(-MOST_ORDERS).reverse(), ...urls.slice(0, MOST_ORDERS)])) {
      const order = await fetchOrder(run.session, signer, url, run.signal)
      const isOpen = order.status === 'pending' || order.status === 'ready'
      if (isOpen && isSameIdentifiers(order.identifiers, run.job.identifiers)) return order
    }
  } catch (error) {
    // A list that cannot be had is as good as none.
    if (!(error instanceof EngineError) || error.fault === 'aborted') throw error
    run.note(`the account's orders could not be looked at: ${error.message}`)
  }
  return null
}
