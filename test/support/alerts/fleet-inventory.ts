import { isIP } from 'node:net'
import Database from 'better-sqlite3'
import { createInventory } from '../../../src/store/sqlite/inventory/schema.ts'
import { Vocabulary } from '../../../src/store/sqlite/inventory/vocabulary.ts'
import { sha256 } from '../facts.ts'

const HOUR = 3_600_000_000

export interface FleetClient {
  readonly id: number
  readonly key: string
  readonly account: number
  readonly ca: string
}

export interface FleetCertificate {
  readonly id: number
  readonly fingerprint: string
  readonly notBefore: number
  readonly notAfter: number
}

/** An inventory that a simulation writes, through the tables that rules read. Times are ms, as everywhere in alerts. */
export class FleetInventory {
  readonly db: Database.Database
  /** What is personal is looked up here. */
  readonly record = new Database(':memory:')
  readonly #vocabulary: Vocabulary
  readonly #run: ReturnType<typeof statements>
  #sequence = 0

  constructor(file = ':memory:') {
    this.db = new Database(file)
    createInventory(this.db)
    this.record.exec(
      'create table personal (digest blob primary key, kind text not null, value blob not null)',
    )
    this.#vocabulary = new Vocabulary(this.db)
    this.#run = statements(this.db)
  }

  client(
    {
      ca,
      program,
      source,
      user = null,
    }: { ca: string; program: string; source: string; user?: string | null },
    at: number,
  ): FleetClient {
    const url = `https://${ca}.example/account/${source}`
    const sequence = ++this.#sequence
    const account = this.#id(
      this.#run.account,
      sha256(url).slice(0, 16),
      this.#vocabulary.word(ca),
      url,
      ...seen(sequence, at),
    )
    const key = sha256(`client ${url} ${program}`).slice(0, 16)
    const [from, label] = [this.#personal('address', source), user && this.#personal('proxyUser', user)]
    const id = this.#id(this.#run.client, key, account, from, label, program, ...seen(sequence, at))
    return { id, key, account, ca }
  }

  exchange(client: FleetClient, operation: string, at: number, status = 200): void {
    const sequence = ++this.#sequence
    const [ca, mode, word, outcome] = [client.ca, 'intercept', operation, 'response'].map((text) =>
      this.#vocabulary.word(text),
    )
    const micros = Math.round(at * 1000)
    this.#run.exchange.run(
      sequence,
      micros,
      sequence,
      ca,
      mode,
      word,
      outcome,
      status,
      client.account,
      client.id,
    )
    this.#run.hour.run(Math.floor(micros / HOUR), sequence, sequence)
    this.#run.see.run(sequence, micros, client.id)
  }

  order(client: FleetClient, names: readonly string[], at: number, status: string): number {
    const sequence = ++this.#sequence
    const key = sha256(`order ${sequence}`).slice(0, 16)
    const url = `https://${client.ca}.example/order/${sequence}`
    const about = [client.account, client.id, this.#set(names), status]
    return this.#id(
      this.#run.order,
      key,
      this.#vocabulary.word(client.ca),
      url,
      ...about,
      ...seen(sequence, at),
    )
  }

  /** Of an order, or without one: one that was imported. Takes the place of the one before. */
  certificate(
    client: FleetClient,
    names: readonly string[],
    { notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number },
    at: number,
    order: number | null,
    before: FleetCertificate | null,
  ): FleetCertificate {
    const sequence = ++this.#sequence
    const fingerprint = sha256(`certificate ${sequence}`)
    const id = this.#id(
      this.#run.certificate,
      fingerprint,
      sequence.toString(16),
      this.#vocabulary.word(client.ca),
      this.#set(names),
      notBefore * 1000,
      notAfter * 1000,
      order,
      client.account,
      client.id,
      before?.id ?? null,
      sequence,
      sequence,
      Math.round(at * 1000),
    )
    if (before !== null) this.#run.replaced.run(id, before.id)
    return { id, fingerprint, notBefore, notAfter }
  }

  window({ id }: FleetCertificate, start: number, end: number, explanation: string | null = null): void {
    this.#run.window.run(Math.round(start * 1000), Math.round(end * 1000), explanation, id)
  }

  close(): void {
    this.db.close()
    this.record.close()
  }

  #set(names: readonly string[]): number | null {
    return this.#vocabulary.set(names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })))
  }

  #personal(kind: string, value: string): string {
    const digest = sha256(`${kind} ${value}`)
    this.record
      .prepare('insert or ignore into personal values (?, ?, ?)')
      .run(Buffer.from(digest, 'hex'), kind, Buffer.from(value))
    return digest
  }

  #id(statement: Database.Statement<unknown[]>, ...values: readonly unknown[]): number {
    return Number(statement.run(...values).lastInsertRowid)
  }
}

function seen(sequence: number, at: number): number[] {
  const micros = Math.round(at * 1000)
  return [sequence, sequence, micros, micros]
}

function statements(db: Database.Database) {
  return {
    account: db.prepare<unknown[]>(
      `insert into accounts (key, ca, url, contacts, key_changes, first_sequence, last_sequence, first_at, last_at)
       values (?, ?, ?, '[]', '[]', ?, ?, ?, ?)`,
    ),
    client: db.prepare<unknown[]>(
      `insert into clients (key, account, source, label, program, versions, modes, first_sequence, last_sequence, first_at, last_at)
       values (?, ?, ?, ?, ?, '[]', '[]', ?, ?, ?, ?)`,
    ),
    see: db.prepare<unknown[]>(
      'update clients set last_sequence = ?, last_at = max(last_at, ?) where id = ?',
    ),
    exchange: db.prepare<unknown[]>(
      `insert into exchanges (sequence, at, ended, ca, mode, operation, outcome, status, account, client)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    hour: db.prepare<unknown[]>(
      'insert into hours values (?, ?, ?) on conflict (hour) do update set last = excluded.last',
    ),
    order: db.prepare<unknown[]>(
      `insert into orders (key, ca, url, account, client, names, status, requests, first_sequence, last_sequence, first_at, last_at)
       values (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)`,
    ),
    certificate: db.prepare<unknown[]>(
      `insert into certificates (fingerprint, serial, ca, names, not_before, not_after, order_id, account, client, replaces,
         issuer, spki, chain, alternates, source, first_sequence, last_sequence, first_at)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'CN=R1', '', '[]', '[]', 'observed', ?, ?, ?)`,
    ),
    replaced: db.prepare<unknown[]>('update certificates set replaced_by = ? where id = ?'),
    window: db.prepare<unknown[]>(
      'update certificates set window_start = ?, window_end = ?, window_explanation = ? where id = ?',
    ),
  }
}
