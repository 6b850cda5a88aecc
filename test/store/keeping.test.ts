import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verifyChain } from '../../src/audit/chain.ts'
import { ACMETAP, type Actor, type EventContent } from '../../src/audit/event.ts'
import { jsonFormat } from '../../src/audit/formats/json.ts'
import { newToken } from '../../src/audit/new-token.ts'
import { pseudonymWith } from '../../src/audit/privacy.ts'
import type { FactDraft } from '../../src/audit/record.ts'
import type { OutgoingLine } from '../../src/audit/sinks/output.ts'
import { Sink } from '../../src/audit/sinks/sink.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { databaseFile } from '../../src/store/sqlite/folder.ts'
import {
  backupSqlite,
  openSqliteReader,
  openSqliteStore,
  type SqliteStore,
} from '../../src/store/sqlite/open.ts'
import { restoreSqlite } from '../../src/store/sqlite/restore.ts'
import { stillClock } from '../support/exchanges.ts'
import { entryOf, eventOf, intentOf, outcomeOf, sha256, wholeExchange } from '../support/facts.ts'

const DAY = 86_400_000_000
const NOW = 1_700_000_000_000_000
const ADMIN: Actor = { kind: 'token', token: '00112233', name: 'dpo' }
const pseudonym = pseudonymWith(Buffer.alloc(32, 3))
const NEVER = new AbortController().signal
const ALL = { exchanges: null, bodies: null, personal: null }

let folder: string
let opened: SqliteStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-keeping-'))
  opened = await open()
})

afterEach(async () => {
  await opened.close()
  await rm(folder, { recursive: true })
})

function open(at = folder) {
  return openSqliteStore({ folder: at, now: NOW, boot: newExchangeId(), software: 'test' })
}

function keeping(given = opened) {
  const clock = stillClock()
  return given.keeping({ clock, instance: 'acmetap', pseudonym: () => pseudonym })
}

function sqlOn<T>(work: (db: Database.Database) => T): T {
  const db = new Database(databaseFile(folder))
  try {
    return work(db)
  } finally {
    db.close()
  }
}

const count = (table: string) =>
  sqlOn((db) => db.prepare(`select count(*) from ${table}`).pluck().get() as number)

async function verify() {
  const reader = openSqliteReader(folder)
  try {
    return await verifyChain(reader)
  } finally {
    await reader.close()
  }
}

async function events(): Promise<(EventContent & { sequence: number })[]> {
  const facts = await opened.reader.facts(1, 10_000)
  return facts.map(({ text }) => JSON.parse(text)).filter(({ kind }) => kind === 'event')
}

async function append(...facts: FactDraft[]): Promise<void> {
  await opened.store.append(entryOf(facts))
}

const personal = (name: string, kind: FactDraft['personal'][number]['kind'], value: string | Buffer) => ({
  name,
  kind,
  value: Buffer.from(value),
})

/** An exchange whose facts are `days` old. */
async function aged(days: number, body = `payload of ${days}`): Promise<string> {
  const id = newExchangeId()
  const at = NOW - days * DAY
  await append(
    intentOf(id, {
      at,
      bodies: [{ bytes: Buffer.from(body), repeats: false }],
      personal: [personal('clientAddress', 'address', `192.0.2.${days}`)],
    }),
    outcomeOf(id, { at: at + 1000, bodies: [{ bytes: Buffer.from(`certificate ${days}`), repeats: true }] }),
  )
  return id
}

