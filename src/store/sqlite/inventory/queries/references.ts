import type { DiagnosisClass } from '../../../../audit/diagnosis/classes.ts'
import { describe, diagnose } from '../../../../audit/diagnosis/diagnose.ts'
import type { Diagnosis, Symptom } from '../../../../audit/diagnosis/diagnosis.ts'
import type { Personal } from './personal.ts'
import type { Prepared } from './prepared.ts'

export interface AccountReference {
  readonly id: string
  readonly url: string
}

export interface ClientReference {
  readonly id: string
  readonly program: string | null
  readonly source: string | null
  readonly label: string | null
}

interface ClientPlace {
  readonly key: string
  readonly program: string | null
  readonly source: string | null
  readonly label: string | null
}

/** Objects that other objects name. */
export class References {
  readonly #db: Prepared
  readonly #personal: Personal

  constructor(db: Prepared, personal: Personal) {
    this.#db = db
    this.#personal = personal
  }

  account(id: number | null): (AccountReference & { readonly ca: number }) | null {
    if (id === null) return null
    const row = this.#db.get<{ key: string; url: string; ca: number }>(
      'select key, url, ca from accounts where id = ?',
      id,
    )
    return row === undefined ? null : { id: row.key, url: row.url, ca: row.ca }
  }

  accountOf(id: number | null): AccountReference | null {
    const found = this.account(id)
    return found && { id: found.id, url: found.url }
  }

  client(id: number | null): ClientReference | null {
    if (id === null) return null
    const row = this.#db.get<ClientPlace>('select key, program, source, label from clients where id = ?', id)
    if (row === undefined) return null
    const { key, program, source, label } = row
    return { id: key, program, source: this.#personal.value(source), label: this.label(label) }
  }

  clientId(id: number | null): string | null {
    return this.key('clients', id)
  }

  orderId(id: number | null): string | null {
    return this.key('orders', id)
  }

  /** A Host as it is, a proxy user as long as it is kept. */
  label(stored: string | null): string | null {
    if (stored === null) return null
    return stored.startsWith(HOST) ? stored.slice(HOST.length) : this.#personal.value(stored)
  }

  fingerprint(certificate: number | null): string | null {
    if (certificate === null) return null
    return (
      this.#db.get<{ fingerprint: string }>('select fingerprint from certificates where id = ?', certificate)
        ?.fingerprint ?? null
    )
  }

  key(table: 'clients' | 'orders', id: number | null): string | null {
    if (id === null) return null
    return this.#db.get<{ key: string }>(`select key from ${table} where id = ?`, id)?.key ?? null
  }
}

/** How a Host, or the label of a broker's client, is told from the digest of a proxy user in `clients.label`. */
export const HOST = 'host:'

/** What a row's class says, with what its text tells beside. Filters go by the class that was stored. */
export function diagnosisOf(stored: string | null, symptom: Symptom): Diagnosis | null {
  if (stored === null) return null
  const now = diagnose(symptom)
  return now?.class === stored ? now : describe(stored as DiagnosisClass)
}
