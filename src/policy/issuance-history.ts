import { hash } from 'node:crypto'
import { type CountedOrder, type HistoryQuestion, questionText } from './history.ts'
import { registrableDomain } from './names/domains.ts'
import { Timeline } from './timeline.ts'

/** How much is kept. The oldest orders go where there is more; then windows that reach back to them are not known. */
export interface HistoryBounds {
  readonly orders: number
  /** Different things that are counted, as one domain at one CA: some 400 bytes each. */
  readonly series: number
  /** Orders in series: one of a thousand domains is in a thousand. Some 20 bytes each. */
  readonly entries: number
}

/** Some 400 MB at most. */
const BOUNDS: HistoryBounds = { orders: 500_000, series: 600_000, entries: 4_000_000 }
/**
 * Milliseconds within which every order begun is remembered whole, for no answer takes longer; how many of them, and
 * with how many names.
 */
const RECENTLY = 600_000
const MOST_RECENT = 20_000
const MOST_RECENT_NAMES = 200_000
/** Milliseconds that clocks, and orders decided at the same time, may be apart. */
const SLACK = 60_000

/** What is counted together: orders by one of their properties. Windows of any length share its series. */
type Subject = 'client' | 'account' | 'address' | 'label' | 'domain' | 'all' | 'duplicates'

/** Times (ms) of the orders that have one thing in common. */
interface Series {
  readonly key: string
  readonly times: Timeline<number>
}

/** One order, and the series that count it. */
interface Place {
  readonly id: string
  readonly at: number
  readonly series: readonly Series[]
}

const ITSELF = (time: number) => time

/**
 * How many orders there were before this one, within a sliding window and at the same CA. An order is counted from the
 * moment it is decided, so that orders decided at the same time can't all pass a budget that has room for one; what the
 * CA did not take is forgotten again. Only what the policy's questions ask for is kept, as far back as they reach.
 */
export class IssuanceHistory {
  readonly #most: HistoryBounds
  #subjects: readonly Subject[] = []
  /** Milliseconds. */
  #longest = 0
  #series = new Map<string, Series>()
  #places = new Map<string, Place>()
  #byTime = new Timeline<Place>(({ at }) => at)
  /** Sum of the series of all places. */
  #entries = 0
  readonly #recent = new Map<string, CountedOrder>()
  #recentNames = 0
  /** All that the questions ask for since this moment (ms since 1970) is counted; Infinity until it is seeded. */
  #knownSince = Number.POSITIVE_INFINITY
  /** Told apart: a seed that was begun for other questions. */
  #generation = 0
  #cutAt: number | null = null
  /** Of the order that was asked about last: it is counted next, by the same keys. */
  #keysOfLast: { readonly of: CountedOrder; readonly keys: Map<Subject, readonly string[]> } | null = null

  constructor(most: Partial<HistoryBounds> = {}) {
    this.#most = { ...BOUNDS, ...most }
  }

  /**
   * Counts for these questions from now on. Gives the milliseconds that {@link seed} has to reach back; null where
   * everything is counted already.
   */
  use(questions: readonly HistoryQuestion[]): number | null {
    const subjects = [...new Set(questions.map(subjectOf))]
    const longest = Math.max(0, ...questions.map(({ within }) => within))
    const isCounted = longest <= this.#longest && subjects.every((one) => this.#subjects.includes(one))
    if (this.seeded && isCounted) return null
    this.#subjects = subjects
    this.#longest = longest
    this.#generation += 1
    this.#series = new Map()
    this.#places = new Map()
    this.#entries = 0
    this.#byTime = new Timeline(({ at }) => at)
    this.#cutAt = null
    this.#knownSince = questions.length === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    for (const order of this.#recent.values()) this.#place(order)
    return questions.length === 0 ? null : longest + SLACK
  }

