/** Leave to send one request to a CA, under the rates it allows to one address. */
export interface Turn {
  /** Local address to send from; null leaves it to the system. */
  readonly from: string | null
  /** µs it was waited for. */
  readonly waited: number
}

/** For what is not paced. */
export const AT_ONCE: Turn = { from: null, waited: 0 }
