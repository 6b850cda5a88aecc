import type { Provider, Task } from './provider.ts'

/** Milliseconds. */
const FIRST = 500
const LONGEST = 5_000
const PATIENCE = 300_000

/** Asks until `look` says yes, ever less often. Rejects with EngineError after five minutes. */
export async function untilArrived(
  provider: Provider,
  look: () => Promise<boolean>,
  what: string,
  task: Task,
): Promise<void> {
  let waited = 0
  for (let ms = FIRST; !(await look()); ms = Math.min(ms * 1.5, LONGEST)) {
    if (waited >= PATIENCE)
      throw provider.fault(
        `has not finished ${what} after ${PATIENCE / 60_000} minutes. See its status page`,
        task,
      )
    await provider.wait(ms, task)
    waited += ms
  }
}
