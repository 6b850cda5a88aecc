import type { Identifier } from '../acme/identifier.ts'
import type { ProblemName } from '../acme/problem-types.ts'

/** A verdict on one exchange, with the reasons a person needs. */
export type Decision = Allowance | Denial

export interface Allowance {
  readonly effect: 'allow'
  /** What the policy made of it; absent where none is in force, or the request is none that it decides. */
  readonly policy?: PolicyVerdict
}

export interface Denial {
  readonly effect: 'deny'
  /** Which rule said no: `ambiguous-request` and the like, or the name of a policy's rule. */
  readonly rule: string
  readonly problem: ProblemName
  /** HTTP status, where it is not the problem type's own. */
  readonly status?: number
  /** Seconds. */
  readonly retryAfter?: number
  /** One self-contained line for the client's user. */
  readonly detail: string
  /** A page that helps, told as `Link: <…>;rel="help"`. */
  readonly help?: string
  /** RFC 8555 §6.7.1: one for each name that was denied. */
  readonly subproblems?: readonly NameProblem[]
  /** Of a badSignatureAlgorithm (RFC 8555 §6.2): those that are taken. */
  readonly algorithms?: readonly string[]
  readonly policy?: PolicyVerdict
}

export interface NameProblem {
  readonly problem: ProblemName
  readonly detail: string
  readonly identifier: Identifier
}

/** `observe`: decide and record. `warn`: that, and tell. `enforce`: what is denied is not sent. */
export const POLICY_MODES = ['observe', 'warn', 'enforce'] as const
export type PolicyMode = (typeof POLICY_MODES)[number]

export type Effect = 'allow' | 'deny'

/** What decided: the name of a rule, `default`, or one of the names that begin with `policy:` (see policy/built-in.ts). */
export interface Deciding {
  readonly effect: Effect
  readonly rule: string
}

/** What a policy made of one request. JSON: it is part of the record. */
export interface PolicyVerdict {
  /** Of the policy that decided. */
  readonly digest: string
  /** In force. */
  readonly decided: Deciding
  /** As if every rule were enforced. */
  readonly would: Deciding
  /** Rules of effect or mode `warn` that have something to say, and their messages. */
  readonly warnings: readonly { readonly rule: string; readonly message: string }[]
  /** Names that are, or would be, denied: at most 100. Empty where the whole request is. */
  readonly names: readonly NameVerdict[]
  /** How many of them there are. */
  readonly deniedNames: number
  /** Rules that could have matched, in their order, at most 50; empty for a request that simply passes. */
  readonly rules: readonly RuleSeen[]
  /** What conditions read of the world beside the request itself, as it stood. */
  readonly read: PolicyRead
}

export interface NameVerdict extends Deciding {
  readonly identifier: Identifier
  readonly message: string
}

/** `unknown` and `elsewhere`: see policy/truth.ts. */
export interface RuleSeen {
  readonly rule: string
  readonly effect: 'allow' | 'deny' | 'warn'
  readonly mode: PolicyMode
  readonly matched: 'true' | 'false' | 'unknown' | 'elsewhere' | 'expired'
  /** The first condition that was not met or not known, as written; null where all were met. */
  readonly because: string | null
}

/** Each absent where no condition reads it. */
export interface PolicyRead {
  /** By the question's text, `orders per client within 7d`: counts as they stood. */
  readonly history?: Readonly<Record<string, number>>
  /** Key id of the account's external account binding. */
  readonly externalAccount?: string | null
  /** Sets of names the key was used for before, at most 20. */
  readonly keyUses?: readonly (readonly string[])[]
  /** Whether the CSR's key is an account's. */
  readonly accountKey?: boolean
  /** What the newOrder had asked for, where a later request of the issuance is decided. */
  readonly order?: {
    readonly profile: string | null
    readonly validity: number | null
    readonly replaces: boolean
  }
  readonly webhooks?: Readonly<Record<string, WebhookAnswer>>
}

/** `allow` null: there was none in time, or none that can be read; `reason` says why. */
export interface WebhookAnswer {
  readonly allow: boolean | null
  readonly reason: string | null
  readonly data: unknown
}