describe('exchanges older than their age', () => {
  test('go with what they alone refer to, and the event that tells it names the last', async () => {
    const old = [await aged(40), await aged(39)]
    const young = await aged(10)
    const before = NOW - 30 * DAY
    const [fourth] = await opened.reader.facts(4, 1)
    expect(await keeping().prune({ ...ALL, exchanges: before }, 1000, NEVER)).toEqual([
      { kind: 'exchanges', removed: 4 },
    ])
    expect(await events()).toMatchObject([
      {
        event: 'pruned',
        what: 'exchanges',
        kind: 'event',
        before,
        removed: 4,
        last: { sequence: 4, digest: fourth!.digest },
        actor: ACMETAP,
        instance: 'acmetap',
      },
    ])
    for (const id of old) expect(await opened.reader.exchange(id)).toBeNull()
    expect((await opened.reader.exchange(young))?.outcome?.status).toBe(201)
    expect((await opened.reader.exchanges({}, 10)).map(({ id }) => id)).toEqual([young])
    expect((await opened.reader.facts(1, 10)).map(({ sequence }) => sequence)).toEqual([5, 6, 7])
    expect(count('bodies')).toBe(1)
    expect(count('blobs')).toBe(1)
    // Their age is another.
    expect(count('personal')).toBe(3)
    expect(await opened.reader.tally()).toEqual({ sequence: 7, outcomes: 3 })
    expect(await verify()).toMatchObject({ facts: 3, begins: 5, firstBroken: null, altered: [] })
    await append(...wholeExchange().entry.facts)
    expect(await verify()).toMatchObject({ facts: 5, begins: 5, firstBroken: null })
  })

  test('what is not old enough, not taken in yet, or behind an open intent stays', async () => {
    const ids = [await aged(40), await aged(39), await aged(38)]
    const before = NOW - 30 * DAY
    const keep = keeping()
    expect(await keep.prune({ ...ALL, exchanges: NOW - 50 * DAY }, 1000, NEVER)).toEqual([
      { kind: 'exchanges', removed: 0 },
    ])
    expect(await keep.prune({ ...ALL, exchanges: before }, 2, NEVER)).toMatchObject([{ removed: 2 }])
    // Half of an exchange: the cut is made before it.
    expect(await keep.prune({ ...ALL, exchanges: before }, 3, NEVER)).toMatchObject([{ removed: 0 }])
    const running = newExchangeId()
    await append(intentOf(running, { at: NOW - 37 * DAY }))
    await aged(36)
    expect(await keep.prune({ ...ALL, exchanges: before }, 1000, NEVER)).toMatchObject([{ removed: 4 }])
    expect(await opened.reader.exchange(ids[2]!)).toBeNull()
    expect((await opened.reader.exchange(running))?.outcome).toBeNull()
    await append(outcomeOf(running))
    expect((await opened.reader.exchange(running))?.outcome?.status).toBe(201)
    expect(await verify()).toMatchObject({ firstBroken: null })
  })

  test('one young fact holds up all behind it, whatever their clock said', async () => {
    await aged(40)
    await aged(-400)
    await aged(39)
    expect(await keeping().prune({ ...ALL, exchanges: NOW }, 1000, NEVER)).toMatchObject([{ removed: 2 }])
    expect(await keeping().prune({ ...ALL, exchanges: NOW }, 1000, NEVER)).toMatchObject([{ removed: 0 }])
  })

  test('a body that a younger fact shares stays; one that was shared by those that went goes', async () => {
    const shared = Buffer.from('a directory')
    const facts = (days: number, bytes: Buffer) => {
      const id = newExchangeId()
      const at = NOW - days * DAY
      return [intentOf(id, { at }), outcomeOf(id, { at, bodies: [{ bytes, repeats: true }] })]
    }
    await append(...facts(40, shared))
    await append(...facts(39, Buffer.from('gone')))
    const young = facts(5, shared)
    await append(...young)
    await keeping().prune({ ...ALL, exchanges: NOW - 30 * DAY }, 1000, NEVER)
    expect(await opened.reader.body(young[0]!.exchange, sha256(shared))).toEqual(shared)
    expect(count('blobs')).toBe(1)
    // What went is written anew when it comes again.
    const again = facts(1, Buffer.from('gone'))
    await append(...again)
    expect((await opened.reader.body(again[0]!.exchange, sha256('gone')))?.toString()).toBe('gone')
    expect(await verify()).toMatchObject({ firstBroken: null, altered: [] })
  })

  test('a run that is cut off after its event is finished by the next, whatever was left', async () => {
    for (let n = 0; n < 20; n++) await aged(40)
    await aged(1)
    const ending = new AbortController()
    const keep = keeping()
    const pruning = keep.prune({ ...ALL, exchanges: NOW - 30 * DAY }, 1000, ending.signal)
    await expect.poll(() => opened.reader.anchor()).not.toBeNull()
    ending.abort()
    await pruning
    // As a crash leaves it: some facts up to the anchor are there still.
    expect(await verify()).toMatchObject({ firstBroken: null })
    await keep.prune({ ...ALL, exchanges: NOW - 30 * DAY }, 1000, NEVER)
    expect(await verify()).toMatchObject({ begins: 41, firstBroken: null })
    expect((await events()).filter(({ event }) => event === 'pruned')).toHaveLength(1)
    expect(count('bodies')).toBe(1)
  })

  test('exchanges go on being recorded meanwhile, and the chain verifies while it happens', async () => {
    await Promise.all(Array.from({ length: 1500 }, (_, n) => aged(40, `body ${n}`)))
    await aged(1)
    let pruning = true
    let appended = 0
    const load = Array.from({ length: 4 }, async () => {
      while (pruning) {
        await append(...wholeExchange().entry.facts)
        appended += 1
      }
    })
    const during = verify()
    await keeping().prune({ ...ALL, exchanges: NOW - 30 * DAY }, 1_000_000, NEVER)
    pruning = false
    await Promise.all(load)
    expect(appended).toBeGreaterThan(10)
    expect(await during).toMatchObject({ firstBroken: null })
    const facts = 2 * appended + 3
    expect(await verify()).toMatchObject({ facts, begins: 3001, firstBroken: null, altered: [] })
    expect(await opened.reader.tally()).toEqual({ sequence: 3000 + facts, outcomes: 1501 + appended })
  })

  test('a sink that had not sent them goes on behind them, and has no backlog of them', async () => {
    for (const days of [40, 39, 5]) await aged(days)
    await keeping().prune({ ...ALL, exchanges: NOW - 30 * DAY }, 1000, NEVER)
    const lines: string[] = []
    const sink = await Sink.start({
      name: 'late',
      format: jsonFormat,
      output: {
        write: async (written: readonly OutgoingLine[]) => {
          lines.push(...written.map(({ text }) => text))
        },
        reopen: () => undefined,
        close: async () => undefined,
      },
      reader: opened.reader,
      positions: opened.positions,
      from: 'start',
      program: { version: '0', host: 'h', ip: '::1', hostOfCa: () => null },
      now: () => NOW,
      report: () => undefined,
      pauses: { batch: 5, shortest: 5, longest: 5 },
    })
    await expect.poll(async () => (await sink.status()).backlog).toBe(0)
    await append(eventOf(), ...wholeExchange().entry.facts)
    sink.wake()
    await expect.poll(() => lines.length).toBe(2)
    await expect.poll(async () => (await sink.status()).backlog).toBe(0)
    expect((await sink.status()).lastError).toBeNull()
    await sink.close()
  })

  test('a second time, and through a backup, the chain begins behind the newest anchor', async () => {
    await aged(40)
    await aged(20)
    await keeping().prune({ ...ALL, exchanges: NOW - 30 * DAY }, 1000, NEVER)
    await aged(5)
    const keep = keeping()
    await keep.prune({ ...ALL, exchanges: NOW - 10 * DAY }, 1000, NEVER)
    expect(await verify()).toMatchObject({ begins: 5, firstBroken: null })
    const file = join(folder, 'copy.backup')
    await opened.backup(file)
    const { chain } = await restoreSqlite(file, join(folder, 'elsewhere'))
    expect(chain).toMatchObject({ begins: 5, firstBroken: null })
  })
})

