import { isIP } from 'node:net'
import type { NameFilter } from '../../../../audit/inventory/values.ts'
import { LruMap } from '../../../../exchange/lru-map.ts'
import type { Prepared } from './prepared.ts'

export interface Named {
  readonly type: string
  readonly value: string
}

/** Identifiers and sets of them. What is in it never changes, so it may be remembered. */
export class Names {
  readonly #db: Prepared
  readonly #sets = new LruMap<number, readonly Named[]>(10_000)

  constructor(db: Prepared) {
    this.#db = db
  }

  /** The identifiers of a set, in the order first seen. */
  set(id: number | null): readonly Named[] {
    if (id === null) return []
    let identifiers = this.#sets.get(id)
    if (identifiers === undefined) {
      const row = this.#db.get<{ identifiers: string }>('select identifiers from name_sets where id = ?', id)
      identifiers = row === undefined ? [] : (JSON.parse(row.identifiers) as Named[])
      this.#sets.set(id, identifiers)
    }
    return identifiers
  }

  name(id: number | null): string | null {
    if (id === null) return null
    return this.#db.get<{ value: string }>('select value from names where id = ?', id)?.value ?? null
  }

  /** Ids of the sets that hold a name which the filter means; null where there are more than `most`. */
  setsOf(filter: NameFilter, most: number): number[] | null {
    const [where, ...values] = range(filter)
    // Names in few sets each are the rule; one in very many ends the reading early.
    const rows = this.#db.all<{ names: number }>(
      `select m.names from names as n cross join name_set_members as m on m.name = n.id where ${where} limit ?`,
      ...values,
      most * 2 + 1,
    )
    const sets = new Set(rows.map(({ names }) => names))
    return rows.length > most * 2 || sets.size > most ? null : [...sets]
  }

  /** Ids of the names that the filter means; null where there are more than `most`. */
  idsOf(filter: NameFilter, most: number): number[] | null {
    const [where, ...values] = range(filter)
    const rows = this.#db.all<{ id: number }>(
      `select n.id from names as n where ${where} limit ?`,
      ...values,
      most + 1,
    )
    return rows.length > most ? null : rows.map(({ id }) => id)
  }
}

export function isMeant(filter: NameFilter, name: string): boolean {
  const value = name.toLowerCase()
  if (value === filter.value) return true
  return filter.kind === 'below' && value.endsWith(`.${filter.value}`) && isIP(value) === 0
}

/** Condition on `names as n`. Everything below a name is one range of `reversed`: `/` comes after `.`. */
function range({ kind, value }: NameFilter): [string, ...string[]] {
  if (kind === 'exact') return ['n.value = ?', value]
  const reversed = value.split('.').reverse().join('.')
  return ['n.reversed >= ? and n.reversed < ?', `${reversed}.`, `${reversed}/`]
}
