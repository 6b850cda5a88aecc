import { findProgram } from '../../src/cli/demo/child.ts'

/** Why a test that talks to these programs can't run here; null when all are installed. */
export async function reasonWithout(...programs: readonly string[]): Promise<string | null> {
  for (const program of programs) {
    if ((await findProgram(program)) === null) return `${program} is not installed`
  }
  return null
}
