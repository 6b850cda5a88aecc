/**
 * Why a request could mean one thing to us and another to a CA. A request with any of these is refused in
 * every mode: a record of something the CA did not act on is worse than no record.
 */
export const AMBIGUITIES = {
  'not-json': 'the body is not one JSON text',
  'not-an-object': 'the JSON text is not an object',
  'duplicate-member': 'an object names the same member twice',
  'case-folded-member': 'a member equals a known name only after case folding',
  'invalid-utf8': 'the text is not valid UTF-8',
  'lone-surrogate': 'a string holds half of a surrogate pair',
  'too-deep': 'the JSON text is nested more than 16 levels deep',
  'too-many-members': 'the JSON text has more than 4096 members and elements',
  'number-out-of-range': 'a number cannot be represented exactly',
  'identifier-not-ascii': 'a DNS name holds characters outside ASCII, which servers map in different ways',
  'not-base64url': 'a value is not strict, canonical base64url',
  'unprotected-header': 'the JWS has an unprotected header',
  'general-serialization': 'the JWS uses the general serialization',
  'not-a-flattened-jws': 'the body is not a flattened JWS with the strings protected, payload and signature',
  'both-jwk-and-kid': 'the protected header names the key twice, by jwk and by kid',
  'wrong-type': 'a member that says who signed what does not have its JSON type',
  'critical-header': 'the protected header has crit, b64 or zip, which change how the rest is read',
  'url-mismatch': 'the signed url is not the URL the request arrived at',
  'resembles-resource': 'a URL equals a known one only after clean-up',
  'target-form': 'the request target is not a plain absolute path',
  'two-authorities': 'the request names two different authorities',
  'unexpected-body': 'a request without a signed body came with a body',
  'body-framing': 'the body could not be delimited in one way only',
} as const satisfies Record<string, string>

export type AmbiguityKind = keyof typeof AMBIGUITIES

export interface Ambiguity {
  readonly kind: AmbiguityKind
  /** Where: `protected.url`, `payload.identifiers[1].Value`, `target`. Bounded, printable. */
  readonly where: string
}
