import type { FieldList } from '../exchange/exchange.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'

/** A CA's answer of success (2xx). What is no success is thrown as EngineError. */
export interface AcmeAnswer {
  readonly exchange: ExchangeId
  readonly status: number
  /** Names in lower case. */
  readonly fields: FieldList
  /** Decoded, within bounds. */
  readonly body: Buffer
  /** The body as JSON; undefined where it is none. */
  readonly json: unknown
  /** `Location`, made absolute and known to be of the CA's own origin; null without one. */
  readonly location: string | null
  /** Seconds, within bounds (1 s to 24 h); null where the CA said nothing. */
  readonly retryAfter: number | null
}