  /**
   * Takes in what was before: orders that CAs took since `since` (ms since 1970), which is as far back as {@link use}
   * said. Until it resolves, counts are not known. What was counted meanwhile is not counted twice. Rejects as `orders`
   * does; ends without effect when `use` asked for more.
   */
  async seed(orders: AsyncIterable<CountedOrder>, since: number): Promise<void> {
    const generation = this.#generation
    for await (const order of orders) {
      if (generation !== this.#generation) return
      this.#place(order)
    }
    if (generation === this.#generation) this.#knownSince = Math.max(since, this.#cutAt ?? since)
  }

  /**
   * Holds a place for an order, and gives its id. For each newOrder when it is decided, before its answer is known. One
   * that has a place gets no other.
   */
  begin(order: CountedOrder): string {
    this.#forgetOld(order.at)
    this.#remember(order)
    this.#place(order)
    return order.id
  }

  /** Gives the place back: it was denied, or the CA made no order. */
  forget(id: string): void {
    this.#forgetRecent(id)
    const place = this.#places.get(id)
    if (place === undefined) return
    this.#byTime.remove(place)
    this.#leave(place)
  }

  /**
   * Undefined: not known. What is there came before, also where its time is later: the clock was set back since, by less
   * than the window. For `domain`: of the registrable domain among its names that has the most.
   */
  count(question: HistoryQuestion, of: CountedOrder): number | undefined {
    const { within } = question
    const subject = subjectOf(question)
    const since = of.at - within
    if (since < this.#knownSince || within > this.#longest || !this.#subjects.includes(subject))
      return undefined
    const keys = this.#keysOf(subject, of)
    if (keys.length === 0) return undefined
    const until = of.at + Math.max(within, SLACK)
    return Math.max(...keys.map((key) => this.#series.get(key)?.times.between(since, until) ?? 0))
  }

  /** Answers to the questions, by {@link questionText}; without those that are not known. */
  counts(questions: readonly HistoryQuestion[], of: CountedOrder): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const question of questions) {
      const count = this.count(question, of)
      if (count !== undefined) counts[questionText(question)] = count
    }
    return counts
  }

  questionText(question: HistoryQuestion): string {
    return questionText(question)
  }

  /** Whether counts are known; if not, {@link use} has to be followed by {@link seed}. */
  get seeded(): boolean {
    return this.#knownSince < Number.POSITIVE_INFINITY
  }

  get size(): number {
    return this.#places.size
  }

  /** What there is of what is bounded. */
  get held(): HistoryBounds {
    return { orders: this.#places.size, series: this.#series.size, entries: this.#entries }
  }

  /** Up to this moment (ms since 1970) orders were dropped because there are too many; null where none had to be. */
  get cutAt(): number | null {
    return this.#cutAt
  }

  #place(order: CountedOrder): void {
    const { id, at } = order
    if (this.#subjects.length === 0 || this.#places.has(id)) return
    const keys = this.#subjects.flatMap((subject) => this.#keysOf(subject, order))
    const place = { id, at, series: keys.map((key) => this.#seriesOf(key)) }
    for (const { times } of place.series) times.add(at)
    this.#places.set(id, place)
    this.#entries += place.series.length
    this.#byTime.add(place)
    while (this.#isFull()) this.#cut(this.#byTime.first()!)
  }

  #isFull(): boolean {
    const { orders, series, entries } = this.#most
    return this.#places.size > orders || this.#series.size > series || this.#entries > entries
  }

  #cut(oldest: Place): void {
    this.#cutAt = Math.max(this.#cutAt ?? oldest.at, oldest.at)
    if (this.seeded) this.#knownSince = Math.max(this.#knownSince, oldest.at)
    this.#byTime.shift()
    this.#leave(oldest)
  }

  #keysOf(subject: Subject, order: CountedOrder): readonly string[] {
    if (this.#keysOfLast?.of !== order) this.#keysOfLast = { of: order, keys: new Map() }
    const { keys } = this.#keysOfLast
    const known = keys.get(subject)
    if (known !== undefined) return known
    const made = keysOf(subject, order)
    keys.set(subject, made)
    return made
  }

  #seriesOf(key: string): Series {
    const known = this.#series.get(key)
    if (known !== undefined) return known
    const made = { key, times: new Timeline(ITSELF) }
    this.#series.set(key, made)
    return made
  }

  #leave({ id, at, series }: Place): void {
    this.#places.delete(id)
    this.#entries -= series.length
    for (const { key, times } of series) {
      times.remove(at)
      if (times.size === 0) this.#series.delete(key)
    }
  }

  /** Of what is forgotten nothing is known any more, whatever the clock is set to later. */
  #forgetOld(now: number): void {
    const oldest = now - this.#longest - SLACK
    // The clock was set back: what is counted begins after the window. It has to be read again.
    if (this.seeded && now - this.#longest < this.#knownSince && this.#cutAt === null && this.#longest > 0)
      this.#knownSince = Number.POSITIVE_INFINITY
    for (let first = this.#byTime.first(); first && first.at < oldest; first = this.#byTime.first()) {
      this.#byTime.shift()
      this.#leave(first)
    }
    if (this.seeded && this.#longest > 0) this.#knownSince = Math.max(this.#knownSince, oldest)
    for (const [id, { at }] of this.#recent) {
      const isLittle = this.#recent.size <= MOST_RECENT && this.#recentNames <= MOST_RECENT_NAMES
      if (at >= now - RECENTLY && isLittle) break
      this.#forgetRecent(id)
    }
  }

  #remember(order: CountedOrder): void {
    this.#forgetRecent(order.id)
    this.#recent.set(order.id, order)
    this.#recentNames += order.names.length
  }

  #forgetRecent(id: string): void {
    this.#recentNames -= this.#recent.get(id)?.names.length ?? 0
    this.#recent.delete(id)
  }
}

function subjectOf(question: HistoryQuestion): Subject {
  return question.kind === 'duplicates' ? 'duplicates' : question.per
}

/** Series an order is counted in; none where what they are told by is not known. */
function keysOf(subject: Subject, order: CountedOrder): readonly string[] {
  return valuesOf(subject, order).map((value) => `${subject} ${order.ca} ${value}`)
}

function valuesOf(subject: Subject, order: CountedOrder): readonly string[] {
  switch (subject) {
    case 'all':
      return ['']
    case 'duplicates':
      return [hash('sha256', order.names.join('\n'), 'buffer').toString('latin1', 0, 15)]
    case 'domain':
      return [...new Set(order.names.map((name) => domainOf(name)))]
    default: {
      const value = order[subject]
      return value === null ? [] : [value]
    }
  }
}

/** An address, or a name that is registrable itself, stands for itself. */
function domainOf(name: string): string {
  const host = name.startsWith('*.') ? name.slice(2) : name
  return registrableDomain(host) ?? host
}
