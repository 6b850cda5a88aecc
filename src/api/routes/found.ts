import { OperationRefused } from '../operations.ts'

/** What there is none of is 404, said in words. */
export function found<T>(value: T | null, message: string): T {
  if (value === null) throw new OperationRefused(message, 404)
  return value
}