describe('bodies older than their age', () => {
  async function kept(operation: string, days = 40): Promise<boolean[]> {
    const id = newExchangeId()
    const at = NOW - days * DAY
    const [header, payload, signature, answer] = ['header', 'payload', 'signature', 'answer'].map((what) =>
      Buffer.from(`${what} of ${operation} ${days}`),
    ) as [Buffer, Buffer, Buffer, Buffer]
    const jws = {
      alg: null,
      nonce: null,
      url: null,
      kid: null,
      thumbprint: null,
      verdict: 'verified',
      protected: sha256(header),
      payload: sha256(payload),
      signature: sha256(signature),
      signatureDigest: null,
    }
    const unique = (bytes: Buffer) => ({ bytes, repeats: false })
    await append(
      intentOf(id, { at, content: { operation, jws }, bodies: [header, payload, signature].map(unique) }),
      outcomeOf(id, { at, bodies: [unique(answer)] }),
    )
    await keeping().prune({ ...ALL, bodies: NOW - 30 * DAY }, 1000, NEVER)
    const found = [header, payload, signature, answer].map((bytes) => opened.reader.body(id, sha256(bytes)))
    return (await Promise.all(found)).map((bytes) => bytes !== null)
  }

  test.each([
    ['newOrder', [true, true, false, true]],
    ['finalize', [true, true, false, true]],
    ['newAccount', [true, true, false, true]],
    ['revokeCert', [true, true, false, false]],
    ['order', [false, false, false, true]],
    ['authorization', [false, false, false, true]],
    ['challenge', [false, false, false, true]],
    ['certificate', [false, false, false, true]],
    ['newNonce', [false, false, false, false]],
    ['orders', [false, false, false, false]],
    ['unrecognised', [false, false, false, false]],
  ])('%s: protected header, payload, signature, answer', async (operation, stay) => {
    expect(await kept(operation)).toEqual(stay)
    expect(await kept(operation, 1)).toEqual([true, true, true, true])
    expect(await verify()).toMatchObject({ firstBroken: null, altered: [] })
  })

  test('each fact is looked at once, and the event counts them', async () => {
    for (const operation of ['newNonce', 'orders', 'newOrder']) {
      const [payload, answer] = [`payload of ${operation}`, `answer of ${operation}`].map((text) => ({
        bytes: Buffer.from(text),
        repeats: false,
      }))
      const id = newExchangeId()
      const at = NOW - 40 * DAY
      await append(
        intentOf(id, { at, content: { operation }, bodies: [payload!] }),
        outcomeOf(id, { at, bodies: [answer!] }),
      )
    }
    const prune = () => keeping().prune({ ...ALL, bodies: NOW - 30 * DAY }, 1000, NEVER)
    // Of newOrder's intent, which names no payload, all goes; its answer stays.
    expect(await prune()).toEqual([{ kind: 'bodies', removed: 5 }])
    expect(await prune()).toEqual([{ kind: 'bodies', removed: 0 }])
    expect(await events()).toMatchObject([{ event: 'pruned', what: 'bodies', removed: 5, last: null }])
    expect(await verify()).toMatchObject({ firstBroken: null, altered: [] })
  })
})

