import { problemShortName } from '../acme/problem-types.ts'
import { EngineError } from './engine-error.ts'

/**
 * Whether what the CA said may be the account's own fault: it is not there, or it is no longer valid. RFC 8555 §7.3.6 has
 * `unauthorized` for the latter, which is said of much else too: then the CA must speak of the account. Asking for it by its key
 * tells.
 */
export function isAboutAccount(error: unknown): boolean {
  if (!(error instanceof EngineError) || error.fault !== 'problem') return false
  const { type, detail } = error.problem ?? { type: null, detail: null }
  const kind = problemShortName(type ?? '')
  if (kind === 'accountDoesNotExist') return true
  return kind === 'unauthorized' && /\b(?:account|registration|deactivated|revoked)\b/i.test(detail ?? '')
}

/** RFC 8555 §7.3.6: what a CA says to the key of an account that was deactivated, or revoked. */
export function isDeactivated(error: unknown): boolean {
  return (
    error instanceof EngineError &&
    error.fault === 'problem' &&
    problemShortName(error.problem?.type ?? '') === 'unauthorized' &&
    (error.status === 401 || error.status === 403)
  )
}
