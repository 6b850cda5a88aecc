import type { Jwk } from '../acme/jwk.ts'
import type { Operation } from '../acme/operation.ts'
import type { FieldList } from '../exchange/exchange.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { Endpoint } from './endpoint.ts'
import type { BrokerAccount, BrokerAuthorization, BrokerCertificate, BrokerOrder } from './objects.ts'

/** What a URL of an endpoint leads to. */
export interface Target {
  readonly endpoint: Endpoint
  /** From `/~<label>/`; null without one. */
  readonly label: string | null
  readonly operation: Operation
  /** Ids in the path, in their order: of the account, order, authorization, challenge, certificate. */
  readonly ids: readonly string[]
}

/** A request that was verified (RFC 8555 §6.2 to §6.5) and permitted, as the operations see it. */
export interface BrokeredRequest extends Target {
  readonly id: ExchangeId
  readonly method: string
  /** µs since 1970. */
  readonly at: number
  readonly clientAddress: string | null
  /** Of a POST: undefined for POST-as-GET. From a strict reading: no member twice, no bad UTF-8. */
  readonly payload: unknown
  readonly isPostAsGet: boolean
  /** Whose `kid` it was; null where it was signed by `jwk`, or not at all. */
  readonly account: BrokerAccount | null
  /** The key that signed, with its RFC 7638 thumbprint; null for GET and HEAD. */
  readonly key: { readonly jwk: Jwk; readonly thumbprint: string } | null
  /** What the URL names, as it stood when the request was verified; null where it names no such thing. All are the account's. */
  readonly order: BrokerOrder | null
  /** Of an authorization or a challenge. */
  readonly authorization: BrokerAuthorization | null
  readonly certificate: BrokerCertificate | null
  readonly signal: AbortSignal
}

/** `json` is written as application/json; a Replay-Nonce and `Link: index` are put beside it. */
export interface BrokerAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly fields: FieldList
  readonly body: { readonly json: unknown } | { readonly text: string; readonly type: string } | null
}
