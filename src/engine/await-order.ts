import { EngineError } from './engine-error.ts'
import { LONGEST_PAUSE, type SignedRun } from './job-run.ts'
import { fetchOrder } from './new-order.ts'
import type { OrderObject, OrderStatus } from './order-object.ts'

/** Seconds: the first look comes at once, for some CAs are done by then; the others need a second or more. */
const FIRST = 0.1
const SECOND = 0.4
const LONGEST = 10
const GROWTH = 1.6
/** µs a phase may take before the attempt is given up. */
const PHASE = 600_000_000

/**
 * Asks for the order until it has another status than these. `from`: how it stood last, and when the CA wants to be asked
 * (Retry-After). `first`: seconds before the first look. Rejects with EngineError: `network` when it takes too long, with the time after which to ask again.
 */
export async function awaitOrder(
  { run, signer }: SignedRun,
  from: Pick<OrderObject, 'url' | 'retryAfter'>,
  during: readonly OrderStatus[],
  text: string,
  first: number = FIRST,
): Promise<OrderObject> {
  const start = run.time
  let wait = first
  let { retryAfter } = from
  for (;;) {
    const pause = Math.max(wait, retryAfter ?? 0)
    if (pause > LONGEST_PAUSE || run.time - start + pause * 1e6 > PHASE)
      throw new EngineError('network', `${text}: it takes too long, and is looked at again later`, {
        retryAfter,
      })
    await run.pause(pause, text)
    const order = await fetchOrder(run.session, signer, from.url, run.signal)
    if (!during.includes(order.status)) return order
    retryAfter = order.retryAfter
    wait = Math.min(Math.max(wait * GROWTH, SECOND), LONGEST)
  }
}
