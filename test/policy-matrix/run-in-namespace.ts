import path from 'node:path'
import { cleanEnvironment, runProgram } from '../../src/cli/demo/child.ts'
import { compileCache } from '../support/environment.ts'
import { insideNamespace } from '../support/namespace.ts'
import type { Drill } from './run.ts'

const HERE = import.meta.dirname

/** Runs process.ts with these arguments. Rejects with what it printed where it came to no end. */
export async function runDrillInNamespace(args: readonly string[], timeout = 580_000): Promise<Drill> {
  const [program = '', ...rest] = insideNamespace([process.execPath, path.join(HERE, 'process.ts'), ...args])
  const { ACMETAP_MAIN } = process.env
  const done = await runProgram(program, rest, {
    folder: HERE,
    environment: cleanEnvironment(HERE, {
      ...compileCache(),
      ...(ACMETAP_MAIN === undefined ? {} : { ACMETAP_MAIN }),
    }),
    timeout,
  })
  const line = done.output.split('\n').find((each) => each.startsWith('{"results"'))
  if (line === undefined) throw new Error(`it ended with ${done.code}:\n${done.output}`)
  return JSON.parse(line) as Drill
}
