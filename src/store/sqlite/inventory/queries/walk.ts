import type { Budget } from './budget.ts'
import type { Place } from './cursor.ts'
import type { Prepared, Value } from './prepared.ts'

/** A table as a list, newest first: by a sequence number, then by id. */
export interface List {
  /** `orders as o`. */
  readonly table: string
  /** Columns: `o.first_sequence`, `o.id`. The same one where the sequence number is the key. */
  readonly position: string
  readonly id: string
  /** How to read it in order without any condition: `indexed by orders_first`, or `not indexed`. */
  readonly scan: string
  /** What is in the list at all: the condition of the partial index, word for word. */
  readonly always?: string
}

/**
 * A condition, and the index that finds its rows.
 *
 * - `ordered`: one value, its rows in the list's order.
 * - `windows`: several values, the rows of each in the list's order.
 * - `few`: in another order, so only good for few rows.
 */
export interface Condition {
  readonly sql: string
  readonly values: readonly Value[]
  readonly way?: { readonly index: string; readonly kind: 'ordered' | 'windows' | 'few' }
}

export interface Search {
  readonly conditions: readonly Condition[]
  /** Begins behind this place. */
  readonly after: Place
  /** The last position that can be in it. */
  readonly oldest: number
  readonly limit: number
  /** For what SQL does not decide. */
  readonly tests: readonly RowTest[]
}

/** A condition that is judged on the value of one column. */
export interface RowTest {
  readonly column: string
  passes(value: number | null): boolean
}

export interface Found {
  readonly places: readonly Place[]
  /** Where the search would go on; null at the end. */
  readonly next: Place | null
}

interface Way {
  readonly from: string
  readonly condition: Condition | null
}

/** With the columns to be tested as `tested0`, `tested1` … */
type TestedPlace = Place & Readonly<Record<string, number | null>>

interface Probe {
  readonly count: number
  readonly lowest: number | null
}

/**
 * The next rows of a list that meet every condition. Which index leads is decided anew at each call, by looking at no
 * more than `few` entries of each: the one whose rows are few, or else the one whose rows lie farthest apart, or else
 * the list itself. Reads stretches of a known number of rows until the page is full or the budget used.
 */
export async function walk(db: Prepared, list: List, search: Search, budget: Budget): Promise<Found> {
  const table = new Stretches(db, list, search)
  const way = table.chooseWay(budget.limits.few)
  const places: Place[] = []
  let upper = search.after
  for (;;) {
    const rows = budget.stretch
    const floor = table.floor(way, upper, rows, budget.limits.few)
    let tested: Place | null = null
    let isCut = false
    for (const row of table.read(way, upper, floor, search.limit + 1 - places.length)) {
      isCut = tested !== null && search.tests.length > 0 && budget.isLong
      if (isCut) break
      tested = { position: row.position, id: row.id }
      if (!search.tests.every((test, index) => test.passes(row[`tested${index}`] ?? null))) continue
      if (places.length === search.limit) return { places, next: places.at(-1)! }
      places.push(tested)
    }
    if (!isCut && floor === null) return { places, next: null }
    upper = isCut ? tested! : floor!
    if (places.length === search.limit || !(await budget.another(rows))) break
  }
  return { places, next: upper }
}

class Stretches {
  readonly #db: Prepared
  readonly #list: List
  readonly #search: Search
  readonly #top: number

  constructor(db: Prepared, list: List, search: Search) {
    this.#db = db
    this.#list = list
    this.#search = search
    this.#top = Math.min(search.after.position, this.#newest())
  }

  chooseWay(few: number): Way {
    const scan: Way = { from: this.#list.scan, condition: null }
    const conditions = this.#search.conditions.filter(({ way }) => way !== undefined)
    if (conditions.length === 0) return scan
    const after = this.#search.after
    const whole = this.#probe(scan, after, few)
    if (whole.count <= few) return scan
    let best = scan
    let fewest = few + 1
    let widest = 3 * this.#span(whole)
    for (const condition of conditions) {
      const way: Way = { from: `indexed by ${condition.way!.index}`, condition }
      const probe = this.#probe(way, after, few)
      if (probe.count < fewest) {
        fewest = probe.count
        best = way
      } else if (fewest > few && condition.way!.kind === 'ordered') {
        const span = this.#span(probe)
        if (span > widest) {
          widest = span
          best = way
        }
      } else if (fewest > few && best === scan && condition.way!.kind === 'windows') {
        const dense = this.#count(way, after, whole.lowest ?? 0, few)
        if (dense < few / 4) best = way
      }
    }
    return best
  }

  /** The last place that a stretch of so many rows takes in; null where it reaches the end. */
  floor(way: Way, upper: Place, rows: number, few: number): Place | null {
    const kind = way.condition?.way?.kind
    if (kind === 'few') return null
    if (kind === 'windows') return this.#windowFloor(way, upper, few)
    const row = this.#db.get<Place>(
      `select ${this.#place} ${this.#from(way)} order by ${this.#order} limit 1 offset ?`,
      ...this.#bounds(way, upper, null),
      rows - 1,
    )
    return row ?? null
  }

