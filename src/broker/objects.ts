/**
 * src/broker is acmetap as an ACME server (RFC 8555): clients have accounts, orders and authorizations here, and acmetap
 * has the certificates from CAs. This file is what such a server keeps. Ids are opaque: 128 random bits in base64url.
 * Times are µs since 1970.
 */
import type { Identifier } from '../acme/identifier.ts'
import type { Jwk } from '../acme/jwk.ts'
import type { ProblemDocument } from '../acme/problem.ts'
import type { Sealed } from '../engine/sealing.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'

/** RFC 8555 §7.1.2. */
export interface BrokerAccount {
  readonly id: string
  /** Name of the endpoint it was made at: objects of one are unknown at any other. */
  readonly endpoint: string
  readonly status: 'valid' | 'deactivated' | 'revoked'
  readonly jwk: Jwk
  /** RFC 7638 of that key. Unique within an endpoint. */
  readonly thumbprint: string
  readonly contact: readonly string[]
  readonly termsAgreed: boolean
  /** Whose it is: the label of its EAB key, else that of the path it registered under; null without either. */
  readonly label: string | null
  /** Id of the EAB key it was made with. */
  readonly eabKey: string | null
  readonly createdAt: number
}

/** RFC 8555 §7.1.3. `ready` and before: the client's part. What the CA is doing meanwhile is in `upstream`. */
export type BrokerOrderStatus = 'pending' | 'ready' | 'processing' | 'valid' | 'invalid'

export interface BrokerOrder {
  readonly id: string
  readonly endpoint: string
  readonly account: string
  readonly status: BrokerOrderStatus
  /** Lower case; `*.` is part of a wildcard's value. */
  readonly identifiers: readonly Identifier[]
  /** Ids, one for each identifier. */
  readonly authorizations: readonly string[]
  /** As the client asked; null for none. */
  readonly profile: string | null
  /** RFC 9773 §5: certificate id of the one it replaces, as the client asked; null for none. */
  readonly replaces: string | null
  /** DER, base64url, once it was finalized. */
  readonly csr: string | null
  /** Id, once it is valid. */
  readonly certificate: string | null
  /** Why it is invalid. */
  readonly error: ProblemDocument | null
  readonly upstream: Upstream
  /** Exchange of its newOrder. */
  readonly issuance: ExchangeId
  readonly expiresAt: number
  readonly createdAt: number
  readonly changedAt: number
}

/** Where an order is served, and where it was tried before. */
export interface Upstream {
  /** As under `cas` or `local_cas`. */
  readonly ca: string
  /** What the issuer calls the order there. */
  readonly reference: string
  /** CAs that may serve it, in order, those that were tried among them. */
  readonly candidates: readonly string[]
  /** CAs that were left, and why: one line each. */
  readonly left: readonly { readonly ca: string; readonly why: string }[]
}

/** RFC 8555 §7.1.4. */
export interface BrokerAuthorization {
  readonly id: string
  readonly endpoint: string
  readonly account: string
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked'
  /** Without `*.`, which `wildcard` says. */
  readonly identifier: Identifier
  readonly wildcard: boolean
  /** What makes it valid: the operator's word (EAB key or label), or a challenge that was validated here. */
  readonly proof: 'policy' | 'challenge'
  readonly challenges: readonly BrokerChallenge[]
  readonly expiresAt: number
  readonly createdAt: number
}

/** RFC 8555 §8. */
export interface BrokerChallenge {
  readonly id: string
  readonly type: BrokerChallengeType
  /** 256 random bits, base64url. */
  readonly token: string
  readonly status: 'pending' | 'processing' | 'valid' | 'invalid'
  readonly validatedAt: number | null
  readonly error: ProblemDocument | null
}

/** What acmetap validates itself. */
export const BROKER_CHALLENGE_TYPES = ['http-01', 'dns-01', 'tls-alpn-01'] as const
export type BrokerChallengeType = (typeof BROKER_CHALLENGE_TYPES)[number]

export interface BrokerCertificate {
  readonly id: string
  readonly endpoint: string
  readonly account: string
  readonly order: string
  readonly ca: string
  /** PEM, leaf first. The first is the CA's default, others its alternates (RFC 8555 §7.4.2). */
  readonly chains: readonly string[]
  readonly identifiers: readonly Identifier[]
  /** SHA-256 of the leaf, lower-case hex. */
  readonly fingerprint: string
  /** Lower-case hex. */
  readonly serial: string
  /** RFC 9773 §4.1; null where it has no authority key id. */
  readonly ariId: string | null
  /** What the issuer needs to have it revoked: its account there. */
  readonly upstreamAccount: string | null
  readonly notBefore: number
  readonly notAfter: number
  /** When it was revoked here; null where it was not. */
  readonly revokedAt: number | null
  /** An order that replaced it was made (RFC 9773 §5). */
  readonly replacedBy: string | null
  readonly issuedAt: number
}

/** A key that a team registers with (RFC 8555 §7.3.4). */
export interface EabKey {
  /** Its `kid`. */
  readonly id: string
  /** Whose: the label of its accounts in record, policy and inventory. */
  readonly label: string
  /** Names its accounts may have, as patterns of a policy (`.a.example`); empty: every name. */
  readonly names: readonly string[]
  /** Endpoints it is good for; empty: all. */
  readonly endpoints: readonly string[]
  /** CAs its orders may go to; empty: all of the endpoint. */
  readonly cas: readonly string[]
  /** Accounts that may be made with it; null: any number. */
  readonly uses: number | null
  readonly used: number
  /** 256 random bits, base64url, sealed (place: table `eab`, column `key`). */
  readonly mac: Sealed
  /** No account is made with it from then on, and those made with it order nothing; null: never. */
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly createdAt: number
}
