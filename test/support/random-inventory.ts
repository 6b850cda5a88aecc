import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { OPERATIONS } from '../../src/acme/operation.ts'
import { problemUrn } from '../../src/acme/problem-types.ts'
import type { FactDraft } from '../../src/audit/record.ts'
import { type ExchangeId, newExchangeId } from '../../src/exchange/exchange-id.ts'
import { databaseFile } from '../../src/store/sqlite/folder.ts'
import { createInventory } from '../../src/store/sqlite/inventory/schema.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { random } from '../soak/soak.ts'
import { entryOf, intentOf, outcomeOf, sha256 } from './facts.ts'

export interface RandomInventory {
  readonly inventory: Database.Database
  readonly record: Database.Database
  /** µs: when the last exchange was. */
  readonly now: number
  close(): Promise<void>
}

const CAS = ['alpha', 'beta']
const MODES = ['relay', 'intercept']
const PROBLEMS = ['dns', 'connection', 'rateLimited', 'malformed'] as const
const CLASSES = ['servfail', 'firewall', 'rate-limit', 'malformed-request', 'unclassified']
const ORDER_STATUSES = ['pending', 'ready', 'processing', 'valid', 'invalid']
const HOUR = 3_600_000_000
const BEGAN = 1_700_000_000_000_000

/** Names that lie next to each other in every order one could sort them in. */
export const NAMES = [
  'example.com',
  '*.example.com',
  'www.example.com',
  'a.b.example.com',
  'example.com.net',
  'notexample.com',
  'example-com.net',
  'xn--bcher-kva.example',
  'one.example',
  'two.example',
  '192.0.2.1',
  '2001:db8::1',
]

/**
 * An inventory of rows that agree with each other and with a record of facts, drawn by lot: every column has every kind
 * of value, nulls too. Written into the tables by hand, so that what reads them is tested alone.
 */
