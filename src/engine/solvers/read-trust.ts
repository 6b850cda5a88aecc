import { readFileSync } from 'node:fs'
import { certificates } from '../../config/files.ts'

/** PEM of the only roots to trust, from the file a setting names; null without one. Throws what is wrong with the file. */
export function readTrust(file: string | undefined): string | null {
  if (file === undefined) return null
  certificates(file)
  return readFileSync(file, 'latin1')
}
