import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { messageOf } from '../../exchange/message-of.ts'
import type { CasesFile } from '../../policy/test-cases/parse-cases.ts'
import { CliError } from '../cli-error.ts'

const MOST_BYTES = 1 << 20

/** The files of cases that were named, else the one beside the policy: `fleet.test.yaml` beside `fleet.yaml`. */
export function readCases(policy: string, named: readonly string[] | undefined): readonly CasesFile[] {
  return (named ?? [besideOf(policy)]).map((file) => ({ file, text: textOf(file, named === undefined) }))
}

function besideOf(policy: string): string {
  const stem = /^(.*?)(\.ya?ml)?$/s.exec(basename(policy))![1]!
  return join(dirname(policy), `${stem}.test.yaml`)
}

function textOf(file: string, isUsual: boolean): string {
  try {
    if (statSync(file).size <= MOST_BYTES) return readFileSync(file, 'utf8')
  } catch (error) {
    if (isUsual && (error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new CliError(
        `there are no test cases: ${file} is not there`,
        'Write them there (docs/policy.md shows how), or name another file with --cases.',
      )
    }
    throw new CliError(`${file} can't be read: ${messageOf(error)}`)
  }
  throw new CliError(
    `${file} is longer than ${MOST_BYTES >> 20} MiB`,
    'Split it, and name each part with --cases.',
  )
}
