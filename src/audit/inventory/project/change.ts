import type { CertificateChain, LeafFacts } from '../../../acme/certificate.ts'
import type { Identifier } from '../../../acme/identifier.ts'
import type { ToldError } from './seen.ts'

/** What an exchange or an event says of one object. Null: nothing is said, what was known stays. Times are µs. */
export type Change =
  | AccountChange
  | OrderChange
  | AuthorizationChange
  | ChallengeChange
  | CertificateChange
  | RevocationChange
  | RenewalWindowChange

export interface AccountChange {
  readonly object: 'account'
  readonly url: string
  readonly status: string | null
  readonly thumbprint: string | null
  readonly keyType: string | null
  /** Digests of the personal values. An empty list: it has none. */
  readonly contacts: readonly string[] | null
  readonly requester: string | null
  readonly externalAccount: string | null
  readonly keyChangedAt: number | null
}

export interface OrderChange {
  readonly object: 'order'
  readonly url: string
  /** It answered a newOrder. */
  readonly requested: boolean
  /** Empty: not said. */
  readonly identifiers: readonly Identifier[]
  readonly status: string | null
  readonly expires: number | null
  readonly profile: string | null
  readonly replaces: string | null
  readonly notBefore: number | null
  readonly notAfter: number | null
  readonly csr: RequestedCertificate | null
  readonly certificateUrl: string | null
  readonly finalizedAt: number | null
  readonly error: ToldError | null
  readonly authorizations: readonly string[]
}

/** As the object `order` has it. */
export interface RequestedCertificate {
  readonly names: readonly Identifier[]
  readonly keyType: string | null
  readonly keyBits: number | null
  readonly spki: string | null
  readonly exchange: string
}

export interface AuthorizationChange {
  readonly object: 'authorization'
  readonly url: string
  /** As an order names it: with `*.` where it is for a wildcard. */
  readonly identifier: Identifier | null
  readonly wildcard: boolean
  readonly status: string | null
  readonly expires: number | null
}

export interface ChallengeChange {
  readonly object: 'challenge'
  readonly url: string
  readonly authorization: string | null
  readonly type: string | null
  readonly status: string | null
  /** The client said that it is ready. */
  readonly answeredAt: number | null
  readonly error: ToldError | null
}

export interface CertificateChange {
  readonly object: 'certificate'
  readonly chain: CertificateChain
  readonly url: string | null
  /** URL of the order it was issued for, where the exchange knew. */
  readonly order: string | null
  /** Digest of the body that holds it. */
  readonly body: string | null
  readonly imported: null | {
    readonly host: string
    readonly path: string
    readonly at: number
    readonly unmanaged: boolean
    readonly ca: string | null
  }
}

export interface RevocationChange {
  readonly object: 'revocation'
  readonly leaf: LeafFacts
  readonly reason: number | null
  /** Null: the CA said that it had been revoked before. */
  readonly by: 'account' | 'certificateKey' | null
}

export interface RenewalWindowChange {
  readonly object: 'renewalWindow'
  readonly ariId: string
  readonly start: number
  readonly end: number
  readonly explanation: string | null
}
