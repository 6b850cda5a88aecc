import { setTimeout as sleep } from 'node:timers/promises'

/** Rejects when it does not come true within `seconds`: a wait, not an assertion on time. */
export async function until(holds: () => Promise<boolean>, seconds: number): Promise<void> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(50))
    if (await holds()) return
  throw new Error(`not within ${seconds} s`)
}
