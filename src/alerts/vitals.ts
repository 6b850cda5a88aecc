import type { Millis } from './millis.ts'

/** How acmetap itself and what it sees of the CAs stands: measured by the server, every few seconds. Kept nowhere. */
export interface Vitals {
  readonly at: Millis
  /** When measuring began: what is seen of the CAs is of no longer. */
  readonly since: Millis
  /** Of the last five minutes, as seen by the whole fleet. */
  readonly cas: readonly CaVitals[]
  readonly record: {
    /** Since when no fact could be written; null while they can. */
    readonly unwritableSince: Millis | null
    readonly detail: string | null
    /** Facts the inventory has not taken in, and since when there have been some without pause. */
    readonly backlog: number
    readonly behindSince: Millis | null
    /** Bytes of outcomes that wait outside of the store. */
    readonly spillBytes: number
  }
  readonly roots: readonly {
    readonly name: string
    readonly fingerprint: string
    readonly notAfter: Millis
    readonly run: string
    /** What comes of its end; left out: what clients of acmetap meet. */
    readonly harm?: string
  }[]
  /** Rules of the policy in force that end by themselves. */
  readonly endingRules: readonly EndingRule[]
  /** Certificates that acmetap itself should have obtained, or put into use. */
  readonly failingRenewals: readonly FailingRenewal[]
  /** Accounts of acmetap's own that a CA no longer takes. Left out: none. */
  readonly lostAccounts?: readonly LostAccount[]
  readonly sinks: readonly {
    readonly name: string
    readonly failingSince: Millis | null
    readonly backlog: number
    readonly error: string | null
  }[]
  readonly channels: readonly {
    readonly name: string
    readonly failingSince: Millis | null
    readonly waiting: number
    readonly error: string | null
  }[]
}

export interface FailingRenewal {
  /** Its name in the configuration. */
  readonly certificate: string
  readonly names: readonly string[]
  readonly ca: string
  /** obtain: the CA has issued none. deploy: it is there, but files or hooks failed. held: it was issued too often. */
  readonly kind: 'obtain' | 'deploy' | 'held'
  readonly failures: number
  readonly since: Millis
  readonly error: string
  readonly exchange: string | null
  /** Not tried before; null: at once. */
  readonly next: Millis | null
  /** Of the newest one; null while there is none. */
  readonly notAfter: Millis | null
  readonly lifetime: Millis | null
}

export interface LostAccount {
  readonly ca: string
  /** URL at the CA. */
  readonly account: string
  /** Label of the clients it orders for; null: all who share it, and acmetap itself. */
  readonly tenant: string | null
  /** deactivated: the CA has it still. revoked: it does not, or says so. */
  readonly status: 'deactivated' | 'revoked'
  readonly since: Millis
}

export interface EndingRule {
  readonly rule: string
  readonly effect: 'allow' | 'deny' | 'warn'
  readonly owner: string | null
  readonly expires: Millis
  /** Where it stands: `/etc/acmetap/policy.yaml:12`. */
  readonly place: string
}

export interface CaVitals {
  readonly ca: string
  readonly exchanges: number
  /** No answer: could not be reached, or gave none in time. */
  readonly failed: number
  /** Answers 500 to 599. */
  readonly serverErrors: number
  /** Of the answers; ms. Null without answers. */
  readonly p50: number | null
  readonly p95: number | null
  /** What it says most often when it fails. */
  readonly error: string | null
  readonly lastExchange: string | null
  /** The CA's Date less ours, in ms; the median of the last answers. Null where none said. */
  readonly skew: number | null
}
