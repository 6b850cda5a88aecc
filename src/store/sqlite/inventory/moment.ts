/** The exchange that says something: what every object it touches is marked with. Times are µs. */
export interface Moment {
  /** Sequence number of the intent, or of the event: where the object is seen first. */
  readonly first: number
  readonly firstAt: number
  /** Of the outcome: the order in which what a CA says counts. */
  readonly sequence: number
  readonly at: number
  readonly exchange: string
  readonly caName: string
  readonly ca: number
  readonly account: number | null
  readonly client: number | null
  /** It had not been taken in before: what is counted may be counted. */
  readonly isNew: boolean
}
