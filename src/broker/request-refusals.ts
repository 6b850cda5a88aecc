/** In which words verify-request.ts refuses. */
import { AMBIGUITIES, type Ambiguity } from '../acme/ambiguity.ts'
import type { ProblemName } from '../acme/problem-types.ts'
import type { Denial } from '../exchange/decision.ts'
import { SIGNATURE_ALGORITHMS } from '../exchange/verify-signature.ts'

export function badNonce(nonce: string | undefined): Denial {
  const what = nonce === undefined ? 'no' : 'an invalid'
  return refusal(
    'jws',
    'badNonce',
    `JWS has ${what} anti-replay nonce: none that was given out here and not used yet (RFC 8555 §6.5)`,
  )
}

export function accountDoesNotExist(): Denial {
  return refusal(
    'jws',
    'accountDoesNotExist',
    'there is no account of this URL here; kid is the Location that newAccount answered with, byte for byte',
  )
}

export function badAlgorithm(what: string): Denial {
  return {
    ...refusal('jws', 'badSignatureAlgorithm', `${what}; taken are ${SIGNATURE_ALGORITHMS.join(', ')}`),
    algorithms: SIGNATURE_ALGORITHMS,
  }
}

export function badPublicKey(): Denial {
  return refusal(
    'jws',
    'badPublicKey',
    'the key is none that is taken: RSA of 2048 to 8192 bits without known weakness, EC on P-256, P-384 or P-521, Ed25519, for signatures by the algorithm of its kind',
  )
}

export function badSignature(): Denial {
  return malformed('JWS verification error: the signature is not by the key that the protected header names')
}

/** For what is not there and what is somebody else's. */
export function notHere(): Denial {
  return refusal(
    'unknown-url',
    'malformed',
    'there is nothing here, or nothing of this account; URLs are taken byte for byte as the directory and answers give them, and acmetap broker status tells its operator the directories',
    404,
  )
}

export function unclear([first, ...others]: readonly Ambiguity[]): Denial {
  const more = others.length > 0 ? ` (and ${others.length} more)` : ''
  const what = first ? `${AMBIGUITIES[first.kind]} at ${first.where}${more}` : AMBIGUITIES['not-json']
  return refusal(
    'ambiguous-request',
    'malformed',
    `the request can't be read, or in more than one way: ${what}`,
    400,
  )
}

export function malformed(detail: string): Denial {
  return refusal('jws', 'malformed', detail)
}

export function refusal(rule: string, problem: ProblemName, detail: string, status?: number): Denial {
  return { effect: 'deny', rule, problem, detail, ...(status === undefined ? {} : { status }) }
}

export function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}
