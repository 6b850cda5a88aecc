import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { AccountKey, LearnedStore } from '../exchange/resource.ts'
import type { Entry, FactEnvelope, IntentContent, OutcomeContent } from './record.ts'

/** The store could not make it durable: nothing of the entry was written (or it is not known to have been). */
export class StoreUnavailable extends Error {
  /** `full`, `locked`, `io`, `closed`, `other`. */
  readonly reason: 'full' | 'locked' | 'io' | 'closed' | 'other'
  constructor(reason: StoreUnavailable['reason'], message: string) {
    super(message)
    this.name = 'StoreUnavailable'
    this.reason = reason
  }
}

/** Writes the record. One writer per stream. */
export interface RecordStore {
  /**
   * Resolves when every fact of the entry is durable on disk. Rejects with {@link StoreUnavailable}.
   * An outcome for an exchange that has no open intent (and whose intent is not in the same entry) is left
   * out silently: it has been written already. That makes appending an outcome twice harmless.
   */
  append(entry: Entry): Promise<void>
  /** Close every intent left open by an earlier boot with the outcome `unknown`; returns how many. */
  closeDeadIntents(at: number, monotonic: number): Promise<number>
  /** Remember keys that came from outside an exchange (import). Returns how many were new. */
  rememberKeys(keys: readonly AccountKey[]): Promise<number>
  /**
   * Resolves when a small write of the store's own is durable: the record can be written again. Rejects with
   * {@link StoreUnavailable}. Writes no fact.
   */
  probe(): Promise<void>
  /** Entries waiting and the last commit's duration in µs. */
  pressure(): { readonly waiting: number; readonly lastCommit: number }
  close(): Promise<void>
}

export interface StoredIntent extends FactEnvelope, IntentContent {}
export interface StoredOutcome extends FactEnvelope, OutcomeContent {}

/** An exchange as the record tells it; `outcome` is null while it runs. Personal values that are still kept are in `personal`. */
export interface RecordedExchange {
  readonly id: ExchangeId
  readonly intent: StoredIntent
  readonly outcome: StoredOutcome | null
  /** Personal values by name, as text (`clientAddress`, `contacts`); bodies are not in it. */
  readonly personal: Readonly<Record<string, string>>
}

/** Every condition must hold. Times in µs. `before`/`after` are sequence numbers of intents: the pages' cursor. */
export interface ExchangeFilter {
  readonly ca?: string
  readonly mode?: string
  readonly operation?: string
  readonly outcome?: string
  /** Of the answer's problem document, or of the error of the order, authorization or challenge in it. */
  readonly problem?: string
  readonly account?: string
  readonly issuance?: string
  /** An identifier's value, exactly. */
  readonly name?: string
  readonly since?: number
  readonly until?: number
  readonly before?: number
  readonly after?: number
}

export interface StoredFact {
  readonly sequence: number
  /** The stored JSON text, whose SHA-256 is `digest`. */
  readonly text: string
  readonly digest: string
  /** What the store finds the fact by, where it keeps that beside the text; it must agree with the text. */
  readonly found?: { readonly kind: string; readonly exchange: string; readonly at: number }
}

/** A body or a personal value that is still kept: `digest` (hex) must be SHA-256(salt ‖ bytes), without salt for bodies. */
export interface KeptValue {
  readonly digest: string
  readonly salt: Buffer | null
  readonly bytes: Buffer
}

export interface KeptValues {
  readonly values: readonly KeptValue[]
  /** Where to go on; null at the end. */
  readonly next: string | null
}

/** Walks everything that is kept beside the facts, for verification. */
export interface KeptValuesReader {
  /** Some hundred values; `cursor` is '' at first, then the last answer's `next`. */
  keptValues(cursor: string): Promise<KeptValues>
}

/** The last fact that was removed for its age: the chain begins behind it. */
export interface Anchor {
  readonly sequence: number
  /** Hex. */
  readonly digest: string
}

export interface AnchorReader {
  /** Null where the chain begins with its first fact. Facts up to the anchor may still be there: they are being removed. */
  anchor(): Promise<Anchor | null>
}

/** An exchange that has ended, with the sequence number of its outcome. */
export interface EndedExchange {
  readonly sequence: number
  readonly exchange: RecordedExchange
}

/** How far the record has come, at one moment. */
export interface RecordTally {
  /** Of the last fact; 0 when there is none. */
  readonly sequence: number
  /** Outcomes up to it. */
  readonly outcomes: number
}

/** Reads the record. Never blocks the event loop of the process that serves, never holds a snapshot over 5 s. */
export interface RecordReader extends LearnedStore {
  /** Newest first with `before` or no cursor; oldest first with `after`. At most `limit` (1–1000). */
  exchanges(filter: ExchangeFilter, limit: number): Promise<readonly RecordedExchange[]>
  exchange(id: ExchangeId): Promise<RecordedExchange | null>
  /**
   * A body that a fact of this exchange refers to, by its digest (hex), or a personal body by its salted digest;
   * null when it is not kept.
   */
  body(exchange: ExchangeId, digest: string): Promise<Buffer | null>
  /** Facts from `sequence` on, in order, at most `limit` (1–10000): for verification and export. */
  facts(from: number, limit: number): Promise<readonly StoredFact[]>
  /**
   * Exchanges whose outcome has a sequence number above `sequence`, in its order, at most `limit` (1–1000). Costs
   * the same however long the record is.
   */
  outcomesAfter(sequence: number, limit: number): Promise<readonly EndedExchange[]>
  tally(): Promise<RecordTally>
  accountKeys(): Promise<readonly AccountKey[]>
  close(): Promise<void>
}
