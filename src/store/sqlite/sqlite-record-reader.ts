import type { Person } from '../../audit/person.ts'
import type {
  Anchor,
  AnchorReader,
  EndedExchange,
  ExchangeFilter,
  KeptValues,
  KeptValuesReader,
  RecordedExchange,
  RecordReader,
  RecordTally,
  StoredFact,
  StoredIntent,
  StoredOutcome,
} from '../../audit/record-store.ts'
import type { ExchangeId } from '../../exchange/exchange-id.ts'
import type { AccountKey, Resource } from '../../exchange/resource.ts'
import { FACT_KINDS } from '../tables.ts'
import { Thread } from '../thread.ts'
import type { PersonPage } from './person-search.ts'
import type { Prunable } from './prunable.ts'
import type { AccountKeyRow, ExchangeTexts, Queries } from './queries.ts'
import type { ReaderData } from './reader-worker.ts'

const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './reader-worker.ts' : './reader-worker.js',
  import.meta.url,
)

type Question = Exclude<keyof Queries, 'close'>
type Answer<Name extends Question> = Awaited<ReturnType<Queries[Name]>>

const KIND_NAMES = new Map(Object.entries(FACT_KINDS).map(([name, kind]) => [kind, name]))

export interface SqliteReader extends RecordReader, KeptValuesReader, AnchorReader {
  /** How far facts behind `after` may go that are older than `before` and not above `through`. */
  prunable(before: number, through: number, after: number): Promise<Prunable>
  /** Kept values that name a person, from the row after `after` on. */
  namedBy(person: Person, after: number): Promise<PersonPage>
}

/** Who answers: the reader's thread, or the queries themselves. */
interface Source {
  ask<Name extends Question>(name: Name, given: Parameters<Queries[Name]>): Promise<Answer<Name>>
  close(): Promise<void>
}

/** Asks in a thread of its own. Rejects with StoreRefusal. */
export async function openThreadedReader(data: ReaderData): Promise<SqliteReader> {
  const thread = await Thread.start(SCRIPT, data)
  return new SqliteRecordReader({
    ask: <Name extends Question>(name: Name, given: Parameters<Queries[Name]>) =>
      thread.call(name, given) as Promise<Answer<Name>>,
    close: () => thread.close(),
  })
}

/** Asks in this thread: for commands, which have nothing else to do. */
export function readerOf(queries: Queries): SqliteReader {
  return new SqliteRecordReader({
    async ask<Name extends Question>(name: Name, given: Parameters<Queries[Name]>): Promise<Answer<Name>> {
      const method = queries[name] as (...args: Parameters<Queries[Name]>) => unknown
      return (await method.apply(queries, given)) as Awaited<Answer<Name>>
    },
    close: async () => queries.close(),
  })
}

class SqliteRecordReader implements SqliteReader {
  readonly #source: Source

  constructor(source: Source) {
    this.#source = source
  }

  async resources(ca: string, authority: string, canonical: string): Promise<readonly Resource[]> {
    const rows = await this.#source.ask('resources', [ca, authority, canonical])
    return rows.map(
      ({ url, content }) => ({ ca, authority, url, canonical, ...JSON.parse(content) }) as Resource,
    )
  }

  async accountKey(ca: string, account: string): Promise<AccountKey | null> {
    const row = await this.#source.ask('accountKey', [ca, account])
    return row ? accountKeyOf(row) : null
  }

  async accountKeys(): Promise<readonly AccountKey[]> {
    return (await this.#source.ask('accountKeys', [])).map(accountKeyOf)
  }

  async exchange(id: ExchangeId): Promise<RecordedExchange | null> {
    const texts = await this.#source.ask('exchange', [id])
    return texts ? exchangeOf(texts) : null
  }

  async exchanges(filter: ExchangeFilter, limit: number): Promise<readonly RecordedExchange[]> {
    return (await this.#source.ask('exchanges', [filter, limit])).map(exchangeOf)
  }

  async outcomesAfter(sequence: number, limit: number): Promise<readonly EndedExchange[]> {
    const rows = await this.#source.ask('outcomesAfter', [sequence, limit])
    return rows.map(({ sequence, ...texts }) => ({ sequence, exchange: exchangeOf(texts) }))
  }

  tally(): Promise<RecordTally> {
    return this.#source.ask('tally', [])
  }

  async body(exchange: ExchangeId, digest: string): Promise<Buffer | null> {
    const bytes = await this.#source.ask('body', [exchange, digest])
    return bytes ? bufferOf(bytes) : null
  }

  async facts(from: number, limit: number): Promise<readonly StoredFact[]> {
    const rows = await this.#source.ask('facts', [from, limit])
    return rows.map(({ sequence, text, digest, kind, exchange, at }) => ({
      sequence,
      text,
      digest,
      found: { kind: KIND_NAMES.get(kind) ?? '', exchange, at },
    }))
  }

  anchor(): Promise<Anchor | null> {
    return this.#source.ask('anchor', [])
  }

  prunable(before: number, through: number, after: number): Promise<Prunable> {
    return this.#source.ask('prunable', [before, through, after])
  }

  namedBy(person: Person, after: number): Promise<PersonPage> {
    return this.#source.ask('namedBy', [person, after])
  }

  async keptValues(cursor: string): Promise<KeptValues> {
    const { values, next } = await this.#source.ask('keptValues', [cursor])
    return {
      values: values.map(({ digest, salt, bytes }) => ({
        digest,
        salt: salt && bufferOf(salt),
        bytes: bufferOf(bytes),
      })),
      next,
    }
  }

  close(): Promise<void> {
    return this.#source.close()
  }
}

/** What crosses a thread's border arrives as a plain Uint8Array. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function exchangeOf({ intent, outcome, personal }: ExchangeTexts): RecordedExchange {
  const stored = JSON.parse(intent) as StoredIntent
  return {
    id: stored.exchange,
    intent: stored,
    outcome: outcome === null ? null : (JSON.parse(outcome) as StoredOutcome),
    personal: Object.fromEntries(personal.map(({ name, value }) => [name, value])),
  }
}

function accountKeyOf({ ca, account, jwk, thumbprint, source }: AccountKeyRow): AccountKey {
  return { ca, account, jwk: JSON.parse(jwk), thumbprint, source: source as AccountKey['source'] }
}
