import type { Operation } from '../acme/operation.ts'
import type { ProblemName } from '../acme/problem-types.ts'
import type { Effect, PolicyMode } from '../exchange/decision.ts'
import type { Mode } from '../exchange/mode.ts'

/**
 * A policy as its file says it, checked, with every default filled in, durations in milliseconds and the files of its
 * lists read. What a person wrote as one value or a list is a list here. An absent condition asks nothing.
 */
export interface PolicyDocument {
  readonly version: 1
  /** Of every rule without a mode of its own, of the default and of what is built in. */
  readonly mode: PolicyMode
  /** What no rule decides. */
  readonly default: Effect
  /** What a client is told where the default denies, or a rule without a message; null for the usual words. */
  readonly message: string | null
  readonly link: string | null
  /** By name: what `@name` stands for. */
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly webhooks: Readonly<Record<string, WebhookSetting>>
  readonly rules: readonly RuleDocument[]
}

export interface WebhookSetting {
  readonly url: string
  /** What signs the request (HMAC-SHA-256); null where none is configured. */
  readonly secretFile: string | null
  /** Milliseconds. */
  readonly timeout: number
  /** Milliseconds an answer is taken for the same question; 0 asks every time. */
  readonly cache: number
  /** PEM file of the roots that may sign its certificate; null for the usual ones. */
  readonly trust: string | null
}

export interface RuleDocument {
  readonly name: string
  readonly when: ConditionDocument
  readonly effect: 'allow' | 'deny' | 'warn'
  /** Null: the policy's. */
  readonly mode: PolicyMode | null
  /** With placeholders; null: the policy's for a rule that denies, else the usual words. */
  readonly message: string | null
  readonly link: string | null
  readonly owner: string | null
  /** Milliseconds since 1970: from then on it matches nothing. */
  readonly expires: number | null
  /** What a condition that cannot be decided means; null: `match` for deny and warn, `skip` for allow. */
  readonly unknown: 'match' | 'skip' | null
  /** Of a denial; null: what suits the operation. */
  readonly problem: ProblemName | null
  /** Where it stands in the file, both from 1. */
  readonly line: number
  readonly column: number
}

/** Members of one mapping must all hold. */
export interface ConditionDocument {
  readonly all?: readonly ConditionDocument[]
  readonly any?: readonly ConditionDocument[]
  readonly not?: ConditionDocument

  // What is asked for: judged for each name by itself.
  /** Patterns of DNS names (policy/names/pattern.ts), or `@list`. */
  readonly names?: readonly string[]
  /** Whether the name is a wildcard. */
  readonly wildcard?: boolean
  /** The registrable domain: `example.co.uk`. */
  readonly registered_domain?: readonly string[]
  readonly public_suffix?: readonly string[]
  /** IP identifiers (RFC 8738): networks or addresses, or `@list`. */
  readonly ip?: readonly string[]
  readonly identifier_type?: readonly ('dns' | 'ip')[]

  // The request as a whole.
  readonly client?: ClientCondition
  readonly mode?: readonly Mode[]
  readonly ca?: readonly string[]
  readonly operation?: readonly Operation[]
  /** Of the names asked for. */
  readonly count?: Comparison
  /** `none` stands for no profile. */
  readonly profile?: readonly string[]
  /** Milliseconds from notBefore (or now) to notAfter; a request without notAfter compares with nothing: false. */
  readonly validity?: Comparison
  readonly replaces?: boolean
  readonly key?: KeyCondition
  readonly csr?: CsrCondition
  readonly time?: TimeCondition
  /** Orders for exactly this set of names that the CA took before. */
  readonly duplicates?: { readonly within: number; readonly count: Comparison }
  readonly orders?: { readonly per: OrdersPer; readonly within: number; readonly count: Comparison }
  /** An expression of the Common Expression Language; what it may read: docs/policy.md. */
  readonly cel?: string
  /** Name of a webhook: true where it allows. */
  readonly webhook?: string
}

/** Whose orders are counted. `domain`: orders with a name of the same registrable domain. `all`: everybody's. */
export const ORDERS_PER = ['client', 'account', 'address', 'label', 'domain', 'all'] as const
export type OrdersPer = (typeof ORDERS_PER)[number]

export interface ClientCondition {
  /** Networks or addresses. */
  readonly address?: readonly string[]
  /** In intercept the proxy user, in relay the Host the client uses, in broker the label in the path. */
  readonly label?: readonly string[]
  readonly proxy_user?: readonly string[]
  /** Account URL, or RFC 7638 thumbprint of its key. */
  readonly account?: readonly string[]
  /** Contact URLs; `mailto:*@example.com` stands for every address there. */
  readonly contact?: readonly string[]
  /** Key ids of external account bindings. */
  readonly external_account?: readonly string[]
  /** Product of the User-Agent: `certbot`, `lego-cli`; case does not count. */
  readonly software?: readonly string[]
  /** Of that product. */
  readonly version?: Comparison
  /** Regular expressions (RE2), matched anywhere in the User-Agent. */
  readonly user_agent?: readonly string[]
}

export interface KeyCondition {
  readonly type?: readonly string[]
  readonly size?: Comparison
  readonly curve?: readonly string[]
  /** Used before for another set of names. */
  readonly reused?: boolean
  /** The CSR's key is also an account's. */
  readonly account_key?: boolean
}

export interface CsrCondition {
  readonly must_staple?: boolean
  /** Dotted numbers, or names: subjectAltName, keyUsage, extKeyUsage, basicConstraints, tlsFeature, certificatePolicies. */
  readonly extension?: readonly string[]
  /** Whether it has a common name. */
  readonly common_name?: boolean
  /** Signature algorithms as policy/../acme/certificate-request.ts names them. */
  readonly signature?: readonly string[]
  /** Whether it asks for names that are neither DNS names nor addresses. */
  readonly other_names?: boolean
}

/** Every member that is there must hold. */
export interface TimeCondition {
  /** Milliseconds since 1970: from `from` on, and before `until`. */
  readonly from?: number
  readonly until?: number
  /** 1 Monday … 7 Sunday. */
  readonly days?: readonly number[]
  /** Minutes of the day, from and before; `from` after `until` goes over midnight, and its days are those it began on. */
  readonly hours?: { readonly from: number; readonly until: number }
  /** IANA name of the time zone of days and hours. */
  readonly zone: string
}

/** Written `>10`, `>=10`, `<2048`, `<=90d`, `=3`, `2..5`. Numbers, or version numbers part by part. */
export interface Comparison {
  readonly is: '>' | '>=' | '<' | '<=' | '=' | '..'
  readonly value: readonly number[]
  /** For `..`: the upper end, which belongs to it. */
  readonly to: readonly number[] | null
  /** As written. */
  readonly text: string
}
