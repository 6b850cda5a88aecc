import type { BrokerStore } from '../../broker/broker-store.ts'
import type { LocalCaStore } from '../../broker/local-ca/local-ca-store.ts'
import type { Clock } from '../../exchange/clock.ts'

const HOUR = 3_600_000_000
/** µs that it is kept. */
const KEPT = 90 * 24 * HOUR
/** µs that a clock is given to be put right: what it takes for long ago may be of today. */
const AFTER_JUMP = 24 * HOUR

export interface ForgettingParts {
  readonly store: Pick<BrokerStore, 'prune'> & Pick<LocalCaStore, 'pruneLocal'>
  readonly clock: Clock
  readonly onFault: (error: unknown) => void
}

/** Forgets each hour what ended long ago, but not by a wall clock that has jumped. What it returns stops it. */
export function forgetting({ store, clock, onFault }: ForgettingParts): () => void {
  let last = clock.now()
  let notBefore = last.monotonic
  const timer = setInterval(() => {
    const now = clock.now()
    const jumped = Math.abs(now.wall - last.wall - (now.monotonic - last.monotonic)) > HOUR
    last = now
    if (jumped) notBefore = now.monotonic + AFTER_JUMP
    if (now.monotonic < notBefore) return
    const before = now.wall - KEPT
    Promise.all([store.prune(before), store.pruneLocal(before)]).catch(onFault)
  }, HOUR / 1000).unref()
  return () => clearInterval(timer)
}
