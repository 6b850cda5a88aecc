/** What of an order tells whether somebody walked away from it. Times are µs since 1970. */
export interface StandingOrder {
  /** As the CA last told it. */
  readonly status: string | null
  readonly expires: number | null
  /** Of the last exchange about it. */
  readonly lastAt: number
  /** A challenge of one of its authorizations was answered. */
  readonly answered: boolean
  readonly certificateUrl: string | null
  /** The certificate was fetched, by whomever. */
  readonly downloaded: boolean
}

export const ABANDONMENTS = [
  'challenge-not-answered',
  'order-not-finalized',
  'certificate-not-downloaded',
] as const
export type Abandonment = (typeof ABANDONMENTS)[number]

/** So long after the last exchange nobody is expected to go on: clients poll every few seconds, some every minutes. */
export const ABANDONED_AFTER = 3_600_000_000

/**
 * Time alone makes it so: no fact says it, and the next exchange about the order can take it back. So it is judged
 * when an order is read, and no row holds it.
 */
export function abandoned(order: StandingOrder, now: number): Abandonment | null {
  const over = now - order.lastAt >= ABANDONED_AFTER
  const expired = order.expires !== null && order.expires <= now
  switch (order.status) {
    case 'pending':
      return !order.answered && (over || expired) ? 'challenge-not-answered' : null
    case 'ready':
      return over || expired ? 'order-not-finalized' : null
    case 'valid':
      return over && order.certificateUrl !== null && !order.downloaded ? 'certificate-not-downloaded' : null
    default:
      return null
  }
}
