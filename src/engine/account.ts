import type { Sealed } from './sealing.ts'

/** What acmetap signs its own ACME messages with. */
export const ACCOUNT_KEY_TYPES = ['ec256', 'ec384', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519'] as const
export type AccountKeyType = (typeof ACCOUNT_KEY_TYPES)[number]

/**
 * creating: its key is kept, newAccount may have been sent. The CA answers a repetition with the same account
 * (RFC 8555 §7.3), so it is simply sent again.
 */
export type EngineAccountStatus = 'creating' | 'valid' | 'deactivated' | 'revoked'

/** An account of acmetap's own at a CA. */
export interface EngineAccount {
  readonly id: string
  /** As under `cas`. */
  readonly ca: string
  /** Label of those it orders for; null: for acmetap itself, and for all who share its account. */
  readonly tenant: string | null
  /** Directory URL; accounts belong to one. */
  readonly directory: string
  readonly status: EngineAccountStatus
  /** Null while it is being created. */
  readonly url: string | null
  /** PKCS #8 PEM, sealed. */
  readonly key: Sealed
  /** RFC 7638 of that key. */
  readonly thumbprint: string
  /** Sealed key of a roll-over that was begun and may have reached the CA (RFC 8555 §7.3.5); null otherwise. */
  readonly nextKey: Sealed | null
  readonly contact: readonly string[]
  /** Key id of the external account binding it was made with. */
  readonly externalKeyId: string | null
  /** When it was seen to be gone, or deactivated, without acmetap having asked for that (µs since 1970); null otherwise. */
  readonly lostAt: number | null
  /** URL of its orders list (RFC 8555 §7.1.2.1), where the CA has one. */
  readonly orders: string | null
  /** µs since 1970. */
  readonly createdAt: number
}
