import { setImmediate as nextTurn } from 'node:timers/promises'

export const MOST_ENTRIES = 1_000_000
/** Entries after which other work gets its turn: a few milliseconds' worth. */
const TURN = 20_000

/** The entries of a list and where each stands; of a list in the policy itself there are no lines. */
export interface Entries {
  readonly values: readonly string[]
  /** From 1, beside `values`. */
  readonly lines: readonly number[]
}

/** One entry a line; blank lines count for nothing, nor does what follows a `#` at the start or after white space. */
export async function entriesOf(text: string): Promise<Entries> {
  const values: string[] = []
  const lines: number[] = []
  let line = 0
  for (let start = 0; start <= text.length; ) {
    const end = text.indexOf('\n', start)
    const stop = end === -1 ? text.length : end
    const value = text
      .slice(start, stop)
      .replace(/(?:^|\s)#.*$/s, '')
      .trim()
    line += 1
    if (value !== '') {
      values.push(value)
      lines.push(line)
    }
    start = stop + 1
    if (line % TURN === 0) await nextTurn()
  }
  return { values, lines }
}
