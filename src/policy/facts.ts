import type { Identifier } from '../acme/identifier.ts'
import type { Operation } from '../acme/operation.ts'
import type { Asked } from '../exchange/asked.ts'
import type { WebhookAnswer } from '../exchange/decision.ts'
import type { Mode } from '../exchange/mode.ts'

/**
 * Everything that conditions read of one request: a value without I/O, made from an exchange (policy/gather.ts) or from
 * the record (policy/recorded-facts.ts), so that both are decided by the same code. Undefined: not known.
 */
export interface PolicyFacts {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly mode: Mode
  readonly ca: string
  readonly operation: Operation
  /** What the request, or the order it belongs to, names, as written; undefined for an object acmetap has not seen made. */
  readonly identifiers: readonly Identifier[] | undefined
  readonly client: ClientFacts
  readonly asked: Asked | null
  /** What the newOrder of this issuance had asked for; undefined where it is not known, null for requests of none. */
  readonly order: OrderFacts | null | undefined
  /** By {@link import('./history.ts').questionText}; absent: not known. */
  readonly history: Readonly<Record<string, number>>
  /** Sets of names the CSR's key was used for before, each sorted. */
  readonly keyUses: readonly (readonly string[])[] | undefined
  /** Whether the CSR's key is the key of an account that acmetap knows. */
  readonly accountKey: boolean | undefined
  /** By name; absent: not asked yet. */
  readonly webhooks: Readonly<Record<string, WebhookAnswer>>
}

/** Null: there is none. */
export interface ClientFacts {
  readonly address: string | null | undefined
  readonly label: string | null | undefined
  readonly proxyUser: string | null | undefined
  readonly userAgent: string | null | undefined
  /** Account URL. */
  readonly account: string | null
  /** RFC 7638, of the key that signed. */
  readonly thumbprint: string | null | undefined
  readonly contacts: readonly string[] | undefined
  /** Key id of the external account binding. */
  readonly externalAccount: string | null | undefined
}

export interface OrderFacts {
  readonly profile: string | null
  /** Milliseconds from notBefore, or from the request, to notAfter; null where it asked for no notAfter. */
  readonly validity: number | null
  readonly replaces: boolean
}
