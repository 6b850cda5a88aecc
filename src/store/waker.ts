/**
 * Wakes a thread for what comes in quick succession: `every` ms after the first call, once for all that came meanwhile, and not
 * while it is still at what it was woken for. Calling costs nothing. `wake` that rejects is over.
 */
export function wakerOf(wake: () => Promise<void>, every: number): () => void {
  let isDue = false
  let isAtWork = false
  const begin = () => {
    isDue = true
    if (isAtWork) return
    isAtWork = true
    setTimeout(() => {
      isDue = false
      wake()
        .catch(() => undefined)
        .finally(() => {
          isAtWork = false
          if (isDue) begin()
        })
    }, every).unref()
  }
  return () => {
    if (!isDue) begin()
  }
}
