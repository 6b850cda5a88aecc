import type Database from 'better-sqlite3'
import type { AccountChange } from '../../../audit/inventory/project/change.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
import { mergeStatement } from './merge-statement.ts'
import type { Moment } from './moment.ts'
import { objectKey } from './object-key.ts'

export interface Sighting {
  readonly sequence: number
  readonly at: number
}

/** A row, what was said of it last, and since when it was known then. */
interface Known {
  readonly id: number
  readonly said: string
  readonly first: number
  readonly firstAt: number
}

/** Rows of accounts. That one was seen again is written at the end of a slice, once. */
export class Accounts {
  readonly #run: ReturnType<typeof statements>
  /** By key. */
  #known = new LruMap<string, Known>(10_000)
  readonly #seen = new Map<number, Sighting>()

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  keyOf(ca: string, url: string): string {
    return objectKey('account', ca, url)
  }

  find(ca: string, url: string): number | null {
    const key = this.keyOf(ca, url)
    const known = this.#known.get(key)
    if (known) return known.id
    const id = this.#run.find.get(key)?.id
    if (id === undefined) return null
    this.#known.set(key, { id, said: '', first: 0, firstAt: 0 })
    return id
  }

  /** `isNew`: it had never been seen. */
  take(
    change: AccountChange,
    moment: Omit<Moment, 'account' | 'client'>,
  ): { readonly id: number; readonly isNew: boolean } {
    const key = this.keyOf(moment.caName, change.url)
    const { url, status, thumbprint, keyType, requester, externalAccount, contacts, keyChangedAt } = change
    const said = JSON.stringify([status, thumbprint, keyType, requester, externalAccount, contacts])
    const known = this.#known.get(key)
    const { first, sequence, firstAt, at } = moment
    const isEarlier = known !== undefined && (first < known.first || firstAt < known.firstAt)
    if (known?.said === said && !isEarlier && keyChangedAt === null) {
      this.see(known.id, moment)
      return { id: known.id, isNew: false }
    }
    const isNew = known === undefined && this.#run.find.get(key) === undefined
    const given = [status, thumbprint, keyType, requester, externalAccount]
    const row = this.#run.merge.get(key, moment.ca, url, ...given, '[]', '[]', first, sequence, firstAt, at)!
    if (contacts !== null && row.last_sequence === sequence) {
      this.#run.contacts.run(JSON.stringify(contacts), row.id)
    }
    if (keyChangedAt !== null) this.#addKeyChange(row.id, row.key_changes, keyChangedAt)
    this.#known.set(key, { id: row.id, said, first, firstAt })
    return { id: row.id, isNew }
  }

  see(id: number, { sequence, at }: Sighting): void {
    const seen = this.#seen.get(id)
    this.#seen.set(id, {
      sequence: Math.max(seen?.sequence ?? 0, sequence),
      at: Math.max(seen?.at ?? 0, at),
    })
  }

  flush(): void {
    for (const [id, { sequence, at }] of this.#seen) this.#run.see.run(sequence, at, id)
    this.#seen.clear()
  }

  forget(): void {
    this.#known = new LruMap(10_000)
    this.#seen.clear()
  }

  #addKeyChange(id: number, text: string, at: number): void {
    const known = JSON.parse(text) as number[]
    if (known.includes(at)) return
    this.#run.keyChanges.run(JSON.stringify([...known, at].sort((a, b) => a - b)), id)
  }
}

function statements(db: Database.Database) {
  return {
    find: db.prepare<[string], { id: number }>('select id from accounts where key = ?'),
    merge: db.prepare<unknown[], { id: number; last_sequence: number; key_changes: string }>(
      mergeStatement(
        'accounts',
        'key',
        {
          ca: 'first',
          url: 'first',
          status: 'latest',
          thumbprint: 'latest',
          key_type: 'latest',
          requester: 'latest',
          external_account: 'latest',
          contacts: 'first',
          key_changes: 'first',
          first_sequence: 'min',
          last_sequence: 'max',
          first_at: 'min',
          last_at: 'max',
        },
        'id, last_sequence, key_changes',
      ),
    ),
    contacts: db.prepare<[string, number]>('update accounts set contacts = ? where id = ?'),
    keyChanges: db.prepare<[string, number]>('update accounts set key_changes = ? where id = ?'),
    see: db.prepare<[number, number, number]>(
      'update accounts set last_sequence = max(last_sequence, ?), last_at = max(last_at, ?) where id = ?',
    ),
  }
}
