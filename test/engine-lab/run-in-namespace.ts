import path from 'node:path'
import { cleanEnvironment, runProgram } from '../../src/cli/demo/child.ts'
import { compileCache } from '../support/environment.ts'
import { insideNamespace } from '../support/namespace.ts'

const HERE = import.meta.dirname

/** Runs a program of this folder; resolves with the last line of JSON it printed. Rejects where it came to no end. */
export async function runLab<T>(
  program: 'process.ts' | 'canary-process.ts',
  args: readonly string[],
  timeout: number,
): Promise<T> {
  const [unshare = '', ...rest] = insideNamespace([process.execPath, path.join(HERE, program), ...args])
  const { ACMETAP_NEW_PEBBLE, ACMETAP_KNOT } = process.env
  const done = await runProgram(unshare, rest, {
    folder: HERE,
    environment: cleanEnvironment(HERE, {
      ...compileCache(),
      ...(ACMETAP_NEW_PEBBLE === undefined ? {} : { ACMETAP_NEW_PEBBLE }),
      ...(ACMETAP_KNOT === undefined ? {} : { ACMETAP_KNOT }),
    }),
    timeout,
  })
  const line = done.output.split('\n').findLast((each) => each.startsWith('{'))
  if (done.code !== 0 || line === undefined)
    throw new Error(`it ended with ${done.code}:\n${done.output.slice(-4000)}`)
  return JSON.parse(line) as T
}
