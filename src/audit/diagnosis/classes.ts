/**
 * src/audit/diagnosis turns what a CA, the network or acmetap itself said into a cause and a remedy. It knows texts,
 * no I/O. Start with `diagnose.ts`; the table is in `table/`.
 *
 * A closed list: released names stay, new ones are appended.
 */
export const VALIDATION_CLASSES = [
  // The CA could not validate over HTTP or TLS
  'firewall',
  'slow-server',
  'connection-refused',
  'connection-reset',
  'network-unreachable',
  'http-not-found',
  'http-status',
  'wrong-body',
  'other-server',
  'some-backends',
  'redirect-loop',
  'bad-redirect',
  'tls-on-http-port',
  'wrong-aaaa',
  'split-horizon',
  'alpn',
  'secondary-validation',
  // The CA could not validate over DNS
  'nxdomain',
  'servfail',
  'dns-timeout',
  'dnssec',
  'no-address',
  'dns-failure',
  'txt-missing',
  'txt-wrong',
  'txt-not-everywhere',
  'dns-persist',
  'wildcard-without-dns',
] as const

export const DIAGNOSIS_CLASSES = [
  // The CA looked at the name and did not find what it needs
  ...VALIDATION_CLASSES,
  // Also looked up when a certificate is made
  'caa',
  // Somebody walked away
  'challenge-not-answered',
  'order-not-finalized',
  'certificate-not-downloaded',
  // Limits
  'rate-limit',
  'ca-busy',
  'account-paused',
  // What the client asked for
  'bad-csr',
  'csr-names',
  'bad-nonce',
  'nonce-storm',
  'external-account-required',
  'external-account-refused',
  'terms-not-agreed',
  'account-unknown',
  'account-inactive',
  'contact-refused',
  'bad-signature',
  'bad-key',
  'wrong-url',
  'malformed-request',
  'name-refused',
  'identifier-unsupported',
  'profile-refused',
  'replaces-refused',
  'order-not-ready',
  'not-the-owner',
  'not-found',
  'revocation-refused',
  'already-revoked',
  // The CA, the way to it, acmetap
  'ca-internal',
  'ca-unreachable',
  'ca-certificate',
  'ca-answer',
  'refused-by-acmetap',
  'ambiguous-request',
  'policy-denied',
  'acmetap-busy',
  'interrupted',
  'unclassified',
] as const
export type DiagnosisClass = (typeof DIAGNOSIS_CLASSES)[number]

/** Who can mend it. */
export const FIXERS = ['client', 'server', 'dns', 'network', 'ca', 'acmetap', 'nobody'] as const
export type Fixer = (typeof FIXERS)[number]

/** Who that is, for people. */
export const FIXER_TEXTS = {
  client: 'who runs the ACME client',
  server: 'who runs the host of the name',
  dns: 'who runs the DNS of the name',
  network: 'who runs the network and its firewalls',
  ca: 'the CA',
  acmetap: 'who runs acmetap',
  nobody: 'nobody: it passes by itself',
} as const satisfies Readonly<Record<Fixer, string>>