  read(way: Way, upper: Place, floor: Place | null, limit: number): TestedPlace[] {
    const { conditions, tests } = this.#search
    const others = conditions.filter((condition) => condition !== way.condition)
    const tested = tests.map(({ column }, index) => `, ${column} as tested${index}`).join('')
    // A test may let none of the rows pass, so all of the stretch is read for it.
    return this.#db.all(
      `select ${this.#place}${tested} ${this.#from(way)}${others.map(({ sql }) => ` and (${sql})`).join('')} order by ${this.#order} limit ?`,
      ...this.#bounds(way, upper, floor),
      ...others.flatMap(({ values }) => values),
      tests.length > 0 ? -1 : limit,
    )
  }

  /** Rows of several values need sorting: a window is narrowed until there are few in it. */
  #windowFloor(way: Way, upper: Place, few: number): Place | null {
    const { oldest } = this.#search
    if (this.#count(way, upper, oldest, few) <= few) return null
    const top = Math.min(upper.position, this.#top)
    let width = top - oldest
    do width = Math.max(1, Math.floor(width / 8))
    while (width > few && this.#count(way, upper, top - width, few) > few)
    return { position: top - width, id: 0 }
  }

  #newest(): number {
    const { table, scan, position, always } = this.#list
    const row = this.#db.get<{ newest: number | null }>(
      `select max(${position}) as newest from ${table} ${scan}${always === undefined ? '' : ` where (${always})`}`,
    )
    return row?.newest ?? 0
  }

  /** How far apart the rows of a probe lie: sequence numbers from the first to the last of them. */
  #span({ count, lowest }: Probe): number {
    return count === 0 || lowest === null ? Number.POSITIVE_INFINITY : this.#top - lowest
  }

  #count(way: Way, upper: Place, oldest: number, few: number): number {
    const row = this.#db.get<{ count: number }>(
      `select count(*) as count from (select 1 ${this.#from(way)} limit ?)`,
      ...this.#bounds(way, upper, { position: oldest, id: 0 }),
      few + 1,
    )
    return row?.count ?? 0
  }

  #probe(way: Way, upper: Place, few: number): Probe {
    const kind = way.condition?.way?.kind ?? 'ordered'
    if (kind !== 'ordered') return { count: this.#count(way, upper, this.#search.oldest, few), lowest: null }
    const row = this.#db.get<Probe>(
      `select count(*) as count, min(position) as lowest from (select ${this.#list.position} as position ${this.#from(way)} order by ${this.#order} limit ?)`,
      ...this.#bounds(way, upper, null),
      few + 1,
    )
    return row ?? { count: 0, lowest: null }
  }

  get #place(): string {
    return `${this.#list.position} as position, ${this.#list.id} as id`
  }

  get #unique(): boolean {
    return this.#list.position === this.#list.id
  }

  get #order(): string {
    const { position, id } = this.#list
    return this.#unique ? `${position} desc` : `${position} desc, ${id} desc`
  }

  /** Everything between the bounds: what {@link #bounds} gives values for. */
  #from({ from, condition }: Way): string {
    const { table, position, id, always } = this.#list
    const bounds = this.#unique
      ? `${position} < ? and ${position} >= ?`
      : `${position} <= ? and (${position} < ? or ${id} < ?) and ${position} >= ? and (${position} > ? or ${id} >= ?)`
    const parts = [bounds]
    if (always !== undefined) parts.push(`(${always})`)
    if (condition !== null) parts.unshift(`(${condition.sql})`)
    return `from ${table} ${from} where ${parts.join(' and ')}`
  }

  #bounds({ condition }: Way, upper: Place, floor: Place | null): Value[] {
    const { position, id } = floor ?? { position: this.#search.oldest, id: 0 }
    const bounds = this.#unique
      ? [upper.position, position]
      : [upper.position, upper.position, upper.id, position, position, id]
    return [...(condition?.values ?? []), ...bounds]
  }
}
