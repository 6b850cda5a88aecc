import type { PersonalDraft } from '../../../../audit/record.ts'
import type { Prepared } from './prepared.ts'

/** Values that are personal, looked up in the record each time: an erased one is gone at once. */
export class Personal {
  readonly #record: Prepared

  constructor(record: Prepared) {
    this.#record = record
  }

  /** By its digest (hex); null when it was erased, or is a body. */
  value(digest: string | null): string | null {
    if (digest === null) return null
    const row = this.#record.get<{ kind: string; value: Buffer }>(
      'select kind, value from personal where digest = ?',
      Buffer.from(digest, 'hex'),
    )
    return row === undefined || row.kind === 'body' ? null : row.value.toString('utf8')
  }

  /** The digest (hex) that a value stands under; null when it is not kept. */
  digest(kind: Exclude<PersonalDraft['kind'], 'body'>, value: string): string | null {
    const row = this.#record.get<{ digest: Buffer }>(
      "select digest from personal where kind = ? and value = ? and kind <> 'body'",
      kind,
      Buffer.from(value),
    )
    return row?.digest.toString('hex') ?? null
  }
}
