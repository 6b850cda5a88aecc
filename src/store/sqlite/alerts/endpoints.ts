import type Database from 'better-sqlite3'
import {
  type EndpointFilter,
  type EndpointState,
  endpointText,
  standingOf,
} from '../../../alerts/endpoint.ts'
import { FilterRefused, type Page } from '../../../audit/inventory/values.ts'
import type { AlertCounts } from '../../../observability/standing.ts'
import { Prepared } from '../inventory/queries/prepared.ts'
import { type Condition, type Numbered, pageOfNumbered } from './numbered-list.ts'

/** Each is looked at and told of. */
const MOST_ADDED = 10_000

/** The watch list, with what the last probe of each found. */
export class Endpoints {
  readonly #run: ReturnType<typeof statements>
  readonly #prepared: Prepared

  constructor(db: Database.Database) {
    this.#run = statements(db)
    this.#prepared = new Prepared(db)
  }

  /** Throws FilterRefused for what is no endpoint, or one too many. One that is there already stays as it is. */
  add(text: string): EndpointState {
    const read = endpointText.safeParse(text)
    if (!read.success) throw new FilterRefused('endpoint', read.error.issues[0]!.message)
    if (this.get(read.data) === null && this.#run.countAdded.get()!.count >= MOST_ADDED)
      throw new FilterRefused('endpoint', `is one too many: ${MOST_ADDED} were added; take some off the list`)
    this.#run.add.run(...rowOf(unprobed(read.data)))
    return this.get(read.data)!
  }

  get(endpoint: string): EndpointState | null {
    const row = this.#run.get.get(endpoint)
    return row === undefined ? null : stateOf(row)
  }

  /** False when it is not on the list, or comes from the configuration. */
  remove(endpoint: string): boolean {
    return this.#run.remove.run(endpoint).changes > 0
  }

  /** What is watched now beside what was added by hand: everything else goes. */
  watched(endpoints: readonly string[]): void {
    this.#run.unlist.run(JSON.stringify(endpoints))
  }

  /** What a probe found. What was added by hand and taken off meanwhile stays off the list. */
  probed(state: EndpointState): void {
    if (state.source !== 'added') this.#run.probed.run(...rowOf(state))
    else this.#run.probedAdded.run(standingOf(state), JSON.stringify(state), state.endpoint)
  }

  /** Everything, with what was found last. */
  all(): EndpointState[] {
    // Not one by one: whoever asks writes meanwhile, and one connection does not do both.
    return this.#run.all.all().map(stateOf)
  }

  list(filter: EndpointFilter): Page<EndpointState> {
    const conditions: Condition[] = []
    if (filter.source !== undefined) conditions.push({ sql: 'source = ?', values: [filter.source] })
    if (filter.host !== undefined) conditions.push({ sql: 'host = ?', values: [bare(filter.host)] })
    return pageOfNumbered<EndpointRow & Numbered, EndpointState>(
      this.#prepared,
      { name: 'endpoints', table: 'endpoints', columns: 'source, body' },
      conditions,
      filter,
      stateOf,
    )
  }

  /** How many stand how. */
  counts(): AlertCounts['endpoints'] {
    return this.#run.counts.all()
  }
}

type Row = [endpoint: string, source: string, host: string, standing: string, body: string]

function rowOf(state: EndpointState): Row {
  const [, host = ''] = /^(.*):\d+(?:\/|$)/.exec(state.endpoint) ?? []
  return [state.endpoint, state.source, bare(host), standingOf(state), JSON.stringify(state)]
}

interface EndpointRow {
  readonly source: EndpointState['source']
  readonly body: string
}

/** Where it comes from is said by its column: the configuration may have taken over what was learned. */
function stateOf({ source, body }: EndpointRow): EndpointState {
  return { ...(JSON.parse(body) as EndpointState), source }
}

function unprobed(endpoint: string): EndpointState {
  const nothing = { probed: null, served: null, error: null, failingSince: null, newer: null }
  return { endpoint, source: 'added', ...nothing }
}

/** As it is compared: lower case, an IPv6 address without its brackets. */
function bare(host: string): string {
  return host.toLowerCase().replace(/^\[|\]$/g, '')
}

function statements(db: Database.Database) {
  const insert = 'insert into endpoints (endpoint, source, host, standing, body) values (?, ?, ?, ?, ?)'
  return {
    get: db.prepare<[string], EndpointRow>('select source, body from endpoints where endpoint = ?'),
    all: db.prepare<[], EndpointRow>('select source, body from endpoints order by number'),
    // What was learned may go with what it was learned from; what was added stays.
    add: db.prepare<Row>(
      `${insert} on conflict (endpoint) do update set source = excluded.source where source <> 'config'`,
    ),
    probed: db.prepare<Row>(
      `${insert} on conflict (endpoint) do update set body = excluded.body, standing = excluded.standing, source =
       iif(source = 'added' and excluded.source <> 'config', source, excluded.source)`,
    ),
    probedAdded: db.prepare<[string, string, string]>(
      'update endpoints set standing = ?, body = ? where endpoint = ?',
    ),
    counts: db.prepare<[], AlertCounts['endpoints'][number]>(
      'select standing as state, count(*) as count from endpoints group by standing order by standing',
    ),
    countAdded: db.prepare<[], { readonly count: number }>(
      "select count(*) as count from endpoints where source = 'added'",
    ),
    remove: db.prepare<[string]>("delete from endpoints where endpoint = ? and source <> 'config'"),
    unlist: db.prepare<[string]>(
      "delete from endpoints where source <> 'added' and endpoint not in (select value from json_each(?))",
    ),
  }
}
