import { readAccount } from '../acme/response-objects.ts'
import type { AcmeAnswer } from './acme-answer.ts'
import { type AcmeSession, wrongAnswer } from './acme-session.ts'

/** An account as the CA shows it (RFC 8555 §7.1.2). */
export interface AccountObject {
  readonly url: string
  readonly status: 'valid' | 'deactivated' | 'revoked'
  readonly contact: readonly string[]
  /** URL of its orders list; null where the CA has none. */
  readonly orders: string | null
}

/** `url`: of the account, where it is known: no answer makes it another. Throws EngineError (`protocol`). */
export function accountObject(session: AcmeSession, answer: AcmeAnswer, url: string | null): AccountObject {
  const { status, contact, orders } = readAccount(answer.json)
  const known = url ?? answer.location
  if (known === null) throw wrongAnswer(session, answer, 'does not say the URL of the account (no Location)')
  if (status !== 'valid' && status !== 'deactivated' && status !== 'revoked') {
    // Some CAs leave the status out; an account they answer with success for is valid.
    if (status !== null || answer.json === undefined)
      throw wrongAnswer(session, answer, 'answers with something that is no account')
  }
  return { url: known, status: (status ?? 'valid') as AccountObject['status'], contact, orders }
}
