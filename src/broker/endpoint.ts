import type { BrokerChallengeType } from './objects.ts'

/** One ACME server of acmetap's: what a directory URL leads to. Made from the configuration; replaced whole on reload. */
export interface Endpoint {
  /** What record, policy and metrics call it, where a CA's name stands: `fleet`, and `fleet-staging` for its twin. */
  readonly name: string
  /** `/fleet` or `/fleet/staging`: where its URLs begin, without a slash at the end. */
  readonly path: string
  /** `https://acme.example.net`: of every URL it gives out, whatever a request says. */
  readonly origin: string
  /** The twin whose CAs are the CAs' stagings. */
  readonly staging: boolean
  /** CAs in the order they are tried where no route fits. */
  readonly cas: readonly string[]
  readonly routes: readonly Route[]
  readonly proof: 'policy' | 'challenge' | 'both'
  readonly eab: 'required' | 'optional'
  readonly labels: readonly LabelScope[]
  /** By what the client says, by CA: what that CA calls it; null: none there. */
  readonly profiles: readonly Profile[]
  readonly accounts: 'shared' | 'per_tenant'
  readonly terms: string | null
  readonly website: string | null
  readonly caaIdentities: readonly string[]
  readonly challenges: ChallengeSettings
  /** Authorizations that were validated here are good for as long, in ms. */
  readonly authorizationLifetime: number
  /** Orders are good for as long, in ms. */
  readonly orderLifetime: number
  /** Whether newAuthz (RFC 8555 §7.4.1) is offered; only where there are challenges. */
  readonly preAuthorization: boolean
}

/** The first that fits says which CAs an order may go to. What is left out fits everything. */
export interface Route {
  /** Patterns of a policy: fits where all names of the order are in it. */
  readonly names: readonly string[] | null
  readonly labels: readonly string[] | null
  readonly profiles: readonly string[] | null
  readonly cas: readonly string[]
}

/** Who comes under this label in the path, and what that alone lets him have. */
export interface LabelScope {
  readonly name: string
  readonly names: readonly string[]
  /** Networks it may be used from: a path is no secret. */
  readonly from: readonly string[]
}

export interface Profile {
  readonly name: string
  readonly description: string
  readonly at: Readonly<Record<string, string | null>>
}

export interface ChallengeSettings {
  readonly types: readonly BrokerChallengeType[]
  readonly httpPort: number
  readonly tlsPort: number
  /** DNS servers that are asked, `address` or `address:port`; empty: the system's. */
  readonly resolvers: readonly string[]
  /** Local addresses that are validated from, all of them; empty: the system's choice. */
  readonly from: readonly string[]
  /** Networks that may be connected to though they are not public. */
  readonly internal: readonly string[]
  /** Whether CAA records (RFC 8659) must permit one of `caaIdentities`. */
  readonly caa: boolean
}
