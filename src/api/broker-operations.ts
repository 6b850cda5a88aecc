/** What can be asked of the broker. Every value survives JSON; times are RFC 3339. */
import type { Identifier } from '../acme/identifier.ts'
import type { Actor } from '../audit/event.ts'
import type { BrokerOrderStatus } from '../broker/objects.ts'

/** How far a CA is trusted to answer: open after failures, halfOpen while one order tries it out. */
export type CircuitState = 'closed' | 'halfOpen' | 'open'

export interface ShownEndpoint {
  readonly name: string
  /** Directory URL that clients are given. */
  readonly directory: string
  readonly staging: boolean
  readonly cas: readonly string[]
  readonly proof: 'policy' | 'challenge' | 'both'
  readonly eab: 'required' | 'optional'
  readonly labels: readonly { readonly name: string; readonly directory: string }[]
  readonly openOrders: number
}

export interface ShownBrokerCa {
  readonly name: string
  readonly kind: 'acme' | 'local'
  readonly state: CircuitState
  /** Why no order goes there now, or why it is tried with care; null where all is well. */
  readonly why: string | null
  /** Until when; null where nobody knows. */
  readonly until: string | null
}

/** A CA that is taken for dead; there is one for each CA at most. */
export interface ShownDrill {
  readonly ca: string
  /** For whose orders; null: everybody's. */
  readonly labels: readonly string[] | null
  readonly until: string
}

export interface BrokerStatus {
  readonly endpoints: readonly ShownEndpoint[]
  readonly cas: readonly ShownBrokerCa[]
  readonly drills: readonly ShownDrill[]
  readonly openOrders: number
}

export interface ShownBrokerOrder {
  readonly id: string
  readonly endpoint: string
  readonly account: string
  readonly label: string | null
  readonly status: BrokerOrderStatus
  readonly identifiers: readonly Identifier[]
  readonly profile: string | null
  readonly ca: string
  /** CAs that may serve it, in order. */
  readonly candidates: readonly string[]
  /** CAs it was tried at before, and why it left them. */
  readonly left: readonly { readonly ca: string; readonly why: string }[]
  /** Why it is invalid. */
  readonly error: string | null
  /** Id of the exchange that made it. */
  readonly issuance: string
  readonly createdAt: string
  readonly changedAt: string
  readonly expiresAt: string
}

export interface BrokerOrderFilter {
  readonly endpoint?: string
  readonly ca?: string
  /** Those that are neither valid nor invalid; oldest first. */
  readonly open?: boolean
  readonly limit: number
}

export interface DrillRequest {
  readonly ca: string
  /** Left out: for every client. */
  readonly labels?: readonly string[]
  /** Seconds. */
  readonly for: number
}

/** An EAB key as it may be shown: never with its MAC key. */
export interface ShownEabKey {
  readonly id: string
  readonly label: string
  /** Patterns of a policy; empty: every name. */
  readonly names: readonly string[]
  /** Empty: all. */
  readonly endpoints: readonly string[]
  /** Empty: all of the endpoint. */
  readonly cas: readonly string[]
  /** Accounts that may be made with it; null: any number. */
  readonly uses: number | null
  readonly used: number
  readonly state: 'usable' | 'spent' | 'expired' | 'revoked'
  readonly expiresAt: string | null
  readonly revokedAt: string | null
  readonly createdAt: string
}

export interface EabKeyRequest {
  readonly label: string
  readonly names: readonly string[]
  /** In the place of names: every name, which `proof: policy` grants without a look. */
  readonly anyName?: boolean
  readonly endpoints?: readonly string[]
  readonly cas?: readonly string[]
  readonly uses?: number
  readonly expiresAt?: string
}

export interface CreatedEabKey {
  readonly key: ShownEabKey
  /** base64url, told in this answer and never again. */
  readonly mac: string
  /** Directory URLs it is good for. */
  readonly directories: readonly { readonly endpoint: string; readonly url: string }[]
}

/** EAB keys: what needs no running server. Rejects with OperationRefused for what was asked wrongly. */
export interface EabOperations {
  /** Newest first. */
  eabKeys(): Promise<readonly ShownEabKey[]>
  createEabKey(request: EabKeyRequest, actor: Actor): Promise<CreatedEabKey>
  /** No account is made with it any more, and those made with it order nothing. */
  revokeEabKey(id: string, actor: Actor): Promise<ShownEabKey>
}

export interface BrokerOperations extends EabOperations {
  status(): Promise<BrokerStatus>
  /** Newest first. */
  orders(filter: BrokerOrderFilter): Promise<readonly ShownBrokerOrder[]>
  startDrill(request: DrillRequest, actor: Actor): Promise<ShownDrill>
  /** All of them, or those of one CA; what was stopped. */
  stopDrills(ca: string | null, actor: Actor): Promise<readonly ShownDrill[]>
}
