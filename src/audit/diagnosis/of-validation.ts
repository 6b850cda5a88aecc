import type { DiagnosisClass } from './classes.ts'

const OF_VALIDATION: ReadonlySet<DiagnosisClass> = new Set([
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
])

/** The CA looked at the name and did not find what it needs. CAA is also looked up when a certificate is made. */
export function isOfValidation(name: DiagnosisClass): boolean {
  return OF_VALIDATION.has(name)
}
