import type { Identifier } from '../acme/identifier.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { Endpoint } from './endpoint.ts'
import type { BrokerAccount, BrokerAuthorization, BrokerOrder } from './objects.ts'

export interface OrderRequest {
  readonly endpoint: Endpoint
  readonly account: BrokerAccount
  /** Checked and in lower case. */
  readonly identifiers: readonly Identifier[]
  readonly profile: string | null
  /** Certificate id, known to be of a certificate of this account; null: none, or one to leave out. */
  readonly replaces: string | null
  /** One for each identifier; those that are new are stored with the order. */
  readonly authorizations: readonly { readonly authorization: BrokerAuthorization; readonly isNew: boolean }[]
  /** CAs the account's EAB key permits; null: all. */
  readonly permitted: readonly string[] | null
  /** The client's exchange. */
  readonly exchange: ExchangeId
}

/** Orders on their way: what clients ask for is durable, and gone on with here, after a kill too. */
export interface Issuances {
  /**
   * RFC 8555 §7.4: chooses CAs, places the order at the first that takes it, and keeps it; `ready` where every authorization is
   * valid. Rejects with IssuerError: what the CA said, or the first of several that said no.
   */
  begin(request: OrderRequest, signal: AbortSignal): Promise<BrokerOrder>
  /** An authorization has become valid or invalid: pending orders that have it become ready or invalid. */
  settled(authorization: BrokerAuthorization): Promise<void>
  /**
   * RFC 8555 §7.4, of a `ready` order whose CSR was checked. Resolves with the order as it stands when it is done, or after a
   * few seconds: valid, invalid or processing.
   */
  finalize(order: BrokerOrder, csr: string, exchange: ExchangeId): Promise<BrokerOrder>
  /** Gone on with: every open order. */
  start(): Promise<void>
  close(): Promise<void>
}
