import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import type Database from 'better-sqlite3'
import type { Identifier } from '../../../acme/identifier.ts'
import { LruMap } from '../../../exchange/lru-map.ts'

const MAX_WORD = 2048

/** Numbers for what repeats: words, identifiers and sets of them. Within a transaction. */
export class Vocabulary {
  readonly #run: ReturnType<typeof statements>
  #words = new LruMap<string, number>(4_000)
  #names = new LruMap<string, number>(20_000)
  #sets = new LruMap<string, number>(20_000)

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  word(text: string): number {
    const word = text.slice(0, MAX_WORD)
    const known = this.#words.get(word)
    if (known !== undefined) return known
    const id = this.#run.findWord.get(word)?.id ?? Number(this.#run.insertWord.run(word).lastInsertRowid)
    this.#words.set(word, id)
    return id
  }

  wordOrNull(text: string | null): number | null {
    return text === null ? null : this.word(text)
  }

  name(identifier: Identifier): number {
    const { type, value } = plain(identifier)
    const key = wordsOf({ type, value })
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const kind = this.word(type)
    const id =
      this.#run.findName.get(value, kind)?.id ??
      Number(this.#run.insertName.run(kind, value, reversed(value)).lastInsertRowid)
    this.#names.set(key, id)
    return id
  }

  /** Null for none. */
  set(identifiers: readonly Identifier[]): number | null {
    if (identifiers.length === 0) return null
    const named = namedOnce(identifiers)
    const sorted = [...named.keys()].sort().join('\n')
    const known = this.#sets.get(sorted)
    if (known !== undefined) return known
    const digest = digestOf(sorted)
    const id = this.#run.findSet.get(digest)?.id ?? this.#insertSet(digest, [...named.values()])
    this.#sets.set(sorted, id)
    return id
  }

  /** Whether two sets share an identifier. */
  haveCommon(one: number | null, other: number | null): boolean {
    if (one === null || other === null) return false
    const [ones, others] = [one, other].map((id) => this.#run.identifiers.get(id)?.identifiers ?? '[]')
    const named = new Set((JSON.parse(ones!) as Identifier[]).map(wordsOf))
    return (JSON.parse(others!) as Identifier[]).some((identifier) => named.has(wordsOf(identifier)))
  }

  /** After a rollback. */
  forget(): void {
    this.#words = new LruMap(4_000)
    this.#names = new LruMap(20_000)
    this.#sets = new LruMap(20_000)
  }

  #insertSet(digest: Buffer, identifiers: readonly Identifier[]): number {
    const id = Number(this.#run.insertSet.run(digest, JSON.stringify(identifiers)).lastInsertRowid)
    for (const identifier of identifiers) this.#run.insertMember.run(this.name(identifier), id)
    return id
  }
}

/** What a set of identifiers is found by, in whatever order and case they come. */
export function digestOfSet(identifiers: readonly Identifier[]): Buffer {
  return digestOf([...namedOnce(identifiers).keys()].sort().join('\n'))
}

function namedOnce(identifiers: readonly Identifier[]): Map<string, Identifier> {
  return new Map(identifiers.map((one) => plain(one)).map((one) => [wordsOf(one), one]))
}

function digestOf(sorted: string): Buffer {
  return hash('sha256', sorted, 'buffer').subarray(0, 16)
}

/** Quoted: whoever asks may write what looks like several identifiers into one. */
function wordsOf({ type, value }: Identifier): string {
  return JSON.stringify([type, value])
}

/** DNS names compare without case (RFC 4343), and without the dot of the root. */
function plain({ type, value }: Identifier): Identifier {
  return { type, value: type === 'dns' ? value.toLowerCase().replace(/\.$/, '') : value.toLowerCase() }
}

/** Labels from the right, each followed by a dot. An address stays as it is: nothing is below it. */
function reversed(value: string): string {
  return isIP(value) === 0 ? `${value.split('.').reverse().join('.')}.` : value
}

function statements(db: Database.Database) {
  return {
    findWord: db.prepare<[string], { id: number }>('select id from words where word = ?'),
    insertWord: db.prepare<[string]>('insert into words (word) values (?)'),
    findName: db.prepare<[string, number], { id: number }>(
      'select id from names where value = ? and type = ?',
    ),
    insertName: db.prepare<[number, string, string]>(
      'insert into names (type, value, reversed) values (?, ?, ?)',
    ),
    findSet: db.prepare<[Buffer], { id: number }>('select id from name_sets where digest = ?'),
    identifiers: db.prepare<[number], { identifiers: string }>(
      'select identifiers from name_sets where id = ?',
    ),
    insertSet: db.prepare<[Buffer, string]>('insert into name_sets (digest, identifiers) values (?, ?)'),
    insertMember: db.prepare<[number, number]>(
      'insert or ignore into name_set_members (name, names) values (?, ?)',
    ),
  }
}
