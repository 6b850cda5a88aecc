import { createHash } from 'node:crypto'
import type { Identifier } from '../../acme/identifier.ts'
import { namesText } from '../wanted-names.ts'

/**
 * Name of what is reissued for somebody else, and of its folder: the first name of the certificate, and digits that stand
 * for key and names. So it is the same at the next reissue, and whoever serves the certificate finds it where it was.
 */
export function reissuedName(names: readonly Identifier[], spki: string): string {
  const first = (names[0]?.value ?? 'unnamed').toLowerCase().replace(/^\*\./, 'wildcard.')
  const base =
    first
      .replace(/[^a-z0-9._-]/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 100) || 'unnamed'
  const digits = createHash('sha256')
    .update(`${spki} ${namesText(names)}`)
    .digest('hex')
    .slice(0, 8)
  return `${base}-${digits}`
}
