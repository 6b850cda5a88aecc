import { type ProblemName, problemUrn } from '../../../../acme/problem-types.ts'
import { FilterRefused } from '../../../../audit/inventory/values.ts'
import { LruMap } from '../../../../exchange/lru-map.ts'
import type { Prepared } from './prepared.ts'

export const HOUR = 3_600_000_000

/** What filters name, as the tables have it. */
export class Vocabulary {
  readonly #db: Prepared
  readonly #ids = new LruMap<string, number>(2_000)
  readonly #words = new LruMap<number, string>(2_000)
  readonly #cas = new Set<number>()
  /** Hours of the summary whose CAs are known. */
  #hoursRead = -1

  constructor(db: Prepared) {
    this.#db = db
  }

  /** Null for a word that no row can have. */
  id(word: string): number | null {
    const known = this.#ids.get(word)
    if (known !== undefined) return known
    const row = this.#db.get<{ id: number }>('select id from words where word = ?', word)
    if (row === undefined) return null
    this.#ids.set(word, row.id)
    return row.id
  }

  word(id: number): string {
    let word = this.#words.get(id)
    if (word === undefined) {
      word = this.#db.get<{ word: string }>('select word from words where id = ?', id)?.word ?? ''
      this.#words.set(id, word)
    }
    return word
  }

  wordOrNull(id: number | null): string | null {
    return id === null ? null : this.word(id)
  }

  /** Short name or URN, as either may be what the CA said. */
  problems(type: string): string[] {
    const urn = problemUrn(type as ProblemName)
    return type.includes(':') ? [type] : [type, urn]
  }

  /** Throws FilterRefused where the inventory has nothing of a CA of this name. */
  ca(name: string): number {
    const id = this.id(name)
    if (id !== null && this.#cas.has(id)) return id
    this.#readAccounts()
    if (id !== null && this.#cas.has(id)) return id
    this.#readOthers()
    if (id !== null && this.#cas.has(id)) return id
    const known = [...this.#cas].map((ca) => this.word(ca)).sort()
    throw new FilterRefused(
      'ca',
      `nothing is known of a CA ${JSON.stringify(name)}; known: ${known.length > 0 ? known.join(', ') : 'none'}`,
    )
  }

  /** Accounts of this URL, id or thumbprint: one, or several with the same key. Throws FilterRefused for none. */
  accounts(given: string): number[] {
    const rows = this.#db.all<{ id: number }>(
      'select id from accounts where key = ? union select id from accounts where url = ? union select id from accounts where thumbprint = ?',
      given,
      given,
      given,
    )
    if (rows.length === 0)
      throw new FilterRefused('account', 'no account with this URL, id or thumbprint was seen')
    return rows.map(({ id }) => id)
  }

  /** Throws FilterRefused. */
  client(key: string): number {
    const row = this.#db.get<{ id: number }>('select id from clients where key = ?', key)
    if (row === undefined) throw new FilterRefused('client', 'no client with this id was seen')
    return row.id
  }

  /** Sequence numbers between which the intents of a time lie, both included. */
  sequences(since: number | undefined, until: number | undefined): { oldest: number; newest: number } {
    const bound = (sql: string, at: number) =>
      this.#db.get<{ bound: number | null }>(sql, Math.floor(at / HOUR))?.bound ?? null
    return {
      oldest:
        since === undefined
          ? 0
          : (bound('select min(first) as bound from hours where hour >= ?', since) ??
            Number.MAX_SAFE_INTEGER),
      newest:
        until === undefined
          ? Number.MAX_SAFE_INTEGER
          : (bound('select max(last) as bound from hours where hour <= ?', until) ?? 0),
    }
  }

  #readAccounts(): void {
    for (const { ca } of this.#db.all<{ ca: number }>('select distinct ca from accounts')) this.#cas.add(ca)
  }

  /** A CA may have been asked for its directory alone, or be known from imported certificates. */
  #readOthers(): void {
    const last = this.#db.get<{ hour: number | null }>('select max(hour) as hour from summary')?.hour ?? -1
    const rows = this.#db.all<{ ca: number | null }>(
      `select ca from summary where hour >= ?
       union select ca from certificates indexed by certificates_current where revoked_at is null and replaced_by is null`,
      this.#hoursRead,
    )
    for (const { ca } of rows) if (ca !== null && ca !== 0) this.#cas.add(ca)
    // The last hour is still being filled.
    this.#hoursRead = Math.max(this.#hoursRead, last)
  }
}
