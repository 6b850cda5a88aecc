import type { Denial } from '../exchange/decision.ts'

/** Label values out of closed sets, of what others may word as they like. */

export function statusLabel(status: number): string {
  return status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : 'other'
}

/** Rules of acmetap's own; operators may name theirs as they like. */
const REFUSING_RULES: ReadonlySet<string> = new Set([
  'ambiguous-request',
  'body-too-large',
  'other-host',
  'jws',
  'method',
  'paced-out',
  'relay-refused',
  'unknown-host',
  'unknown-url',
])

/** `policy` for the rules of a policy, of what is built into it and for its default. */
export function ruleLabel({ rule, policy }: Denial): string {
  if (policy?.decided.effect === 'deny') return 'policy'
  return REFUSING_RULES.has(rule) ? rule : 'other'
}

/** Those the diagnosis knows by name; CAs make up more. */
const LIMITS: ReadonlySet<string> = new Set([
  'NewRegistrationsPerIPAddress',
  'NewRegistrationsPerIPv6Range',
  'NewOrdersPerAccount',
  'FailedAuthorizationsPerDomainPerAccount',
  'FailedAuthorizationsForPausingPerDomainPerAccount',
  'CertificatesPerDomain',
  'CertificatesPerFQDNSet',
  'PendingAuthorizations',
  'pacing',
  'unknown',
])

export function limitLabel(limit: string): string {
  return LIMITS.has(limit) ? limit : 'other'
}
