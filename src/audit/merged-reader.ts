import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { ExchangeFilter, RecordedExchange, RecordReader } from './record-store.ts'

/** One instance's record. */
export type RecordSource = Pick<RecordReader, 'exchanges' | 'exchange' | 'body'>

/** Conditions of a question to several records: sequence numbers mean something in one record only. */
export type MergedFilter = Omit<ExchangeFilter, 'before' | 'after'>

/** Where a page ended, for each source; only good for the reader that gave it. */
export type MergedCursor = readonly (number | null)[]

export interface MergedPage {
  readonly exchanges: readonly RecordedExchange[]
  /** Where the next page begins; null where there is none. The last page may be empty. */
  readonly next: MergedCursor | null
}

const FETCH = 200

/**
 * Several records read as one: by time, each record in its own order. Copies of one record (a data folder and its
 * backup) are told by their stream, so that no exchange comes twice; the copy that has the outcome speaks.
 */
export class MergedReader {
  readonly #sources: readonly RecordSource[]

  constructor(sources: readonly RecordSource[]) {
    this.#sources = sources
  }

  /** Newest first, at most `limit` (1–1000). */
  async page(filter: MergedFilter, limit: number, cursor: MergedCursor | null = null): Promise<MergedPage> {
    const runs = this.#sources.map(
      (source, index) => new Run(source, filter, 'newestFirst', limit, cursor?.[index] ?? null),
    )
    const exchanges: RecordedExchange[] = []
    while (exchanges.length < limit) {
      const next = await takeFirst(runs, newerFirst)
      if (next === null) return { exchanges, next: null }
      exchanges.push(next)
    }
    return { exchanges, next: runs.every((run) => run.ended) ? null : runs.map((run) => run.place) }
  }

  async *oldestFirst(filter: MergedFilter): AsyncGenerator<RecordedExchange> {
    const runs = this.#sources.map((source) => new Run(source, filter, 'oldestFirst', FETCH, 0))
    for (;;) {
      const next = await takeFirst(runs, (a, b) => newerFirst(b, a))
      if (next === null) return
      yield next
    }
  }

  async exchange(id: ExchangeId): Promise<RecordedExchange | null> {
    const found = await Promise.all(this.#sources.map((source) => source.exchange(id)))
    return found.reduce(better, null)
  }

  async body(exchange: ExchangeId, digest: string): Promise<Buffer | null> {
    for (const source of this.#sources) {
      const body = await source.body(exchange, digest)
      if (body !== null) return body
    }
    return null
  }
}

/** One source, read forth or back, some exchanges at a time. */
class Run {
  readonly #source: RecordSource
  readonly #filter: MergedFilter
  readonly #direction: 'newestFirst' | 'oldestFirst'
  readonly #fetch: number
  #waiting: readonly RecordedExchange[] = []
  #used = 0
  #ended = false
  /** Sequence number of the last exchange taken; null before the first. */
  place: number | null

  constructor(
    source: RecordSource,
    filter: MergedFilter,
    direction: 'newestFirst' | 'oldestFirst',
    fetch: number,
    place: number | null,
  ) {
    this.#source = source
    this.#filter = filter
    this.#direction = direction
    this.#fetch = fetch
    this.place = place
  }

  async head(): Promise<RecordedExchange | null> {
    if (this.#used === this.#waiting.length && !this.#ended) {
      this.#waiting = await this.#source.exchanges(this.#from(), this.#fetch)
      this.#used = 0
      this.#ended = this.#waiting.length < this.#fetch
    }
    return this.#waiting[this.#used] ?? null
  }

  /** Nothing is left, as far as is known without asking. */
  get ended(): boolean {
    return this.#ended && this.#used >= this.#waiting.length
  }

  take(): void {
    this.place = this.#waiting[this.#used]?.intent.sequence ?? this.place
    this.#used += 1
  }

  #from(): ExchangeFilter {
    if (this.#direction === 'oldestFirst') return { ...this.#filter, after: this.place ?? 0 }
    return this.place === null ? this.#filter : { ...this.#filter, before: this.place }
  }
}

async function takeFirst(
  runs: readonly Run[],
  order: (a: RecordedExchange, b: RecordedExchange) => number,
): Promise<RecordedExchange | null> {
  let first: RecordedExchange | null = null
  for (const run of runs) {
    const head = await run.head()
    if (head !== null && (first === null || order(head, first) < 0)) first = head
  }
  if (first === null) return null
  let best = first
  for (const run of runs) {
    const head = await run.head()
    if (head === null || head.id !== first.id) continue
    best = better(best, head) ?? best
    run.take()
  }
  return best
}

/** Within a record its own order; between records the time of the request. */
function newerFirst({ intent: a }: RecordedExchange, { intent: b }: RecordedExchange): number {
  if (a.stream === b.stream) return b.sequence - a.sequence
  if (a.at !== b.at) return b.at - a.at
  return a.exchange < b.exchange ? 1 : -1
}

function better(a: RecordedExchange | null, b: RecordedExchange | null): RecordedExchange | null {
  if (a === null || b === null) return a ?? b
  const known = (one: RecordedExchange) => one.outcome !== null && one.outcome.outcome !== 'unknown'
  if (known(a) !== known(b)) return known(a) ? a : b
  return a.outcome === null ? b : a
}
