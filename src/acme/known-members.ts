/**
 * Every member name that ACME gives a meaning, in requests and in the objects servers read requests into. Many
 * servers are written in Go, whose decoder takes a name for a known one also when only the case differs, so that
 * `Identifiers` overwrites `identifiers`. A name must therefore equal one of these exactly or not at all.
 */
const KNOWN_MEMBERS = [
  // JWS, RFC 7515 §7.2 and §4.1, RFC 7797, RFC 8555 §6.2
  ...['protected', 'payload', 'signature', 'signatures', 'header'],
  ...[
    'alg',
    'nonce',
    'url',
    'kid',
    'jwk',
    'crit',
    'b64',
    'zip',
    'typ',
    'cty',
    'jku',
    'x5u',
    'x5c',
    'x5t',
    'x5t#S256',
  ],
  // JWK, RFC 7517 §4 and RFC 7518 §6
  ...['kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'use', 'key_ops'],
  // Directory, RFC 8555 §7.1.1, and profiles
  ...['newNonce', 'newAccount', 'newOrder', 'newAuthz', 'revokeCert', 'keyChange', 'renewalInfo', 'meta'],
  ...['termsOfService', 'website', 'caaIdentities', 'externalAccountRequired', 'profiles'],
  // Account, RFC 8555 §7.1.2 and §7.3, with what Boulder and Pebble keep beside it
  ...['status', 'contact', 'termsOfServiceAgreed', 'externalAccountBinding', 'onlyReturnExisting', 'orders'],
  ...['id', 'key', 'agreement', 'initialIp', 'createdAt', 'resource', 'delegations'],
  // Order, RFC 8555 §7.1.3, RFC 8739 §3.1.1, RFC 9115 §2.3.2, RFC 9773 §5 and profiles
  ...[
    'expires',
    'identifiers',
    'notBefore',
    'notAfter',
    'error',
    'authorizations',
    'finalize',
    'certificate',
  ],
  ...[
    'profile',
    'replaces',
    'csr',
    'delegation',
    'star-certificate',
    'allow-certificate-get',
    'auto-renewal',
  ],
  ...['start-date', 'end-date', 'lifetime', 'lifetime-adjust'],
  // Identifier, RFC 8555 §9.7.7 and RFC 9444
  ...['type', 'value', 'ancestorDomain', 'subdomainAuthAllowed'],
  // Authorization and challenge, RFC 8555 §7.1.4 and §8, RFC 9447, RFC 9448
  ...[
    'identifier',
    'challenges',
    'wildcard',
    'token',
    'validated',
    'keyAuthorization',
    'validationRecord',
    'uri',
  ],
  ...['atc', 'attObj', 'issuer-domain-names', 'token-authority', 'tkauth-type'],
  // Revocation and key change, RFC 8555 §7.6 and §7.3.5
  ...['reason', 'account', 'oldKey', 'newKey'],
  // Renewal information, RFC 9773 §4.2
  ...['suggestedWindow', 'start', 'end', 'explanationURL', 'certID', 'replaced'],
  // Problem, RFC 9457 §3.1 and RFC 8555 §6.7.1: an order may carry one in `error`
  ...['title', 'detail', 'instance', 'subproblems', 'algorithms'],
] as const

const folds: ReadonlyMap<string, string> = new Map(KNOWN_MEMBERS.map((name) => [name, foldName(name)]))
const folded: ReadonlySet<string> = new Set(folds.values())

/** The fold of a known name; undefined for a name that is none. */
export function knownFold(name: string): string | undefined {
  return folds.get(name)
}

/** Whether a Go server would take a name with this fold, which is not known itself, for a known one. */
export function foldsToKnownMember(fold: string): boolean {
  return folded.has(fold)
}

/**
 * Two names with one fold may be one name to a case-insensitive reader. Towards ASCII names it is exactly
 * Unicode's simple folding, as Go's encoding/json does it: U+017F is an s, U+212A is a k, no other character
 * outside ASCII is a letter of it. Between other names it joins at least what simple folding joins.
 */
export function foldName(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name.toLowerCase()
  return Array.from(name, foldCharacter).join('')
}

function foldCharacter(character: string): string {
  // Simple folding leaves these alone; JavaScript's case mapping would take them for an i.
  if (character === '\u0130' || character === '\u0131') return character
  const upper = character.toUpperCase()
  return (upper.length === character.length ? upper : character).toLowerCase()
}