describe('personal values older than their age', () => {
  test('go where no younger fact refers to them', async () => {
    const used = async (value: string, days: number) => {
      const id = newExchangeId()
      const at = NOW - days * DAY
      await append(
        intentOf(id, { at, personal: [personal('clientAddress', 'address', value)] }),
        outcomeOf(id, { at }),
      )
      return id
    }
    const old = await used('192.0.2.1', 40)
    const often = await used('192.0.2.2', 40)
    await used('192.0.2.2', 2)
    expect(await keeping().prune({ ...ALL, personal: NOW - 30 * DAY }, 1000, NEVER)).toEqual([
      { kind: 'personal', removed: 1 },
    ])
    expect((await opened.reader.exchange(old))?.personal).toEqual({})
    expect((await opened.reader.exchange(often))?.personal).toEqual({ clientAddress: '192.0.2.2' })
    expect(await events()).toMatchObject([{ event: 'pruned', what: 'personal', removed: 1 }])
    const back = await used('192.0.2.1', 1)
    expect((await opened.reader.exchange(back))?.personal).toEqual({ clientAddress: '192.0.2.1' })
    expect(await verify()).toMatchObject({ firstBroken: null, altered: [] })
  })
})

describe('a beginning somebody else has cut, or tampered with', () => {
  const anchorSet =
    (change: (anchor: { sequence: number; digest: string }) => unknown) => (db: Database.Database) => {
      const anchor = JSON.parse(
        db.prepare("select value from meta where name = 'anchor'").pluck().get() as string,
      )
      db.prepare("update meta set value = ? where name = 'anchor'").run(JSON.stringify(change(anchor)))
    }
  const sql = (text: string) => (db: Database.Database) => {
    db.exec(text)
  }
  const factAt = (db: Database.Database, sequence: number) =>
    db.prepare('select text, digest from facts where sequence = ?').get(sequence) as {
      text: string
      digest: Buffer
    }
  const rewrite = (db: Database.Database, sequence: number, text: string) =>
    db
      .prepare('update facts set text = ?, digest = ? where sequence = ?')
      .run(text, Buffer.from(sha256(text), 'hex'), sequence)

  // 1–4 went; 5 and 6 are kept, 7 is the event, 8–11 came later.
  const kinds: [string, (db: Database.Database) => void, { sequence: number; kind: string }][] = [
    ['cut further', sql('delete from facts where sequence <= 6'), { sequence: 5, kind: 'gap' }],
    [
      'cut further, with the anchor moved along',
      (db) => {
        const { digest } = factAt(db, 6)
        db.exec('delete from facts where sequence <= 6')
        anchorSet(() => ({ sequence: 6, digest: digest.toString('hex') }))(db)
      },
      { sequence: 7, kind: 'anchor' },
    ],
    [
      'cut further, with the event that would tell it',
      (db) => {
        const { digest } = factAt(db, 6)
        db.exec('delete from facts where sequence <= 6')
        const last = { sequence: 6, digest: digest.toString('hex') }
        anchorSet(() => last)(db)
        const event = JSON.parse(factAt(db, 7).text)
        rewrite(db, 7, JSON.stringify({ ...event, last }))
      },
      { sequence: 8, kind: 'previous' },
    ],
    ['the anchor taken away', sql("delete from meta where name = 'anchor'"), { sequence: 1, kind: 'gap' }],
    [
      'the anchor moved back',
      anchorSet((anchor) => ({ ...anchor, sequence: 2 })),
      { sequence: 3, kind: 'gap' },
    ],
    [
      'the anchor moved on',
      anchorSet((anchor) => ({ ...anchor, sequence: 5 })),
      { sequence: 5, kind: 'anchor' },
    ],
    [
      'another digest in the anchor',
      anchorSet((anchor) => ({ ...anchor, digest: 'f'.repeat(64) })),
      { sequence: 5, kind: 'previous' },
    ],
    ['the event taken out', sql('delete from facts where sequence = 7'), { sequence: 7, kind: 'gap' }],
    [
      'the event told otherwise',
      (db) => rewrite(db, 7, factAt(db, 7).text.replace('"removed":4', '"removed":2')),
      { sequence: 8, kind: 'previous' },
    ],
    [
      'the first fact replaced',
      (db) => rewrite(db, 5, factAt(db, 5).text.replace('"mode":"relay"', '"mode":"broker"')),
      { sequence: 6, kind: 'previous' },
    ],
    [
      'the first fact given another past',
      (db) =>
        rewrite(
          db,
          5,
          factAt(db, 5).text.replace(/"previous":"[0-9a-f]{64}"/, `"previous":"${'0'.repeat(64)}"`),
        ),
      { sequence: 5, kind: 'previous' },
    ],
    [
      'a fact put in front',
      (db) =>
        db.exec(
          "insert into facts select 4, x'00112233445566778899aabbccddeeff', kind, at, text, digest from facts where sequence = 5",
        ),
      { sequence: 4, kind: 'text' },
    ],
  ]

  test.each(kinds)('%s is found, and where', async (_what, tamper, firstBroken) => {
    await aged(40)
    await aged(39)
    await aged(10)
    await keeping().prune({ ...ALL, exchanges: NOW - 30 * DAY }, 1000, NEVER)
    for (let n = 0; n < 2; n++) await append(...wholeExchange().entry.facts)
    expect(await verify()).toMatchObject({ facts: 7, begins: 5, firstBroken: null })
    sqlOn(tamper)
    expect((await verify()).firstBroken).toEqual(firstBroken)
  })

  test('facts cut off, and an anchor set where there was none', async () => {
    await aged(40)
    await aged(39)
    const [second] = await opened.reader.facts(2, 1)
    const anchor = JSON.stringify({ sequence: 2, digest: second!.digest })
    sqlOn((db) => {
      db.exec('delete from facts where sequence <= 2')
      db.prepare("insert into meta values ('anchor', ?)").run(anchor)
    })
    expect((await verify()).firstBroken).toEqual({ sequence: 3, kind: 'anchor' })
    const file = join(folder, 'cut.backup')
    await backupSqlite(folder, file)
    await expect(restoreSqlite(file, join(folder, 'elsewhere'))).rejects.toMatchObject({ reason: 'damaged' })
  })
})

