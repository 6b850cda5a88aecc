import type { OpenJob } from './engine-store.ts'

/** µs by which a clock may be corrected without that being noticed. */
const CORRECTION = 3_600_000_000

/**
 * When a job is to be gone on with (µs since 1970); 0: now. A wait that began in the future was reckoned by a clock that
 * ran ahead and was set back since: it might be one of years, and is not kept.
 */
export function dueAt({ notBefore, changedAt }: Omit<OpenJob, 'id'>, now: number): number {
  return notBefore === null || changedAt > now + CORRECTION ? 0 : notBefore
}
