import { createColors } from 'picocolors'
import type { Application } from '../../src/cli/application.ts'
import { run } from '../../src/cli/program.ts'
import type { Ran } from './run-main.ts'

interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  /** µs since 1970. */
  readonly now?: number
  readonly application?: Application
  /** Of the terminal; 120 where nothing is said. */
  readonly columns?: number
}

/** Runs `acmetap WORDS` in this process, with a terminal that remembers: faster than a process of its own. */
export async function runHere(
  words: readonly string[],
  folder: string,
  given: Surroundings = {},
): Promise<Ran> {
  const written = { out: '', err: '' }
  const terminal = {
    env: given.env ?? {},
    columns: given.columns ?? 120,
    colors: createColors(false),
    folder,
    now: () => given.now ?? Date.now() * 1000,
    write: (text: string) => {
      written.out += text
    },
    warn: (line: string) => {
      written.err += `${line}\n`
    },
  }
  const code = await run(words, terminal, async () => {
    if (given.application === undefined) throw new Error('there is no application here')
    return given.application
  })
  return { code, ...written }
}
