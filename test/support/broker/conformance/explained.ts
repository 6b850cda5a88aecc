import type { Seen } from './conversation.ts'

/** A difference from Pebble that is meant. `row`: how its row of "Differences from other servers" in docs/broker.md begins. */
interface Explained {
  readonly row: string
  readonly steps: RegExp
  readonly fields: readonly (keyof Seen)[]
}

const WHOLE = ['status', 'problem', 'type', 'location', 'link', 'members'] as const

export const EXPLAINED: readonly Explained[] = [
  { row: '| §6.2 | `badSignatureAlgorithm`', steps: /^JWS: alg /, fields: ['problem'] },
  { row: '| §6.4 | 403 `unauthorized`', steps: /^JWS: another url$/, fields: ['status', 'problem'] },
  { row: '| §6.7 | what is not there', steps: /^nothing|: unknown$/, fields: ['status', 'problem', 'type'] },
  { row: '| §7.1.1 | `Link: terms', steps: /^newAccount/, fields: ['link'] },
  { row: '| §7.1.2 | `contact`', steps: /^(newAccount|account)/, fields: ['members'] },
  { row: '| §7.1.2.1 | orders', steps: /^orders: some$/, fields: ['link'] },
  // Before the next, which is of the same member.
  { row: '| §7.1.6 | an order', steps: /^order: of a deactivated/, fields: ['members'] },
  { row: '| §7.1.3 | `profile`', steps: /^(JWS: typ|newOrder|order|finalize)/, fields: ['members'] },
  { row: '| §7.1.4 | challenges', steps: /^authorization: deactivated$/, fields: ['members'] },
  { row: '| §7.1.6 | a challenge', steps: /^challenge: answered$/, fields: ['members'] },
  { row: '| §7.3 | `Location`', steps: /^(account|order|finalize)/, fields: ['location'] },
  { row: '| §7.3.3 | `userActionRequired`', steps: /^newAccount: terms not agreed$/, fields: ['problem'] },
  { row: '| §7.3.5 | 409', steps: /^keyChange: another's key$/, fields: WHOLE },
  { row: '| §7.3.5 | the account', steps: /^keyChange: $/, fields: ['type', 'location', 'members'] },
  { row: '| §7.3.6 | 401', steps: /^account: once it is deactivated$/, fields: ['status'] },
  { row: '| §7.4 | `unsupportedIdentifier`', steps: /^newOrder: type email$/, fields: ['problem'] },
  { row: '| §7.4 | 403 `rejectedIdentifier`', steps: /^newOrder: forbidden/, fields: ['status'] },
  { row: '| §7.4 | `invalidProfile`', steps: /^newOrder: (unknown profile|replaces)/, fields: WHOLE },
  { row: '| §7.4 | `badCSR`', steps: /^finalize: (no csr|csr|names|a name|signed)/, fields: WHOLE },
  // Pebble 2.4 has issued for the request that was signed by another key.
  { row: '| §7.4 | the same CSR', steps: /^finalize: (once more)?$/, fields: WHOLE },
  { row: '| §7.5.1 | `Retry-After`', steps: /^(authorization|order|challenge): /, fields: ['retryAfter'] },
  { row: '| §7.5.1 | `Link: up`', steps: /^challenge: /, fields: ['link'] },
  { row: '| §7.5.1 | a challenge that', steps: /^challenge: answered once/, fields: WHOLE },
  { row: '| §8 | `validated`', steps: /^(authorization|challenge): invalid$/, fields: ['members'] },
  { row: '| §8 | http-01', steps: /^authorization: (pending|wildcard)$/, fields: ['members'] },
]

/** What of `ours` is not as `theirs`, one line for each field. */
export function differences(
  ours: Seen,
  theirs: Seen,
): readonly { readonly field: keyof Seen; readonly line: string }[] {
  const fields = Object.keys(ours) as (keyof Seen)[]
  return fields
    .filter((field) => ours[field] !== theirs[field])
    .map((field) => ({ field, line: `${field} ${show(ours[field])}, elsewhere ${show(theirs[field])}` }))
}

function show(value: Seen[keyof Seen]): string {
  return value === '' || value === null ? 'none' : String(value)
}

/** Null: nobody has said why. */
export function explanationOf(step: string, field: keyof Seen): Explained | null {
  return EXPLAINED.find(({ steps, fields }) => steps.test(step) && fields.includes(field)) ?? null
}
