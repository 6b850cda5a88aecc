import type { OrdersPer } from './document.ts'

/** How many orders were there before this one. */
export type HistoryQuestion =
  | { readonly kind: 'orders'; readonly per: OrdersPer; readonly within: number }
  | { readonly kind: 'duplicates'; readonly within: number }

/** One order as history counts it. */
export interface CountedOrder {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly ca: string
  /** Null where it is not known. */
  readonly client: string | null
  readonly account: string | null
  readonly address: string | null
  readonly label: string | null
  /** Normalised, sorted. */
  readonly names: readonly string[]
}
