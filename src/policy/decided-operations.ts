import type { Operation } from '../acme/operation.ts'

/** What a policy decides; the order is that of the table in asked-where.ts. Reading (directory, nonces, renewal information, lists of orders) is everybody's. */
export const DECIDED_OPERATIONS = [
  'newAccount',
  'account',
  'keyChange',
  'newOrder',
  'newAuthz',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate',
  'revokeCert',
  'unrecognised',
] as const satisfies readonly Operation[]

const DECIDED: ReadonlySet<string> = new Set(DECIDED_OPERATIONS)

/** Methods that only read are everybody's; what no ACME server knows is nothing that could be recognised. */
export function isDecided(method: string, operation: string): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return method !== 'POST' || DECIDED.has(operation)
}

/** Requests about objects that a newOrder made: they are for the names that it asked for. */
const OF_AN_ORDER: ReadonlySet<string> = new Set<Operation>([
  'order',
  'authorization',
  'challenge',
  'finalize',
  'certificate',
])

export function isOfAnOrder(operation: string): boolean {
  return OF_AN_ORDER.has(operation)
}
