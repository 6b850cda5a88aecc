/** RFC 8555 §6.7, RFC 9773 §7.4, draft-aaron-acme-profiles: every problem type we may name ourselves. */
interface ProblemType {
  /** The HTTP status we answer with when we raise it. Never used to guess a CA's type from its status. */
  readonly status: number
  readonly says: string
}

export const PROBLEM_TYPES = {
  accountDoesNotExist: { status: 400, says: 'the request named an account that does not exist' },
  alreadyReplaced: { status: 409, says: 'the certificate already has a replacement order' },
  alreadyRevoked: { status: 400, says: 'the certificate has already been revoked' },
  badCSR: { status: 400, says: 'the CSR is unacceptable' },
  badNonce: { status: 400, says: 'the client sent an unacceptable anti-replay nonce' },
  badPublicKey: { status: 400, says: 'the JWS was signed by a public key the server does not support' },
  badRevocationReason: { status: 400, says: 'the revocation reason is not allowed' },
  badSignatureAlgorithm: { status: 400, says: 'the JWS was signed with an unsupported algorithm' },
  caa: { status: 403, says: 'CAA records forbid the CA from issuing' },
  compound: { status: 400, says: 'several errors, in subproblems' },
  connection: { status: 400, says: 'the server could not connect to the validation target' },
  dns: { status: 400, says: 'a DNS query failed during validation' },
  externalAccountRequired: { status: 403, says: 'the request needs an external account binding' },
  incorrectResponse: { status: 403, says: "the response did not match the challenge's requirements" },
  invalidContact: { status: 400, says: 'a contact URL was invalid' },
  invalidProfile: { status: 400, says: 'the order asked for an unknown profile' },
  malformed: { status: 400, says: 'the request message was malformed' },
  orderNotReady: { status: 403, says: 'the order is not ready to be finalized' },
  rateLimited: { status: 429, says: 'the request exceeds a rate limit' },
  rejectedIdentifier: { status: 403, says: 'the server will not issue for the identifier' },
  serverInternal: { status: 500, says: 'the server experienced an internal error' },
  tls: { status: 400, says: 'the server received a TLS error during validation' },
  unauthorized: { status: 403, says: 'the client lacks sufficient authorization' },
  unsupportedContact: { status: 400, says: 'a contact URL has an unsupported scheme' },
  unsupportedIdentifier: { status: 400, says: 'an identifier is of an unsupported type' },
  userActionRequired: { status: 403, says: 'a person must visit the instance URL and act' },
} as const satisfies Record<string, ProblemType>

export type ProblemName = keyof typeof PROBLEM_TYPES

const PREFIX = 'urn:ietf:params:acme:error:'

export function problemUrn(name: ProblemName): string {
  return `${PREFIX}${name}`
}

/** The last part of an ACME problem URN; any other type is returned as it is. Bounded by the caller's input. */
export function problemShortName(urn: string): string {
  return urn.startsWith(PREFIX) ? urn.slice(PREFIX.length) : urn
}
