import type { OrdersPer } from './document.ts'

/** How many orders were there before this one. */
export type HistoryQuestion =
  | { readonly kind: 'orders'; readonly per: OrdersPer; readonly within: number }
  | { readonly kind: 'duplicates'; readonly within: number }

/** `orders per client within 7d`, `duplicates within 30d`: what the answer is known by. */
export function questionText(question: HistoryQuestion): string {
  const within = durationText(question.within)
  return question.kind === 'orders'
    ? `orders per ${question.per} within ${within}`
    : `duplicates within ${within}`
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** In the largest unit that says it exactly. */
function durationText(milliseconds: number): string {
  const unit = UNITS.find(([, length]) => milliseconds >= length && milliseconds % length === 0)
  return unit === undefined ? `${milliseconds}ms` : `${milliseconds / unit[1]}${unit[0]}`
}

/** One order as history counts it: see counted-order.ts. */
export interface CountedOrder {
  /** Id of its newOrder exchange. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly ca: string
  /** Account, address, label and program in one text, as the inventory tells clients apart; null without an account. */
  readonly client: string | null
  readonly account: string | null
  readonly address: string | null
  readonly label: string | null
  /** In lower case, sorted, each once. */
  readonly names: readonly string[]
}
