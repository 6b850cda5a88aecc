import type { NameFilter } from '../../../../audit/inventory/values.ts'
import type { Limits } from './budget.ts'
import { BEFORE_ALL, decodeCursor, isOlder, type ListName, type Place } from './cursor.ts'
import { isMeant, type Names } from './names.ts'
import type { Value } from './prepared.ts'
import type { Vocabulary } from './vocabulary.ts'
import type { Condition, RowTest, Search } from './walk.ts'

type Way = NonNullable<Condition['way']>

/** Filters on the way to a search. `impossible`: no row can meet them. */
export class Filters {
  readonly #vocabulary: Vocabulary
  readonly #conditions: Condition[] = []
  readonly #limits: Limits
  readonly #tests: RowTest[] = []
  #oldest = 0
  #newest = BEFORE_ALL
  impossible = false

  constructor(vocabulary: Vocabulary, limits: Limits) {
    this.#vocabulary = vocabulary
    this.#limits = limits
  }

  add(sql: string, values: readonly Value[], way?: Way): void {
    this.#conditions.push({ sql, values, ...(way && { way }) })
  }

  /** A column that holds one of these; none: nothing can match. */
  oneOf(column: string, values: readonly Value[], index?: string): void {
    if (values.length === 0) this.impossible = true
    else if (values.length === 1)
      this.add(`${column} = ?`, values, index === undefined ? undefined : { index, kind: 'ordered' })
    else
      this.add(
        `${column} in (select value from json_each(?))`,
        [JSON.stringify(values)],
        index === undefined ? undefined : { index, kind: 'windows' },
      )
  }

  /** A column that holds the number of one of these words. */
  words(column: string, words: readonly string[], index?: string): void {
    this.oneOf(
      column,
      words.map((word) => this.#vocabulary.id(word)).filter((id) => id !== null),
      index,
    )
  }

  /** A column that holds a set of names. Few sets are looked for by number; with many, each row's set is read. */
  nameSets(names: Names, filter: NameFilter, column: string, way?: Way): void {
    const sets = names.setsOf(filter, this.#limits.nameSets)
    if (sets?.length === 0) this.impossible = true
    else if (sets !== null)
      this.add(`${column} in (select value from json_each(?))`, [JSON.stringify(sets)], way)
    else this.test({ column, passes: nameSetTest(names, filter) })
  }

  test(test: RowTest): void {
    this.#tests.push(test)
  }

  /** `position` is the sequence number of the intent whose time is `at`. */
  between(at: string, since: number | undefined, until: number | undefined): void {
    if (since === undefined && until === undefined) return
    const { oldest, newest } = this.#vocabulary.sequences(since, until)
    if (since !== undefined) this.add(`${at} >= ?`, [since])
    if (until !== undefined) this.add(`${at} <= ?`, [until])
    this.#oldest = oldest
    this.#newest = { position: Math.min(newest, Number.MAX_SAFE_INTEGER - 1) + 1, id: 0 }
  }

  search(list: ListName, cursor: string | undefined, limit: number): Search {
    const after = decodeCursor(list, cursor)
    return this.searchAfter(after, limit)
  }

  searchAfter(after: Place, limit: number): Search {
    return {
      conditions: this.#conditions,
      after: isOlder(after, this.#newest) ? after : this.#newest,
      oldest: this.#oldest,
      limit,
      tests: this.#tests,
    }
  }
}

export function nameSetTest(names: Names, filter: NameFilter): (set: number | null) => boolean {
  const answers = new Map<number, boolean>()
  return (set) => {
    if (set === null) return false
    let answer = answers.get(set)
    if (answer === undefined) {
      answer = names.set(set).some(({ value }) => isMeant(filter, value))
      answers.set(set, answer)
    }
    return answer
  }
}
