import { access } from 'node:fs/promises'
import path from 'node:path'
import { findProgram } from '../../../src/cli/demo/child.ts'

const FOLDER = path.resolve(import.meta.dirname, '..', '..', '..', '.cache', 'peers')

/**
 * A program whose package (`from`) is unpacked for the tests rather than installed, or the machine's own; null without
 * either.
 */
export async function unpackedProgram(program: string, from = program): Promise<string | null> {
  for (const folder of ['bin', 'sbin']) {
    const unpacked = path.join(FOLDER, from, 'usr', folder, program)
    const there = await access(unpacked).then(
      () => true,
      () => false,
    )
    if (there) return unpacked
  }
  return findProgram(program)
}