describe('a person', () => {
  const CONTACT = 'mailto:Jane.Doe@Example.org'
  const bodyOf = (contact: string) => JSON.stringify({ contact: [contact], status: 'valid' })

  /** The bytes of every file of the data folder, and whether the value is in them. */
  function hits(value: string): string[] {
    const needle = value.toLowerCase()
    return readdirSync(folder).filter((name) =>
      readFileSync(join(folder, name)).toString('latin1').toLowerCase().includes(needle),
    )
  }

  async function account(contact: string, address = '192.0.2.7'): Promise<string> {
    const id = newExchangeId()
    await append(
      intentOf(id, {
        content: { operation: 'newAccount' },
        personal: [
          personal('clientAddress', 'address', address),
          personal('proxyUser', 'proxyUser', 'ward-7'),
          personal('payload', 'body', bodyOf(contact)),
          personal('signature', 'body', Buffer.alloc(64, 0x80)),
          personal('contact.0', 'contact', contact),
        ],
      }),
    )
    await append(outcomeOf(id, { personal: [personal('responseBody', 'body', bodyOf(contact))] }))
    return id
  }

  test('is forgotten: values, bodies, searches; no byte of it is left in any file', async () => {
    // Enough of them that pages of table and index were split.
    for (let n = 0; n < 150; n++)
      await account(`mailto:user${n}.${'x'.repeat(n)}@Example.org`, `10.0.${n % 7}.${n % 250}`)
    const id = await account(CONTACT)
    for (let n = 150; n < 250; n++) await account(`mailto:user${n}@Example.org`)
    await append(
      eventOf({}, { personal: [personal('filter', 'query', '{"contact":"Jane.Doe@example.org"}')] }),
      eventOf({}, { personal: [personal('filter', 'query', '{"name":"one.example"}')] }),
    )
    expect(hits('jane.doe')).not.toEqual([])
    const keep = keeping()
    const expected = { values: 2, bodies: 3, kinds: ['body', 'contact', 'query'] }
    expect(await keep.forget('Jane.Doe@EXAMPLE.org', ADMIN, true)).toEqual(expected)
    expect(hits('jane.doe')).not.toEqual([])
    expect(await keep.forget('Jane.Doe@EXAMPLE.org', ADMIN, false)).toEqual(expected)
    expect(hits('jane.doe')).toEqual([])
    const exchange = await opened.reader.exchange(id)
    expect(exchange?.personal).toEqual({ clientAddress: '192.0.2.7', proxyUser: 'ward-7' })
    for (const name of ['payload', 'signature']) {
      expect(await opened.reader.body(id, exchange!.intent.personal[name]!)).toBeNull()
    }
    expect((await events()).at(-1)).toMatchObject({ event: 'forgotten', ...expected, actor: ADMIN })
    expect(await verify()).toMatchObject({ facts: 505, firstBroken: null, altered: [] })
    expect(await keep.forget('mailto:Jane.Doe@example.org', ADMIN, false)).toEqual({
      values: 0,
      bodies: 0,
      kinds: [],
    })
    expect((await opened.reader.facts(505, 10)).length).toBe(1)
  })

  test.each([
    ['192.0.2.7', 'address', '192.0.2.7'],
    ['2001:DB8:0::1', 'address', '2001:db8::1'],
    ['ward-7', 'proxyUser', 'ward-7'],
    ['+1-201-555-0123', 'contact', 'tel:+1-201-555-0123'],
    ['tel:+1-201-555-0123', 'contact', 'tel:+1-201-555-0123'],
    ['mailto:a@b.example', 'contact', 'mailto:a@B.example'],
    ['192.0.2.7', 'address', pseudonym('192.0.2.7')],
    ['MAILTO:a@B.example', 'contact', pseudonym('a@b.example')],
    [pseudonym('ward-7'), 'proxyUser', pseudonym('ward-7')],
  ] as const)('%s erases the %s %s, and nobody else', async (value, kind, stored) => {
    const others = ['192.0.2.70', '2001:db8::11', 'ward-77', 'tel:+1-201-555-01234', 'mailto:xa@b.example']
    const id = newExchangeId()
    await append(
      intentOf(id, {
        personal: [
          personal('n', kind, stored),
          ...others.map((other, n) => personal(`other.${n}`, kind, other)),
        ],
      }),
    )
    expect(await keeping().forget(value, ADMIN, false)).toEqual({ values: 1, bodies: 0, kinds: [kind] })
    expect(Object.values((await opened.reader.exchange(id))!.personal)).toEqual(others)
  })

  test('who comes again is a new person', async () => {
    const first = await account(CONTACT)
    await keeping().forget(CONTACT, ADMIN, false)
    const second = await account(CONTACT)
    const [before, after] = [await opened.reader.exchange(first), await opened.reader.exchange(second)]
    expect(before?.personal['contact.0']).toBeUndefined()
    expect(after?.personal['contact.0']).toBe(CONTACT)
    expect(after?.intent.personal['contact.0']).not.toBe(before?.intent.personal['contact.0'])
  })

  test('nothing is nobody', async () => {
    await account(CONTACT)
    for (const value of ['', '  ', 'mailto:', 'someone.else@example.org', 'Example.org', '%', '.*'])
      expect(await keeping().forget(value, ADMIN, false), value).toEqual({ values: 0, bodies: 0, kinds: [] })
    expect((await events()).length).toBe(0)
  })
})

