/** ms that somebody waits for an answer before the last one is given instead, and that such a one may be old. */
const PATIENCE = 1000
const OLDEST = 60_000

/**
 * A question whose answer serves all who ask within `age` ms. There is never more than one asked at a time, and nobody
 * waits for it longer than a second: then the last answer serves, if it is not older than a minute. Gives undefined
 * where there is none, and where the last question failed: what is not known is not shown.
 */
export function kept<T>(
  ask: () => Promise<T>,
  age: number,
  now: () => number = () => performance.now(),
): () => Promise<T | undefined> {
  let last: { readonly answer: T; readonly at: number } | null = null
  let asking: Promise<T | undefined> | null = null
  const isYounger = (limit: number) => last !== null && now() - last.at < limit
  const refresh = async () => {
    try {
      const answer = await ask()
      last = { answer, at: now() }
      return answer
    } catch {
      last = null
      return undefined
    } finally {
      asking = null
    }
  }
  return async () => {
    if (isYounger(age)) return last?.answer
    asking ??= refresh()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), PATIENCE).unref()
    })
    const first = await Promise.race([asking.then((answer) => ({ answer })), late])
    clearTimeout(timer)
    if (first !== 'late') return first.answer
    return isYounger(OLDEST) ? last?.answer : undefined
  }
}
