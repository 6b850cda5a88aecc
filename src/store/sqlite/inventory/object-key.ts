import { hash } from 'node:crypto'

/** 16 hex digits of a SHA-256 over what makes an object the same object: equal after every rebuild. */
export function objectKey(kind: string, ...parts: readonly (string | null)[]): string {
  return hash('sha256', JSON.stringify([kind, ...parts])).slice(0, 16)
}
