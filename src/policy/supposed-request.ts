import type { Operation } from '../acme/operation.ts'
import type { Mode } from '../exchange/mode.ts'

/** A request that nobody made, to be explained or tested. JSON. What is absent is not known, or not there. */
export interface SupposedRequest {
  readonly operation: Operation
  /** DNS names and addresses as a client would write them. */
  readonly names: readonly string[]
  /** Milliseconds since 1970. */
  readonly at: number
  readonly mode: Mode
  readonly ca: string
  readonly client: SupposedClient
  /** What the newOrder asks or had asked for; `validity` in milliseconds. */
  readonly profile?: string
  readonly validity?: number
  readonly replaces?: boolean
  /** Base64 (DER) of the CSR of a finalize. */
  readonly csr?: string
}

export interface SupposedClient {
  readonly address?: string
  readonly label?: string
  readonly proxyUser?: string
  readonly userAgent?: string
  /** URL. */
  readonly account?: string
  /** RFC 7638. */
  readonly thumbprint?: string
  readonly contacts?: readonly string[]
  readonly externalAccount?: string
}
