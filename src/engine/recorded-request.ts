/**
 * What the record knows of a request that a killed process was about to send. unsent: it never left. unknown: it may have
 * reached the CA, and nobody knows what the CA said.
 */
export type RecordedRequest =
  | { readonly state: 'unsent' }
  | { readonly state: 'unknown' }
  | {
      readonly state: 'answered'
      readonly status: number
      /** `Location`, byte for byte; null without one. */
      readonly location: string | null
    }

/** By the id of its exchange. */
export type FindRecordedRequest = (exchange: string) => Promise<RecordedRequest>
