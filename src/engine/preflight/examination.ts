/**
 * src/engine/preflight looks at a name as a CA would before it issues for it, but from this machine only: DNS, CAA,
 * DNSSEC, and what answers the challenge. It sends nothing but these questions. Start with `examine-domain.ts`.
 *
 * A finding's `check` is a class of audit/diagnosis/classes.ts where one fits.
 */
import type { Findings } from '../../audit/diagnosis/finding.ts'
import type { DnsPlace } from '../../ca/dns/ask.ts'
import type { Resolver } from '../../ca/dns/resolver.ts'

export const CHALLENGE_TYPES = ['http-01', 'dns-01', 'tls-alpn-01'] as const
export type ChallengeType = (typeof CHALLENGE_TYPES)[number]

/** The CA that shall issue. */
export interface Issuer {
  readonly title: string
  /** Its issuer domain names in CAA records (RFC 8659 §4.2). */
  readonly domains: readonly string[]
  /** It validates from the Internet: private addresses are of no use to it. */
  readonly isPublic: boolean
}

export interface DomainProbe {
  /** In lower case, A-labels, without `*.`; or an IP address (RFC 8738). */
  readonly name: string
  readonly wildcard: boolean
  /** Null: nobody said which; what http-01 needs is looked at then, dns-01 for a wildcard. */
  readonly challenge: ChallengeType | null
  /** Null: nobody said which CA. */
  readonly issuer: Issuer | null
  /** Account URL, for RFC 8657. */
  readonly account: string | null
  readonly resolvers: readonly DnsPlace[]
  readonly ports: { readonly http: number; readonly https: number; readonly dns: number }
  /** Why a CA on the Internet cannot reach an address; null where it can. */
  readonly notPublic: (address: string) => string | null
  /** Milliseconds for one DNS question, one connection with its answer, and everything. */
  readonly patience: { readonly dns: number; readonly answer: number; readonly all: number }
}

export interface Examination {
  readonly probe: DomainProbe
  readonly resolver: Resolver
  readonly findings: Findings
  readonly signal: AbortSignal
}

/** A stranger's text within a sentence. */
export function quote(text: string, most = 120): string {
  return JSON.stringify(text.length > most ? `${text.slice(0, most)}…` : text)
}

export function list(parts: readonly string[], most = 8): string {
  const shown = parts.slice(0, most).join(', ')
  return parts.length > most ? `${shown} and ${parts.length - most} more` : shown
}
