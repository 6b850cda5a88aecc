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
}

/** Reads the record. Never blocks the event loop of the process that serves, never holds a snapshot over 5 s. */
export interface RecordReader extends LearnedStore {
  /** Newest first with `before` or no cursor; oldest first with `after`. At most `limit` (1–1000). */
  exchanges(filter: ExchangeFilter, limit: number): Promise<readonly RecordedExchange[]>
  exchange(id: ExchangeId): Promise<RecordedExchange | null>
  /** A body by its digest (hex), or a personal body by its salted digest; null when it is not kept. */
  body(digest: string): Promise<Buffer | null>
  /** Facts from `sequence` on, in order, at most `limit` (1–10000): for verification and export. */
  facts(from: number, limit: number): Promise<readonly StoredFact[]>
  accountKeys(): Promise<readonly AccountKey[]>
  close(): Promise<void>
}
