import { createHash } from 'node:crypto'
import { type Config, writtenForm } from './schema.ts'

/**
 * SHA-256 (lower-case hex) of the effective configuration, independent of key order, comments and spelling.
 * Goes into every fact of the record. The configuration holds names of files that keep secrets, never a secret.
 */
export function configDigest(config: Config): string {
  return createHash('sha256')
    .update(canonical(writtenForm(config)))
    .digest('hex')
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  members.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
}