export async function randomInventory(seed: number, exchanges: number): Promise<RandomInventory> {
  const draw = random(seed)
  const below = (n: number) => Math.floor(draw() * n)
  const pick = <T>(values: readonly T[]): T => values[below(values.length)]!
  const maybe = <T>(value: T): T | null => (draw() < 0.25 ? null : value)

  const folder = await mkdtemp(join(tmpdir(), 'acmetap-inventory-'))
  const inventory = new Database(join(folder, 'inventory.sqlite'))
  createInventory(inventory)
  const insert = (table: string, row: Readonly<Record<string, unknown>>): number => {
    const columns = Object.keys(row)
    const sql = `insert into ${table} (${columns.join()}) values (${columns.map(() => '?').join()})`
    return Number(inventory.prepare(sql).run(...Object.values(row)).lastInsertRowid)
  }
  const words = new Map<string, number>()
  const word = (text: string): number => {
    if (!words.has(text)) words.set(text, insert('words', { word: text }))
    return words.get(text)!
  }
  const wordOrNull = (text: string | null) => (text === null ? null : word(text))
  const key = (kind: string, n: number) => sha256(`${kind} ${n}`).slice(0, 16)

  const names = NAMES.map((value) => {
    const type = /^[\d.]+$|:/.test(value) ? 'ip' : 'dns'
    const reversed = `${value.split('.').reverse().join('.')}.`
    return { type, value, id: insert('names', { type: word(type), value, reversed }) }
  })
  const sets = Array.from({ length: 12 }, (_, n) => {
    const members = names.filter(() => draw() < 0.2)
    if (members.length === 0) members.push(pick(names))
    const identifiers = members.map(({ type, value }) => ({ type, value }))
    const id = insert('name_sets', {
      digest: Buffer.from(sha256(`${n}`), 'hex').subarray(0, 16),
      identifiers: JSON.stringify(identifiers),
    })
    for (const name of members) insert('name_set_members', { name: name.id, names: id })
    return { id, identifiers, members }
  })

  const store = await openSqliteStore({ folder, now: BEGAN, boot: newExchangeId(), software: 'test' })
  const kept = (name: string, kind: 'address' | 'contact' | 'proxyUser', value: string) => ({
    name,
    kind,
    value: Buffer.from(value),
  })
  const personal = [
    ...[1, 2, 3].map((n) => kept(`address.${n}`, 'address', `192.0.2.${n}`)),
    ...[1, 2].map((n) => kept(`contact.${n}`, 'contact', `mailto:p${n}@example.com`)),
    kept('proxyUser', 'proxyUser', 'web-1'),
  ]
  const first = newExchangeId()
  const facts: FactDraft[] = [intentOf(first, { at: BEGAN, personal }), outcomeOf(first, { at: BEGAN })]
  await store.store.append(entryOf(facts))
  const record = new Database(databaseFile(folder), { readonly: true })
  const digests = (
    JSON.parse(record.prepare('select text from facts where sequence = 1').pluck().get() as string) as {
      personal: Record<string, string>
    }
  ).personal

  const accounts = Array.from({ length: 6 }, (_, n) => {
    const ca = pick(CAS)
    const url = `https://${ca}.example/account/${n}`
    const at = BEGAN + n * HOUR
    const id = insert('accounts', {
      key: key('account', n),
      ca: word(ca),
      url,
      status: maybe(pick(['valid', 'deactivated', 'revoked'])),
      thumbprint: maybe(n < 2 ? 'shared-key' : `key-${n}`),
      key_type: maybe('P-256'),
      contacts: JSON.stringify(['contact.1', 'contact.2'].map((name) => digests[name])),
      requester: maybe(`${n}`),
      external_account: maybe('kid'),
      key_changes: JSON.stringify(draw() < 0.5 ? [at + HOUR] : []),
      first_sequence: n + 3,
      last_sequence: n + 3,
      first_at: at,
      last_at: at + below(500) * HOUR,
    })
    return { id, ca, url }
  })
  const clients = Array.from({ length: 8 }, (_, n) => {
    const account = maybe(pick(accounts))
    const at = BEGAN + n * HOUR
    const id = insert('clients', {
      key: key('client', n),
      account: account?.id ?? null,
      source: maybe(digests[`address.${1 + below(3)}`]!),
      label: maybe(draw() < 0.5 ? digests.proxyUser! : 'host:ca.example:8443'),
      program: maybe(pick(['certbot', 'lego'])),
      versions: '["1.0","2.0"]',
      user_agent: maybe('certbot/2.0 (linux)'),
      modes: JSON.stringify([pick(MODES)]),
      asked_ari_at: maybe(at),
      // Several begin with the same fact.
      first_sequence: 3 + (n >> 1),
      last_sequence: n + 3,
      first_at: at,
      last_at: at + below(500) * HOUR,
    })
    return { id, account }
  })

  const orders: { id: number; url: string; account: number | null }[] = []
  const authorizations: { id: number; account: number | null }[] = []
  let previous: number | null = null
  let at = BEGAN
  for (let n = 0; n < exchanges; n++) {
    at += below(HOUR)
    const id = newExchangeId()
    const account = maybe(pick(accounts))
    const ca = account?.ca ?? maybe(pick(CAS))
    const mode = pick(MODES)
    const operation = n % 4 === 0 ? 'newOrder' : pick(OPERATIONS)
    const set = maybe(pick(sets))
    const client = maybe(pick(clients.filter((one) => one.account === account)) ?? null)
    const outcome =
      draw() < 0.1 ? null : pick(['response', 'response', 'response', 'refused', 'failed', 'unknown'])
    const status = outcome === 'response' ? pick([200, 201, 400, 429]) : null
    const type = outcome !== null && draw() < 0.3 ? problemUrn(pick(PROBLEMS)) : null
    const diagnosis = type === null ? null : pick(CLASSES)
    const order = orders.length > 0 && draw() < 0.6 ? pick(orders) : null
    const identifiers = set?.identifiers ?? []
    const issuance = order === null ? null : (id as ExchangeId)
    const drafts: FactDraft[] = [
      intentOf(id, {
        at,
        content: { ca, mode, operation, account: account?.url ?? null, identifiers, issuance },
        personal: [kept('clientAddress', 'address', '192.0.2.1')],
      }),
    ]
    if (outcome !== null)
      drafts.push(
        outcomeOf(id, {
          at,
          content: {
            outcome: outcome as 'response',
            status,
            account: null,
            order: order?.url ?? null,
            problem: type === null ? null : { type, detail: 'a text', subproblems: [] },
          },
        }),
      )
    await store.store.append(entryOf(drafts))
    const last = record.prepare('select max(sequence) from facts').pluck().get() as number
    const sequence = outcome === null ? last : last - 1
    const row = {
      ca: wordOrNull(ca),
      mode: word(mode),
      operation: word(operation),
      account: account?.id ?? null,
      client: client?.id ?? null,
      names: set?.id ?? null,
      status,
      problem: wordOrNull(type),
    }
    insert('exchanges', {
      ...row,
      sequence,
      at,
      ended: outcome === null ? null : last,
      outcome: wordOrNull(outcome),
      diagnosis: wordOrNull(diagnosis),
      order_id: order?.id ?? null,
    })
    inventory
      .prepare(
        'insert into hours (hour, first, last) values (?, ?, ?) on conflict (hour) do update set last = excluded.last',
      )
      .run(Math.floor(at / HOUR), sequence, sequence)
    if (outcome !== null) {
      inventory
        .prepare(
          `insert into summary values (?, ?, ?, ?, ?, ?, ?, ?, 1)
           on conflict do update set exchanges = exchanges + 1`,
        )
        .run(
          Math.floor(at / HOUR),
          row.ca ?? 0,
          row.mode,
          row.operation,
          word(outcome),
          row.problem ?? 0,
          wordOrNull(diagnosis) ?? 0,
          below(2),
        )
    }
    if (diagnosis !== null && outcome !== null)
      insert('failures', {
        ...row,
        key: key('failure', n),
        sequence,
        exchange: id,
        at,
        challenge_type: maybe('http-01'),
        order_id: order?.id ?? null,
        outcome: word(outcome),
        detail: maybe('a text'),
        diagnosis: word(diagnosis),
        details: '{"limit":"x"}',
      })
    if (status === 429)
      insert('rate_limits', {
        sequence,
        exchange: id,
        at,
        ca: row.ca,
        account: row.account,
        client: row.client,
        names: row.names,
        operation: row.operation,
        by: pick(['ca', 'acmetap']),
        limit_name: pick(['NewOrdersPerAccount', 'unknown']),
        key: maybe('example.com'),
        until: maybe(at + HOUR),
        detail: maybe('too many'),
      })
    if (operation === 'newOrder' && ca !== null) addOrder(n, sequence, id, ca, { account, client, set })
  }
  await store.close()

  function addOrder(
    n: number,
    sequence: number,
    exchange: string,
    ca: string,
    of: {
      account: (typeof accounts)[number] | null
      client: (typeof clients)[number] | null
      set: (typeof sets)[number] | null
    },
  ): void {
    const shared = {
      ca: word(ca),
      account: of.account?.id ?? null,
      first_sequence: sequence,
      last_sequence: sequence + below(3),
    }
    const url = `https://${ca}.example/order/${n}`
    const status = maybe(pick(ORDER_STATUSES))
    const failed = draw() < (status === 'invalid' ? 0.8 : 0.15)
    const id = insert('orders', {
      ...shared,
      key: key('order', n),
      url,
      client: of.client?.id ?? null,
      names: of.set?.id ?? null,
      status,
      expires: maybe(at + below(300) * HOUR),
      profile: maybe(pick(['classic', 'shortlived'])),
      replaces: maybe('aki.serial'),
      not_before: maybe(at),
      not_after: maybe(at),
      requests: 1 + below(3),
      csr: maybe(
        JSON.stringify({
          names: of.set?.identifiers ?? [],
          keyType: 'P-256',
          keyBits: 256,
          spki: null,
          exchange,
        }),
      ),
      certificate: null,
      certificate_url: maybe(`${url}/certificate`),
      finalized_at: maybe(at),
      error_type: failed ? problemUrn(pick(PROBLEMS)) : null,
      error_detail: failed ? 'a text' : null,
      diagnosis: failed ? word(pick(CLASSES)) : null,
      first_at: at,
      last_at: at + below(100 * HOUR),
    })
    orders.push({ id, url, account: shared.account })
    for (const name of of.set?.members ?? []) {
      const same = authorizations.filter((one) => one.account === shared.account)
      const reused = same.length > 0 && draw() < 0.2
      const authorization = reused
        ? pick(same).id
        : insert('authorizations', {
            ...shared,
            key: key(`authorization ${name.value}`, n),
            url: `${url}/authorization/${name.id}`,
            name: maybe(name.id),
            wildcard: name.value.startsWith('*.') ? 1 : 0,
            status: maybe(pick(['pending', 'valid', 'invalid'])),
            expires: maybe(at + HOUR),
            valid_sequence: maybe(sequence),
          })
      inventory
        .prepare('insert or ignore into order_authorizations values (?, ?, ?)')
        .run(id, authorization, reused ? 1 : 0)
      if (reused) continue
      authorizations.push({ id: authorization, account: shared.account })
      for (const type of ['http-01', 'dns-01'])
        addChallenge(shared, authorization, type, `${url}/${name.id}/${type}`)
    }
    if (status === 'valid' && draw() < 0.8) addCertificate(n, id, shared, of, exchange)
  }

  function addChallenge(
    shared: Readonly<Record<string, number | null>>,
    authorization: number,
    type: string,
    url: string,
  ): void {
    const failed = draw() < 0.3
    insert('challenges', {
      ...shared,
      key: sha256(url).slice(0, 16),
      url,
      authorization: maybe(authorization),
      type: maybe(type),
      status: maybe(pick(['pending', 'processing', 'valid', 'invalid'])),
      answered_at: draw() < 0.5 ? at : null,
      judged_at: draw() < 0.3 ? at : null,
      error_type: failed ? problemUrn(pick(PROBLEMS)) : null,
      error_detail: failed ? 'a text' : null,
      diagnosis: failed ? word(pick(CLASSES)) : null,
      first_at: at,
      last_at: at,
    })
  }

  function addCertificate(
    n: number,
    order: number,
    shared: Readonly<Record<string, number | null>>,
    of: {
      account: { id: number; url: string } | null
      client: { id: number } | null
      set: { id: number } | null
    },
    exchange: string,
  ): void {
    const imported = draw() < 0.3
    const id: number = insert('certificates', {
      ...shared,
      // An import is one fact of many certificates.
      first_sequence: imported ? 5 : shared.first_sequence,
      ca: imported ? maybe(shared.ca) : shared.ca,
      fingerprint: sha256(`certificate ${n}`),
      serial: (n + 1).toString(16),
      names: of.set?.id ?? null,
      common_name: maybe('example.com'),
      issuer: pick(['CN=Alpha R1,O=Alpha', 'CN=Beta Intermediate']),
      not_before: at,
      not_after: at + below(90 * 24) * HOUR,
      key_type: maybe('P-256'),
      key_bits: maybe(256),
      spki: sha256(`key ${n}`),
      ari_id: maybe(`aki.${n}`),
      profile: maybe('classic'),
      chain: JSON.stringify([{ fingerprint: 'f', subject: 'CN=Alpha R1' }]),
      alternates: '[]',
      url: maybe('https://alpha.example/certificate'),
      order_id: maybe(order),
      account: imported ? null : (of.account?.id ?? null),
      client: imported ? null : (of.client?.id ?? null),
      replaces: previous,
      replaced_by: null,
      revoked_at: draw() < 0.2 ? at : null,
      revocation_reason: maybe(1),
      revoked_by: maybe('account'),
      window_start: maybe(at),
      window_end: maybe(at + HOUR),
      window_asked_at: maybe(at),
      window_explanation: null,
      source: imported ? 'imported' : 'observed',
      imported: imported
        ? JSON.stringify({ host: 'web-1', path: '/etc/ssl/one.pem', at, unmanaged: draw() < 0.5 })
        : null,
      exchange: maybe(exchange),
      body: null,
      first_at: imported ? BEGAN + 2 * HOUR : at,
    })
    if (previous !== null && draw() < 0.5)
      inventory.prepare('update certificates set replaced_by = ? where id = ?').run(id, previous)
    previous = id
    inventory.prepare('update orders set certificate = ? where id = ?').run(id, order)
    insert('certificate_downloads', {
      certificate: id,
      account: of.account?.id ?? null,
      first_at: at,
      last_at: at,
    })
  }

  return {
    inventory,
    record,
    now: at,
    async close() {
      inventory.close()
      record.close()
      await rm(folder, { recursive: true })
    },
  }
}
