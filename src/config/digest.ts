import { createHash } from 'node:crypto'
import type { Config } from './schema.ts'
import { shownForm } from './shown-form.ts'

/**
 * SHA-256 (lower-case hex) of the effective configuration, independent of key order, comments and spelling.
 * Goes into every fact of the record, so secrets are left out of it: another password is the same configuration.
 */
export function configDigest(config: Config): string {
  return createHash('sha256')
    .update(canonical(shownForm(config)))
    .digest('hex')
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  members.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
}
