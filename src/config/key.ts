import type { z } from 'zod'

/** A key of the configuration: what it is for, and an example where it has no default. */
export function key<T extends z.ZodType>(schema: T, description: string, example?: unknown): T {
  return schema.meta(example === undefined ? { description } : { description, example })
}
