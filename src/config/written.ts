import type { Complaint, KeyPath } from './config-error.ts'

/** A mapping as somebody wrote it, before the schema has looked at it. */
export type Mapping = Readonly<Record<string, unknown>>

/** Empty where it is none: what has the wrong type is left to the schema. */
export function mapping(value: unknown): Mapping {
  return isMapping(value) ? value : {}
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** As {@link mapping}, of a list. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function complaint(
  path: KeyPath,
  at: Complaint['at'],
  message: string,
  instead: string | null,
): Complaint {
  return { path, at, message, instead }
}
