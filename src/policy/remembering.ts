const MOST_REMEMBERED = 200
const LONGEST_REMEMBERED = 500

/** Clients are of few kinds, and one sends the same text each time. */
export function remembering<T extends NonNullable<unknown>>(work: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const result = work(text)
    if (known.size >= MOST_REMEMBERED) known.clear()
    if (text.length <= LONGEST_REMEMBERED) known.set(text, result)
    return result
  }
}
