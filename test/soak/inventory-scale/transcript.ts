import type { FactDraft } from '../../../src/audit/record.ts'

/** One exchange of a real issuance, as it was recorded: what the recorder handed to the store. */
export interface TranscribedFact {
  /** µs after the first fact. */
  readonly after: number
  readonly content: FactDraft['content']
  /** base64. */
  readonly blobs: readonly { readonly bytes: string; readonly repeats: boolean }[]
  readonly personal: readonly { readonly name: string; readonly kind: string; readonly value: string }[]
}

export interface TranscribedExchange {
  readonly id: string
  readonly intent: TranscribedFact
  readonly outcome: TranscribedFact
}

export interface Transcript {
  readonly client: string
  /** The challenge that was answered, and whether the certificate was delivered. */
  readonly method: string
  readonly issued: boolean
  /** The identifier: another one of the same length can stand in its place everywhere. */
  readonly name: string
  readonly exchanges: readonly TranscribedExchange[]
}
