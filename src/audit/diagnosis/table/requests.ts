import { named, quoted, type Row, rows } from './row.ts'

const EAB = '(?:external ?account ?binding|externalaccountbinding|external account|\\beab\\b)'
const BIND = {
  types: [
    'externalAccountRequired',
    'unauthorized',
    'malformed',
    'accountDoesNotExist',
    'userActionRequired',
    'serverInternal',
    'badSignatureAlgorithm',
    'badPublicKey',
    'unsupportedContact',
  ],
}
const CSR = '(?:csr|certificate (?:signing )?request|certification request)'

/** What a CA says of the request itself. */
export const REQUESTS: readonly Row[] = [
  ...rows('bad-nonce', [
    'anti-?replay nonce',
    '(?:invalid|bad|expired|unknown|unacceptable|stale|used|no|missing|malformed) (?:replay-?)?nonce',
    'nonce.{0,60}(?:invalid|expired|not found|unknown|used|unacceptable|malformed|missing|does not exist|bad|required)',
  ]),

  ...rows(
    'external-account-required',
    [
      `${EAB}.{0,60}(?:is |are )?(?:required|mandatory|needed|missing)`,
      `(?:requires?|must|missing|need(?:s|ed)?|without|no|lacks?).{0,80}${EAB}(?!.{0,60}(?:invalid|mac))`,
      'server policy requires newaccount requests must include',
    ],
    BIND,
  ),
  ...rows(
    'external-account-refused',
    [
      EAB,
      '(?:hmac|mac) key',
      '(?:key ?id|kid"?|credential).{0,80}(?:revoked|already (?:used|bound)|not found|not known|unknown|expired)',
    ],
    BIND,
  ),

  ...rows('terms-not-agreed', [
    'terms[ -]of[ -](?:service|use)',
    'agreement url',
    'subscriber agreement',
    'must agree',
    'not agree',
    '\\btos\\b',
  ]),

  ...rows(
    'account-inactive',
    [
      'account.{0,60}(?:deactivated|revoked|inactive|not active|is not valid|suspended|disabled|blocked|has status)',
      '(?:deactivated|revoked|inactive|disabled|suspended) account',
    ],
    { types: ['unauthorized', 'accountDoesNotExist', 'malformed', 'userActionRequired', 'serverInternal'] },
  ),
  ...rows(
    'bad-key',
    [
      'new key is already in use',
      'key is already in use',
      '(?:new|old) and (?:old|new) keys? (?:are|is) (?:identical|the same)',
      'key too (?:small|short|weak|large|long)',
      '(?:rsa |ec |ecdsa )?key (?:size|length|type|strength)',
      '(?:unsupported|unknown|invalid|weak|forbidden|compromised|blocked|rejected|revoked) (?:public |account |rsa |ec |ecdsa )?key(?!.?id)(?: type| size)?(?! in csr)',
      'public key (?:is )?(?:forbidden|too|not supported|invalid|blocked|compromised|rejected)',
      'key (?:was |is )?(?:blocklisted|blacklisted|blocked|known to be compromised|vulnerable|compromised)',
      'modulus (?:length|size|too)',
      'public exponent',
      'curve .{0,60}not (?:allowed|supported|permitted)',
      'debian weak key|\\broca\\b|fermat',
    ],
    {
      types: ['badPublicKey', 'conflict', 'malformed', 'unauthorized'],
      operations: [
        'newAccount',
        'keyChange',
        'newOrder',
        'account',
        'newAuthz',
        'revokeCert',
        'challenge',
        'authorization',
        'order',
        'unrecognised',
      ],
    },
  ),
  ...rows(
    'not-the-owner',
    [
      "does ?n[o']t own",
      "account.{0,40}(?:does ?n[o']t|did not|didn't) match",
      'account id.{0,40}(?:mismatch|match)',
      'belongs to (?:another|a different)',
      '(?:another|a different|other|wrong) account',
      'account .{0,60}is not (?:authorized|permitted|allowed) (?:to|for)',
      'not (?:authorized|permitted|allowed) (?:to access|for) (?:this|the|that)? ?(?:order|authorization|challenge|certificate|resource|account)',
      '(?:does|is) not (?:the )?(?:own|owner)',
      'account owner',
    ],
    {
      types: ['unauthorized', 'malformed', 'accountDoesNotExist'],
      operations: [
        'account',
        'newOrder',
        'order',
        'orders',
        'authorization',
        'challenge',
        'finalize',
        'certificate',
        'keyChange',
        'newAuthz',
        'unrecognised',
      ],
    },
  ),

  // RFC 9773 §5
  ...rows(
    'replaces-refused',
    [
      'order replaces',
      'being replaced by this order',
      'already has a replacement',
      'already (?:been )?(?:marked as )?replaced',
      '\\breplaces\\b',
      '(?:ari|renewal).{0,10}certid|certid',
      'predecessor',
      'replacement order',
    ],
    { operations: ['newOrder'] },
  ),
  ...rows(
    'profile-refused',
    [
      `profile (?:name )?"(?<profile>[^"]{1,100})" (?:is )?not (?:recogni[sz]ed|supported|available|found|known|allowed)`,
      `(?:unrecogni[sz]ed|unknown|invalid|unsupported) profile(?: name)? ?${quoted('profile')}`,
      `(?:account|not).{0,60}(?:allowed|permitted|authorized).{0,30}profile(?: ${quoted('profile')})?`,
      'profile.{0,80}(?:not (?:recogni[sz]ed|permitted|allowed|supported|available|found)|unknown|unrecogni[sz]ed)',
    ],
    {
      operations: ['newOrder', 'finalize', 'newAuthz'],
      types: ['invalidProfile', 'malformed', 'unauthorized', 'rejectedIdentifier'],
    },
  ),

  ...rows(
    'wrong-url',
    [
      'header parameter "?url"? (?:is )?(?:incorrect|invalid|wrong)\\.? expected "?(?<expected>[^" ]{1,300})"?,? (?:but )?got "?(?<got>[^" ]{1,300})',
      'url header in jws \\(?(?<got>[^ )]{1,300})\\)? does not match request url \\(?(?<expected>[^ )]{1,300})',
      "(?:kid|key id).{0,60}(?:missing expected|does ?n[o']t have (?:the )?(?:required|expected)|expected) (?:url )?prefix",
      '(?:key ?id|kid).{0,40}invalid account url',
      "\\burl\\b.{0,60}(?:does not|did not|doesn't|didn't) match",
      '"?url"? (?:header|parameter|field).{0,40}(?:incorrect|invalid|mismatch|wrong|unexpected|does not match)',
      'acmev1|\\bv1 api|acme v1',
      'invalid request url|url mismatch',
    ],
    { types: ['malformed', 'unauthorized', 'forbidden', 'serverInternal', 'accountDoesNotExist'] },
  ),

  ...rows(
    'bad-signature',
    [
      'jws verification (?:error|failed|failure)',
      'error in cryptographic primitive',
      'signature (?:verification|validation|is invalid|invalid|check|does not|did not|mismatch|error)',
      '(?:invalid|bad|wrong|incorrect|unverifiable) (?:jws )?signature(?! on csr)',
      '(?:failed|unable|could not|error).{0,20}(?:verify|verifying|validate|validating).{0,20}(?:jws|signature)',
      '(?:unsupported|not supported|unknown|invalid|unsuitable|disallowed) (?:jws |signature |signing )?alg(?:orithm)?',
      'signature (?:algorithm|type).{0,60}(?:not supported|unsupported|expected|not allowed|not acceptable)',
      'header contained unsupported algorithm',
      'alg(?:orithm)?.{0,40}(?:is )?not (?:supported|allowed|suitable|permitted)',
      'algorithm .{0,40}does not match',
    ],
    {
      types: ['malformed', 'unauthorized', 'badSignatureAlgorithm', 'serverInternal', 'badPublicKey'],
      operations: [
        'newAccount',
        'account',
        'keyChange',
        'newOrder',
        'order',
        'orders',
        'authorization',
        'challenge',
        'certificate',
        'revokeCert',
        'newAuthz',
        'unrecognised',
      ],
    },
  ),
  ...rows(
    'bad-signature',
    [
      'jws verification (?:error|failed|failure)',
      'error in cryptographic primitive',
      '(?:jws|request) signature',
      'header contained unsupported algorithm',
      'signature type .{0,60}in jws header',
    ],
    { types: ['malformed', 'unauthorized', 'badSignatureAlgorithm', 'serverInternal'] },
  ),

  ...rows(
    'contact-refused',
    ['contacts?\\b', 'e-?mail (?:address|domain)?', 'looking up MX', 'mailto', 'mail exchanger'],
    {
      operations: ['newAccount', 'account'],
      types: [
        'invalidContact',
        'unsupportedContact',
        'malformed',
        'invalidEmail',
        'dns',
        'unauthorized',
        'serverInternal',
        'userActionRequired',
      ],
    },
  ),

  ...rows(
    'account-unknown',
    [
      "account .{0,300}(?:not found|does not exist|doesn't exist|unknown)",
      '(?:no|unknown|unable to find|cannot find|could not find|nonexistent|non-existent) (?:existing )?(?:account|registration|such account)',
      'no account exists',
      "account does ?n[o']t exist",
      '(?:key ?id|kid|jwk).{0,80}(?:not found|unknown|does not exist)',
      'no registration exists|unregistered',
    ],
    { types: ['accountDoesNotExist', 'unauthorized', 'malformed'] },
  ),

  ...rows(
    'csr-names',
    [
      `${CSR} is missing order (?:domain|identifier)s? ${named('name')}`,
      'different number of',
      `${CSR}.{0,60}(?:does not|do not|doesn't|did not).{0,20}(?:specify|match|contain|include).{0,80}(?:identifiers?|domains?|names?|order|sans?)`,
      `(?:names?|identifiers?|domains?|sans?).{0,60}(?:does not|do not|doesn't|did not|don't) match.{0,60}(?:order|${CSR})`,
      `(?:order|authorization).{0,60}(?:does not|do not) (?:include|contain|match).{0,80}${CSR}`,
      `(?:extra|additional|unexpected|missing|not in).{0,60}(?:names?|identifiers?|domains?|sans?).{0,30}(?:in|from)?.{0,20}${CSR}`,
      `${CSR}.{0,60}(?:extra|additional|unexpected|missing) (?:names?|identifiers?|domains?)`,
      `order includes name .{1,255} not (?:in|present)`,
    ],
    { operations: ['finalize', 'order', 'newOrder', 'certificate', 'unrecognised'] },
  ),
  ...rows(
    'bad-csr',
    [
      `(?:error |failed |unable |could not )(?:to )?(?:parsing|parse|decoding|decode|unmarshal|read|reading|validat\\w{1,5}|verify|verifying).{0,40}(?:${CSR}|certificate)`,
      `${CSR}.{0,80}(?:invalid|signature|public key|must|cannot|contains?|too|not|unable|error|generated|parse|malformed|weak|extension|empty|fail)`,
      `(?:invalid|bad|malformed|unacceptable|unsupported|missing|wrong|weak|no).{0,60}${CSR}`,
      `${CSR}`,
      'public key must be different than account key',
      'cn was longer than|common ?name',
      'at least one (?:dns name|identifier|domain)',
      'asn1:|asn\\.1',
      'signature algorithm (?:is )?not supported',
      '(?:invalid|weak|unsupported|blocked|forbidden|compromised) (?:public |rsa |ec )?key',
      'key (?:size|type|length|too|was|is)',
      'public key',
      'must-?staple|ocsp',
      'not ?before|not ?after|validity',
    ],
    {
      operations: ['finalize'],
      types: ['badCSR', 'malformed', 'unauthorized', 'badPublicKey', 'serverInternal', 'rejectedIdentifier'],
    },
  ),
  ...rows(
    'order-not-ready',
    [
      `order.{0,10} status (?:is )?\\(?"?(?<status>[a-z]{4,12})"?\\)? (?:was|is) not (?:ready|pending|acceptable|valid)`,
      `order.{0,10}status (?:\\(?"?(?<status>[a-z]{4,12})"?\\)? )?(?:was|is) not`,
      'order.{0,80}(?:is |was )?not (?:yet )?(?:ready|finali[sz]ed|acceptable)',
      'order (?:is|was|has been|has) (?:already )?(?<status>pending|invalid|valid|processing|expired|abandoned|finali[sz]ed)',
      'order.{0,40}(?:expired|already (?:been )?finali[sz]ed)',
      'authori[sz]ations?.{0,40}(?:not (?:yet )?(?:valid|complete)|pending|incomplete)',
      'acceptable for finali[sz]ation',
    ],
    { operations: ['finalize', 'order', 'certificate', 'unrecognised'] },
  ),

  ...rows('already-revoked', ['already (?:been )?revoked', 'certificate (?:was|is|has been) revoked'], {
    operations: ['revokeCert', 'certificate', 'unrecognised'],
  }),
  ...rows(
    'revocation-refused',
    [
      'revo(?:cation|ke)',
      'reason ?code',
      'does not control all',
      'certificate (?:is |has )?expired',
      '(?:unable|could not|failed) to find (?:specified )?certificate',
      'certificate (?:not found|does not exist|from unrecogni[sz]ed issuer)',
      'no such certificate',
      'did not issue',
      'unrecogni[sz]ed issuer',
      'not authori[sz]ed',
      'account.{0,60}certificate',
      'certificate',
    ],
    { operations: ['revokeCert'] },
  ),

  ...rows(
    'identifier-unsupported',
    [
      '(?:unknown|unsupported|non-dns|invalid non-dns|unrecogni[sz]ed) (?:type )?identifiers?(?: type)?',
      'identifiers? types?.{0,60}(?:not (?:supported|allowed|permitted)|unsupported|unknown|invalid)',
      'type identifiers? .{0,60}not',
      'does not permit (?:"?\\w{1,20}"? )?(?:type )?identifiers?',
      '(?:ip ?address(?:es)?|ip identifiers?).{0,60}(?:not (?:supported|allowed|permitted)|unsupported|cannot)',
      'is an ip address',
      'identifier type',
    ],
    {
      types: ['unsupportedIdentifier', 'malformed', 'rejectedIdentifier', 'unauthorized', 'badCSR'],
      operations: ['newOrder', 'newAuthz', 'finalize', 'unrecognised', 'challenge', 'authorization', 'order'],
    },
  ),
  ...rows('wildcard-without-dns', [
    'wildcard.{0,80}(?:dns-01|dns challenge|only.{0,20}dns)',
    '(?:dns-01|dns challenge|only.{0,20}dns).{0,80}wildcard',
    'wildcard.{0,60}(?:http-01|tls-alpn-01|http challenge)',
  ]),
  ...rows(
    'name-refused',
    [
      `cannot issue for ${named('name')}`,
      `identifiers? for which issuance is forbidden(?: by policy: ${named('name')})?`,
      `(?:policy|server|ca|provisioner|authority).{0,60}(?:forbids?|refuses?|disallows?|does not allow|rejects?|will not issue|not allowed).{0,100}`,
      `(?:domain|dns name|name|identifier|host) ${named('name')} (?:is |was )?(?:not (?:allowed|permitted|authorized)|forbidden|blocked|denied|refused|invalid|reserved)`,
      '(?:forbidden|blocked|refused|denied|not allowed|rejected).{0,60}(?:domain|identifier|by policy|name)',
      'is a forbidden domain',
      'public suffix|\\btld\\b|top-level',
      'illegal character|invalid character|invalid char',
      'ending in a period|ends? (?:with|in) a (?:period|dot)',
      'too many (?:subdomain )?labels|needs at least one dot|label is too long|too long|punycode|idna|leading or trailing|starts with|empty label',
      'redundant with a wildcard',
      'wildcard',
      '(?:invalid|malformed|bad) (?:domain|dns|host) ?name',
      '(?:invalid|malformed|bad|disallowed) (?:dns |domain )?identifiers?',
      'high.?risk|blacklist|blocklist|safe ?browsing|embargo|sanction|phishing|restricted',
      '(?:domain|identifier).{0,60}(?:not (?:allowed|permitted|authorized|valid|supported)|invalid|forbidden|rejected|denied)',
      '(?:not (?:allowed|permitted|authorized)).{0,60}(?:domain|identifier|name)',
    ],
    {
      operations: ['newOrder', 'newAuthz', 'finalize', 'order', 'authorization', 'challenge', 'unrecognised'],
      types: ['rejectedIdentifier', 'malformed', 'unauthorized', 'caa', 'unsupportedIdentifier', 'forbidden'],
    },
  ),

  ...rows(
    'not-found',
    [
      '(?:no|unknown) (?:such )?(?:order|authorization|challenge|certificate|cert|registration|resource|page)(?: found| with| for id| exists)?',
      "(?:order|authorization|authz|challenge|certificate|resource|page|issuer|serial).{0,120}(?:not found|does not exist|doesn't exist|not exist|could not be found)",
      '(?:unable|could not|failed|cannot) (?:to )?(?:find|locate).{0,60}(?:order|authorization|challenge|certificate|resource)',
      '(?:expired|deactivated|invalid) authorization',
      'authorization (?:is |has )?(?:expired|deactivated)',
      'not found',
      'no longer (?:available|exists)',
    ],
    { types: ['malformed', 'unauthorized', 'notFound', '', 'serverInternal'] },
  ),

  ...rows(
    'not-the-owner',
    [
      'not (?:authorized|permitted|allowed)',
      'unauthori[sz]ed',
      'forbidden',
      'lacks? sufficient authorization',
    ],
    {
      types: ['unauthorized'],
      operations: ['account', 'order', 'orders', 'authorization', 'certificate', 'keyChange', 'renewalInfo'],
      details: { by: 'type' },
    },
  ),
  ...rows(
    'malformed-request',
    [
      'parse error reading jws',
      'jws.{0,100}',
      'mutually exclusive',
      'content-type|content type|content-length|user-agent',
      'post-as-get',
      'method not allowed|http method|\\bmethod\\b',
      '(?:did not|does not|failed to|unable to|error|cannot) (?:parse|decode|unmarshal|unmarshaling|parsing|decoding|unmarshalling)',
      'json',
      'did not specify any identifiers|(?:empty|no|any|missing) identifiers?|too many identifiers|cannot contain more than|(?:up to|more than) \\d{1,4} (?:dns )?(?:names|identifiers|domains)',
      'not ?before and not ?after',
      'not (?:be )?(?:before|after)',
      'request (?:body|payload|message|was|is|must|does)',
      'cannot update challenge|authorization must be pending|challenge.{0,60}(?:status|pending|already|not pending)',
      '(?:missing|invalid|unknown|unexpected|required|malformed) (?:required )?(?:field|header|member|parameter|request|body|payload|value|url|json|status|type)',
      'no embedded jwk|embedded jwk',
      'base64',
      'unauthenticated',
      'requested duration|duration|lifetime',
    ],
    { types: ['malformed', 'unauthorized', 'badRequest', '', 'rejectedIdentifier'] },
  ),
]
