import { named, type Row, rows } from './row.ts'

const CHALLENGE_URL = '"?https?://[^ "]{1,600}"?(?: \\[[^\\]]{2,45}\\])?'
const KEY_AUTHORIZATION = 'key ?authorization'

/** What a CA says when it came over HTTP or TLS, or could not. */
export const VALIDATION_HTTP: readonly Row[] = [
  ...rows(
    'wrong-aaaa',
    [`unable to contact .{1,260} at ${named('address')}, no ipv4 addresses`, 'no ipv4 addresses to try'],
    {
      details: { inner: 'firewall' },
    },
  ),
  ...rows('alpn', ['received a tls error'], { challenges: ['tls-alpn-01'] }),
  ...rows('bad-redirect', [
    'invalid port in redirect target(?:\\. only ports .{0,60} not (?<target>\\d{1,5}))?',
    `invalid host in redirect target ${named('target')}`,
    'invalid (?:empty )?host(?:name)? in redirect target',
    'invalid protocol scheme in redirect target(?:.{0,100} not "?(?<target>[\\w.+-]{1,40}))?',
    'invalid (?:hostname|url|location|scheme) in redirect',
    'received disallowed redirect status code(?: "?(?<status>\\d{3}))?',
    'redirect target',
    'redirect.{0,40}(?:not allowed|forbidden|disallowed|missing location|without location)',
  ]),
  ...rows('redirect-loop', [
    'too many redirects',
    'redirect loop',
    'stopped after \\d{1,3} redirects',
    '(?:exceeded|maximum|max|number).{0,30}redirects?\\b',
  ]),
  ...rows('tls-on-http-port', [
    'server only speaks http, not tls',
    'server gave http response to https client',
    'first record does not look like a tls handshake',
    'plain http request was sent to https port',
    'client sent an http request to an https server',
    'speaks (?:plain )?(?:http|tls|https), not (?:tls|https|http)',
    'received http response (?:on|from) (?:an )?https',
    'wrong version number',
  ]),
  ...rows('other-server', ['server is speaking http/2 over http']),

  // RFC 8737
  ...rows('alpn', [
    'cannot negotiate alpn',
    'alpn.{0,60}(?:not negotiated|negotiat)',
    '(?:incorrect|invalid|wrong|bad) (?:validation )?certificate for "?tls-alpn-01',
    'acme(?:validation|identifier)(?:v1)? ?(?:extension|value)',
    'extension acmevalidation',
    'acmevalidation',
    'no (?:tls )?cert(?:ificate)?s? (?:presented|provided).{0,40}(?:tls-alpn|alpn)',
    'tls-alpn-01 challenge',
    '\\bid-pe-acmeidentifier',
  ]),
  ...rows(
    'alpn',
    ['no certs presented', 'received .{0,20} certificate', 'self-signed', 'certificate', 'tls'],
    {
      challenges: ['tls-alpn-01'],
      types: ['unauthorized', 'tls', 'incorrectResponse'],
    },
  ),

  ...rows('slow-server', [
    'timeout (?:during|after|while) (?!connect \\(likely)[\\w ]{1,30} \\(your server may be slow or overloaded',
    'your server may be slow',
    'timeout after connect',
    'timeout (?:during|on|while) (?:read|write|reading|writing|body|headers)',
    'client\\.timeout exceeded while (?:awaiting headers|reading body)',
    'timeout awaiting response headers',
    'read: i/o timeout',
    'read timed out',
    'time(?:d )?out (?:waiting for|reading) (?:the )?(?:response|data|headers|body)',
    'read (?:tcp|udp) .{0,100}i/o timeout',
  ]),
  ...rows('firewall', [
    'likely firewall problem',
    'timeout during (?:connect|dial)',
    'dial tcp .{0,100}i/o timeout',
    'dial tcp .{0,100}connection timed out',
    'connect(?:ion|ing)?(?: to .{0,100})?[: ]{1,3}(?:has )?timed? ?out',
    'client\\.timeout exceeded while (?:dialing|connecting)',
    'client\\.timeout',
    'connect(?:ion)? timeout',
    'timeout (?:while )?connecting',
    'no response from .{0,100} on port',
    'context deadline exceeded',
  ]),
  ...rows('connection-refused', [
    'connection refused',
    'connection was refused',
    'refused (?:the|our) connection',
  ]),
  ...rows(
    'connection-reset',
    [
      'connection (?:was )?reset',
      'reset by peer',
      'broken pipe',
      'connection (?:was )?(?:closed|aborted|terminated)',
      'remote end closed connection',
      'unexpected eof',
      '\\bEOF\\b',
      'server closed (?:idle )?connection',
      'stream error',
    ],
    { types: ['connection', 'tls', 'unauthorized', 'unknownHost', 'incorrectResponse'] },
  ),
  ...rows('network-unreachable', [
    'network (?:is )?unreachable',
    'no route to host',
    'host (?:is )?unreachable',
    'unreachable network',
  ]),

  ...rows(
    'http-not-found',
    [
      `invalid response from ${CHALLENGE_URL}: "?404\\b`,
      'non-200 status code from http: .{1,600} returned 404',
      'status(?: code)?[: ]{0,3}"?404\\b',
      '(?:returned|got|received|response|code)[: ]{1,3}"?404\\b',
      '\\b404 not found',
    ],
    {
      types: ['unauthorized', 'connection', 'incorrectResponse', 'malformed', 'tls', 'serverInternal'],
      operations: ['challenge', 'authorization', 'order', 'finalize'],
    },
  ),
  ...rows(
    'http-status',
    [
      `invalid response from ${CHALLENGE_URL}: "?(?<status>[1-5]\\d\\d)\\b`,
      'non-200 status code from http: .{1,600} returned (?<status>\\d{3})',
      'non-200 status',
      '(?:status(?: code)?|response code|http code)[: ]{1,3}"?(?<status>[1-5]\\d\\d)\\b',
      'unexpected http (?:status|response)',
    ],
    { operations: ['challenge', 'authorization', 'order', 'finalize'] },
  ),
  ...rows(
    'wrong-body',
    [
      `invalid response from ${CHALLENGE_URL}: "(?<body>.{0,600})`,
      `${KEY_AUTHORIZATION}.{0,60}did not match this challenge\\.? (?:expected )?"?(?<expected>[\\w.-]{1,200})"?(?: \\(?got| !=) "?(?<body>.{0,600})`,
      `${KEY_AUTHORIZATION}.{0,80}(?:does not|did not|doesn't|didn't|do not) match.{0,40}?(?:expected "?(?<expected>[\\w.-]{1,200})"?,? (?:but )?got "?(?<body>.{0,600}))`,
      `${KEY_AUTHORIZATION}.{0,80}(?:does not|did not|doesn't|didn't|do not|mis) ?match`,
      `(?:invalid|incorrect|wrong|unexpected|malformed|bad|error parsing) ${KEY_AUTHORIZATION}`,
      "(?:response|content|body|file).{0,60}(?:does not|did not|doesn't|didn't) (?:match|contain|correspond)",
      'invalid response from https?://',
      'error reading http response body',
      'body (?:is )?too (?:large|long)',
    ],
    { types: ['unauthorized', 'incorrectResponse', 'connection', 'malformed', 'rejectedIdentifier'] },
  ),

  ...rows('alpn', ['remote error: tls', 'tls: ', 'tls handshake', 'ssl'], { challenges: ['tls-alpn-01'] }),
  ...rows(
    'tls-on-http-port',
    [
      'remote error: tls: (?<reason>[\\w .-]{1,80})',
      'tls: (?<reason>[\\w .-]{1,80})',
      'received a tls error',
      'tls handshake',
      'handshake failure',
      'unrecognized name',
      'x509: (?<reason>.{1,100})',
      'certificate verify failed',
    ],
    { operations: ['challenge', 'authorization', 'order'], details: { why: 'handshake' } },
  ),
  ...rows(
    'firewall',
    ['(?:failed|could not|unable|cannot) to? ?connect to .{1,200}', 'could not connect to'],
    {
      types: ['connection'],
    },
  ),
  ...rows('http-status', ['error getting validation data', 'malformed http (?:response|status|version)'], {
    operations: ['challenge', 'authorization', 'order'],
  }),
]
