import type { Operation } from '../../acme/operation.ts'
import { INTENT, OUTCOME } from '../tables.ts'

/** Requests whose payload, and protected header with it, the inventory is made from. */
const REQUESTS: ReadonlySet<string> = new Set<Operation>([
  'newAccount',
  'account',
  'keyChange',
  'newOrder',
  'newAuthz',
  'finalize',
  'revokeCert',
])

/** And answers. */
const ANSWERS: ReadonlySet<string> = new Set<Operation>([
  'newAccount',
  'account',
  'newOrder',
  'order',
  'newAuthz',
  'authorization',
  'challenge',
  'finalize',
  'certificate',
])

export interface BodiesOf {
  readonly kind: number
  /** As the fact says it, and as its exchange's intent does. */
  readonly operation: string | null
  readonly asked: string | null
  readonly protected: string | null
  readonly payload: string | null
}

/** Digests of the bodies that stay beyond the age of bodies: without them the inventory could not be made again. */
export function keptDigests({ kind, operation, asked, ...jws }: BodiesOf): 'all' | readonly string[] {
  if (kind === OUTCOME) {
    const shown = operation ?? asked
    return shown === null || ANSWERS.has(shown) ? 'all' : []
  }
  if (kind !== INTENT) return 'all'
  if (operation === null || !REQUESTS.has(operation)) return []
  return [jws.protected, jws.payload].filter((digest) => digest !== null)
}
