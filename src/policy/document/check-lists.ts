import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ConfigProblem } from '../../config/config-error.ts'
import type { ListUse } from './check-written.ts'
import { entryFault, type ListedKey } from './condition-schema.ts'
import { type Entries, entriesOf, MOST_ENTRIES } from './list-file.ts'
import type { PolicyText } from './policy-text.ts'

/** Mistakes that are told of one list; a file of another kind would give one for each line. */
const MOST_TOLD = 20
/** Entries after which other work gets its turn. */
const TURN = 2_000

/** One list of the policy. `file`: as written, null where its entries stand in the policy itself. */
export interface WrittenList {
  readonly name: string
  readonly file: string | null
  readonly text: string | null
  readonly entries: readonly string[]
}

/** Reads a list and judges each entry by what the list is used for. */
export async function readList(
  list: WrittenList,
  uses: readonly ListUse[],
  { locate }: PolicyText,
  policyFile: string,
  fileOf: (written: string) => string,
): Promise<{ readonly values: readonly string[]; readonly problems: readonly ConfigProblem[] }> {
  const entries: Entries =
    list.text === null ? { values: list.entries, lines: [] } : await entriesOf(list.text)
  const path = ['lists', list.name]
  const whole = (message: string, instead: string | null): ConfigProblem => ({
    file: policyFile,
    ...locate(path, 'key'),
    message,
    instead,
  })
  if (entries.values.length > MOST_ENTRIES) {
    return { values: [], problems: [whole(`holds more than ${MOST_ENTRIES} entries`, 'Divide it')] }
  }
  const keys = [...new Set(uses.filter((use) => use.list === list.name).map(({ key }) => key))]
  const problems: ConfigProblem[] = []
  let told = 0
  for (const [at, value] of entries.values.entries()) {
    if (at % TURN === TURN - 1) await nextTurn()
    const fault = value.startsWith('@') ? 'names a list, and a list holds no other' : firstFault(value, keys)
    if (fault === null) continue
    told += 1
    if (told > MOST_TOLD) continue
    const lineOf = entries.lines[at]
    problems.push(
      list.file === null || lineOf === undefined
        ? { file: policyFile, ...locate([...path, at]), message: fault, instead: null }
        : {
            file: fileOf(list.file),
            line: lineOf,
            column: 1,
            path: locate(path, 'key').path,
            message: fault,
            instead: null,
          },
    )
  }
  if (told > MOST_TOLD) {
    problems.push(
      whole(`has ${told - MOST_TOLD} more entries that are wrong`, `It is used as ${keys.join(', ')}`),
    )
  }
  return { values: entries.values, problems }
}

function firstFault(value: string, keys: readonly ListedKey[]): string | null {
  for (const key of keys) {
    const fault = entryFault(key, value)
    if (fault !== null) return fault
  }
  return null
}
