import type { RecordedExchange, StoredIntent, StoredOutcome } from '../../../../audit/record-store.ts'
import type { Personal } from './personal.ts'
import type { Prepared } from './prepared.ts'

/** Exchanges as the record tells them, by the sequence numbers of their facts. */
export class ExchangeFacts {
  readonly #record: Prepared
  readonly #personal: Personal

  constructor(record: Prepared, personal: Personal) {
    this.#record = record
    this.#personal = personal
  }

  /** Null where the intent is no longer kept. */
  exchange(sequence: number, ended: number | null): RecordedExchange | null {
    const intent = this.#fact<StoredIntent>(sequence)
    if (intent === null) return null
    const outcome = ended === null ? null : this.#fact<StoredOutcome>(ended)
    const personal: Record<string, string> = {}
    for (const fact of [intent, outcome]) {
      for (const [name, digest] of Object.entries(fact?.personal ?? {})) {
        const value = this.#personal.value(digest)
        if (value !== null) personal[name] = value
      }
    }
    return { id: intent.exchange, intent, outcome, personal }
  }

  /** Id of the exchange that a fact belongs to; null where it is no longer kept. */
  idAt(sequence: number): string | null {
    return this.#fact<StoredIntent>(sequence)?.exchange ?? null
  }

  #fact<T>(sequence: number): T | null {
    const row = this.#record.get<{ text: string }>('select text from facts where sequence = ?', sequence)
    return row === undefined ? null : (JSON.parse(row.text) as T)
  }
}