describe('tokens', () => {
  const event = (details: Partial<EventContent>) =>
    ({ actor: ADMIN, instance: 'acmetap', ...details }) as EventContent

  test('a change is durable together with the event that tells it', async () => {
    const keep = keeping()
    const { id, text, digest } = newToken()
    const token = { id, name: 'ci', role: 'viewer', digest, createdAt: NOW, expires: null } as const
    const created = event({ event: 'tokenCreated', token: id, name: 'ci', role: 'viewer', expires: null })
    await keep.addToken(token, created)
    expect(await keep.tokens()).toEqual([token])
    await expect(keep.addToken(token, created)).rejects.toMatchObject({ name: 'StoreUnavailable' })
    expect(
      await keep.removeToken('ffffffff', event({ event: 'tokenRevoked', token: 'ffffffff', name: 'x' })),
    ).toBe(false)
    await opened.close()
    opened = await open()
    expect(await keeping().tokens()).toEqual([token])
    expect(await keeping().removeToken(id, event({ event: 'tokenRevoked', token: id, name: 'ci' }))).toBe(
      true,
    )
    expect(await keeping().tokens()).toEqual([])
    expect((await events()).map((one) => one.event)).toEqual(['tokenCreated', 'tokenRevoked'])
    expect(await opened.reader.tally()).toEqual({ sequence: 2, outcomes: 0 })
    await opened.close()
    for (const name of readdirSync(folder)) {
      expect(readFileSync(join(folder, name)).includes(text.slice(17)), name).toBe(false)
    }
    opened = await open()
  })
})
