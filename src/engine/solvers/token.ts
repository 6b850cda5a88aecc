import type { Attempt } from '../solver.ts'
import { solverError } from './solver-error.ts'

/** RFC 8555 §8.3. */
export const CHALLENGE_PATH = '/.well-known/acme-challenge/'

/**
 * The token, known to be one: base64url (RFC 8555 §8.3), and the beginning of the key authorization. It becomes part of
 * paths and command lines, and it came from a CA. Throws EngineError.
 */
export function tokenOf({ token, keyAuthorization, identifier }: Attempt, solver: string): string {
  if (/^[A-Za-z0-9_-]{1,256}$/.test(token) && keyAuthorization.startsWith(`${token}.`)) return token
  throw solverError(
    solver,
    identifier.value,
    'the CA gave a token that is no base64url text (RFC 8555 §8.3): nothing was presented',
  )
}
