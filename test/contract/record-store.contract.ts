import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verifyChain } from '../../src/audit/chain.ts'
import type { FactDraft } from '../../src/audit/record.ts'
import { type RecordReader, type RecordStore, StoreUnavailable } from '../../src/audit/record-store.ts'
import type { SinkPositions } from '../../src/audit/sinks/sink-positions.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import {
  accountKeyOf,
  entryOf,
  eventOf,
  intentOf,
  outcomeOf,
  resourceOf,
  sha256,
  wholeExchange,
} from '../support/facts.ts'

export interface OpenedStore {
  readonly store: RecordStore
  readonly reader: RecordReader
  readonly positions: SinkPositions
  readonly stream: string
  readonly boot: string
  close(): Promise<void>
}

export interface StoreUnderTest {
  /** Open the same data with a new boot id. */
  open(): Promise<OpenedStore>
  remove(): Promise<void>
}

/** What every store must do, whatever it is made of. */
export function recordStoreContract(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a record store`, () => {
    let place: StoreUnderTest
    let opened: OpenedStore

    beforeEach(async () => {
      place = await create()
      opened = await place.open()
    })

    afterEach(async () => {
      await opened.close()
      await place.remove()
    })

    async function reopen(): Promise<void> {
      await opened.close()
      opened = await place.open()
    }

    test('an empty record has nothing in it', async () => {
      const { reader } = opened
      expect(await reader.facts(1, 100)).toEqual([])
      expect(await reader.exchanges({}, 100)).toEqual([])
      expect(await reader.exchange(newExchangeId())).toBeNull()
      expect(await reader.accountKeys()).toEqual([])
      expect(await reader.accountKey('pebble', 'https://ca.example/account/1')).toBeNull()
      expect(await reader.resources('pebble', 'localhost:8443', '/dir')).toEqual([])
    })

    test('a fact carries the envelope and the content as they were given', async () => {
      const id = newExchangeId()
      await opened.store.append(entryOf([intentOf(id, { at: 1_754_000_000_123_456 })]))
      const exchange = await opened.reader.exchange(id)
      expect(exchange?.outcome).toBeNull()
      expect(exchange?.intent).toMatchObject({
        version: 1,
        stream: opened.stream,
        boot: opened.boot,
        sequence: 1,
        kind: 'intent',
        exchange: id,
        at: 1_754_000_000_123_456,
        monotonic: 7,
        personal: {},
        previous: '0'.repeat(64),
        operation: 'newOrder',
        identifiers: [{ type: 'dns', value: 'one.example' }],
      })
      await opened.store.append(entryOf([outcomeOf(id)]))
      const complete = await opened.reader.exchange(id)
      expect(complete?.outcome).toMatchObject({ sequence: 2, kind: 'outcome', status: 201, durationCa: 3000 })
    })

    test('the sequence is contiguous and each fact names the digest of the one before it', async () => {
      await Promise.all(Array.from({ length: 200 }, () => opened.store.append(wholeExchange().entry)))
      await reopen()
      await opened.store.append(wholeExchange().entry)
      const facts = await opened.reader.facts(1, 10_000)
      expect(facts.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 402 }, (_, n) => n + 1))
      for (const [index, fact] of facts.entries()) {
        expect(sha256(fact.text)).toBe(fact.digest)
        const { previous } = JSON.parse(fact.text)
        expect(previous).toBe(facts[index - 1]?.digest ?? '0'.repeat(64))
      }
      expect(await verifyChain(opened.reader)).toMatchObject({ facts: 402, firstBroken: null, altered: [] })
    })

    test('facts are read from a sequence number on, at most as many as asked for', async () => {
      for (let n = 0; n < 5; n++) await opened.store.append(wholeExchange().entry)
      expect((await opened.reader.facts(4, 3)).map(({ sequence }) => sequence)).toEqual([4, 5, 6])
      expect(await opened.reader.facts(11, 3)).toEqual([])
    })

    test('an acknowledged entry survives being closed and opened; stream stays, boot changes', async () => {
      const { stream, boot } = opened
      const { id, entry } = wholeExchange()
      await opened.store.append(entry)
      await reopen()
      expect(opened.stream).toBe(stream)
      expect(opened.boot).not.toBe(boot)
      expect((await opened.reader.exchange(id))?.outcome?.status).toBe(201)
    })

    test('an outcome without an open intent is left out, with what it learned', async () => {
      const { id, entry } = wholeExchange()
      await opened.store.append(entry)
      const late = { resources: [resourceOf('https://localhost:8443/late')], keys: [] }
      await opened.store.append(entryOf([outcomeOf(id, { content: { status: 500 } })], late))
      await opened.store.append(entryOf([outcomeOf(newExchangeId())]))
      expect((await opened.reader.exchange(id))?.outcome?.status).toBe(201)
      expect(await opened.reader.facts(1, 100)).toHaveLength(2)
      expect(await opened.reader.resources('pebble', 'localhost:8443', '/late')).toEqual([])
    })

    test('an entry that is bad for its own sake fails alone', async () => {
      const good = wholeExchange()
      const twice = wholeExchange()
      const circular: Record<string, unknown> = {}
      circular.self = circular
      const bad = entryOf([
        { ...intentOf(newExchangeId()), content: circular as unknown as FactDraft['content'] },
      ])
      const results = await Promise.allSettled([
        opened.store.append(good.entry),
        opened.store.append(bad),
        opened.store.append(twice.entry),
        opened.store.append(entryOf([intentOf(twice.id)])),
        opened.store.append(wholeExchange().entry),
      ])
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ])
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(StoreUnavailable)
      }
      expect(await verifyChain(opened.reader)).toMatchObject({ facts: 6, firstBroken: null, altered: [] })
      await opened.store.append(wholeExchange().entry)
      expect(await opened.reader.facts(1, 100)).toHaveLength(8)
    })

    test('the facts of an entry are written together or not at all', async () => {
      const { id, entry } = wholeExchange()
      await opened.store.append(entry)
      const other = newExchangeId()
      await expect(opened.store.append(entryOf([intentOf(other), intentOf(id)]))).rejects.toThrow(
        StoreUnavailable,
      )
      expect(await opened.reader.exchange(other)).toBeNull()
    })

    test('intents of dead boots, and only they, become unknown', async () => {
      const dead = Array.from({ length: 3 }, () => newExchangeId())
      for (const id of dead) await opened.store.append(entryOf([intentOf(id)]))
      await opened.store.append(wholeExchange().entry)
      await reopen()
      const running = newExchangeId()
      await opened.store.append(entryOf([intentOf(running)]))
      expect(await opened.store.closeDeadIntents(1_800_000_000_000_000, 9)).toBe(3)
      expect(await opened.store.closeDeadIntents(1_800_000_000_000_000, 9)).toBe(0)
      for (const id of dead) {
        expect((await opened.reader.exchange(id))?.outcome).toMatchObject({
          outcome: 'unknown',
          status: null,
          boot: opened.boot,
          at: 1_800_000_000_000_000,
        })
      }
      expect((await opened.reader.exchange(running))?.outcome).toBeNull()
      expect(await verifyChain(opened.reader)).toMatchObject({ facts: 9, firstBroken: null })
    })

    test('bodies come back byte for byte, small and large, unique and repeating', async () => {
      const bodies = [
        Buffer.alloc(0),
        Buffer.from('{}'),
        randomBytes(700),
        Buffer.from('certificate '.repeat(2000)),
        randomBytes(300_000),
      ]
      const id = newExchangeId()
      const all = bodies.flatMap((bytes, index) => [
        { bytes, repeats: false },
        { bytes: Buffer.concat([bytes, Buffer.from([index])]), repeats: true },
      ])
      const pooled = Buffer.from('from the shared pool')
      await opened.store.append(
        entryOf([
          intentOf(id, { bodies: all }),
          outcomeOf(id, { bodies: [{ bytes: pooled, repeats: false }] }),
        ]),
      )
      for (const { bytes } of [...all, { bytes: pooled }]) {
        expect((await opened.reader.body(id, sha256(bytes)))?.equals(bytes)).toBe(true)
      }
      expect(await opened.reader.body(id, 'f'.repeat(64))).toBeNull()
      expect(await verifyChain(opened.reader)).toMatchObject({ firstBroken: null, altered: [] })
    })

    test('the caller may use its buffers again once the entry is durable', async () => {
      const bytes = Buffer.from('as it was')
      const digest = sha256(bytes)
      const id = newExchangeId()
      await opened.store.append(entryOf([intentOf(id, { bodies: [{ bytes, repeats: false }] })]))
      bytes.fill(0)
      expect((await opened.reader.body(id, digest))?.toString()).toBe('as it was')
    })

    test('personal values stand in the fact as salted digests and are read back by name', async () => {
      const address = Buffer.from('192.0.2.7')
      const contact = Buffer.from('mailto:someone@one.example')
      const payload = Buffer.from('{"contact":["mailto:someone@one.example"]}')
      const ids = [newExchangeId(), newExchangeId()]
      for (const id of ids) {
        await opened.store.append(
          entryOf([
            intentOf(id, {
              personal: [
                { name: 'clientAddress', kind: 'address', value: address },
                { name: 'contacts', kind: 'contact', value: contact },
                { name: 'payload', kind: 'body', value: payload },
              ],
            }),
          ]),
        )
      }
      const [first, second] = await Promise.all(ids.map((id) => opened.reader.exchange(id)))
      expect(first?.personal).toEqual({ clientAddress: '192.0.2.7', contacts: 'mailto:someone@one.example' })
      expect(first?.intent.personal.clientAddress).toBe(second?.intent.personal.clientAddress)
      expect(first?.intent.personal.payload).not.toBe(second?.intent.personal.payload)
      const digest = first?.intent.personal.payload ?? ''
      expect(await opened.reader.body(ids[0]!, digest)).toEqual(payload)
      for (const { text } of await opened.reader.facts(1, 10)) {
        expect(text).not.toContain('192.0.2.7')
        expect(text).not.toContain('someone')
        expect(text).not.toContain(sha256(address))
      }
    })

    test('learned resources are found by canonical target; the latest wins', async () => {
      const upper = resourceOf('https://localhost:8443/Order/1')
      const lower = resourceOf('https://localhost:8443/order/1', { operation: 'authorization' })
      const elsewhere = resourceOf('https://localhost:8443/order/1', { ca: 'other' })
      const first = wholeExchange()
      await opened.store.append({
        ...first.entry,
        learned: { resources: [upper, lower, elsewhere], keys: [] },
      })
      const found = await opened.reader.resources('pebble', 'localhost:8443', '/order/1')
      expect([...found].sort((a, b) => a.url.localeCompare(b.url, 'en'))).toEqual(
        [lower, upper].sort((a, b) => a.url.localeCompare(b.url, 'en')),
      )
      const newer = {
        ...lower,
        issuance: first.id,
        identifiers: [{ type: 'dns' as const, value: 'one.example' }],
      }
      await opened.store.append({ ...wholeExchange().entry, learned: { resources: [newer], keys: [] } })
      await reopen()
      await opened.store.append({ ...wholeExchange().entry, learned: { resources: [newer], keys: [] } })
      const again = await opened.reader.resources('pebble', 'localhost:8443', '/order/1')
      expect(again).toHaveLength(2)
      expect(again).toContainEqual(newer)
      expect(await opened.reader.resources('pebble', 'localhost:14000', '/order/1')).toEqual([])
      const bare = { ...newer, account: null, issuance: null, identifiers: [] }
      await opened.store.append({ ...wholeExchange().entry, learned: { resources: [bare], keys: [] } })
      const kept = await opened.reader.resources('pebble', 'localhost:8443', '/order/1')
      expect(kept.find(({ url }) => url === newer.url)).toEqual(newer)
      expect(await opened.reader.resources('other', 'localhost:8443', '/order/1')).toEqual([elsewhere])
    })

    test('what was learned can be appended without a fact', async () => {
      await opened.store.append(
        entryOf([], { resources: [resourceOf('https://localhost:8443/a')], keys: [] }),
      )
      expect(await opened.reader.resources('pebble', 'localhost:8443', '/a')).toHaveLength(1)
    })

    test('account keys: the latest of an account wins, and imported ones are counted when new', async () => {
      const one = accountKeyOf('https://ca.example/account/1')
      const two = accountKeyOf('https://ca.example/account/2', { source: 'import' })
      await opened.store.append({ ...wholeExchange().entry, learned: { resources: [], keys: [one] } })
      expect(await opened.reader.accountKey('pebble', one.account)).toEqual(one)
      expect(await opened.store.rememberKeys([one, two])).toBe(1)
      expect(await opened.store.rememberKeys([one, two])).toBe(0)
      expect(await opened.reader.accountKey('pebble', one.account)).toEqual(one)
      const rolled = accountKeyOf(one.account, { source: 'keyChange' })
      await opened.store.append({ ...wholeExchange().entry, learned: { resources: [], keys: [rolled] } })
      expect(await opened.reader.accountKeys()).toEqual([rolled, two])
      expect(await opened.reader.accountKey('other', one.account)).toBeNull()
    })

    test('exchanges are paged newest first, or oldest first after a cursor', async () => {
      const ids: string[] = []
      for (let n = 0; n < 7; n++) {
        const { id, entry } = wholeExchange()
        ids.push(id)
        await opened.store.append(entry)
      }
      const newest = await opened.reader.exchanges({}, 3)
      expect(newest.map(({ id }) => id)).toEqual([ids[6], ids[5], ids[4]])
      const before = newest.at(-1)!.intent.sequence
      const older = await opened.reader.exchanges({ before }, 3)
      expect(older.map(({ id }) => id)).toEqual([ids[3], ids[2], ids[1]])
      const after = await opened.reader.exchanges({ after: before }, 100)
      expect(after.map(({ id }) => id)).toEqual([ids[5], ids[6]])
      expect(await opened.reader.exchanges({ after: newest[0]!.intent.sequence }, 10)).toEqual([])
    })

    test('each condition of a filter holds by itself and all hold together', async () => {
      const issuance = newExchangeId()
      const problem = { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'slow', subproblems: [] }
      const wanted = wholeExchange({
        at: 2_000,
        intent: {
          ca: 'sectigo',
          mode: 'intercept',
          operation: 'finalize',
          account: "https://ca.example/account/o'neill",
          issuance,
          identifiers: [{ type: 'dns', value: 'wanted.example' }],
        },
        outcome: { outcome: 'failed', problem },
      })
      for (let n = 0; n < 4; n++) await opened.store.append(wholeExchange({ at: 1_000 + n * 500 }).entry)
      await opened.store.append(wanted.entry)
      const learnt = wholeExchange({
        at: 9_000,
        outcome: {
          account: 'https://ca.example/account/9',
          identifiers: [{ type: 'dns', value: 'nine.example' }],
        },
      })
      await opened.store.append(learnt.entry)
      const unauthorized = { type: 'urn:ietf:params:acme:error:unauthorized', detail: '404', subproblems: [] }
      const invalid = wholeExchange({ at: 9_500, outcome: { status: 200, objectError: unauthorized } })
      await opened.store.append(invalid.entry)
      const found = async (filter: Parameters<RecordReader['exchanges']>[0]) =>
        (await opened.reader.exchanges(filter, 100)).map(({ id }) => id)
      const conditions = {
        ca: 'sectigo',
        mode: 'intercept',
        operation: 'finalize',
        outcome: 'failed',
        problem: problem.type,
        account: "https://ca.example/account/o'neill",
        issuance,
        name: 'wanted.example',
      }
      for (const [member, value] of Object.entries(conditions)) {
        expect(await found({ [member]: value }), member).toEqual([wanted.id])
        expect(await found({ ...conditions, [member]: 'something else' }), member).toEqual([])
      }
      expect(await found({ problem: 'rateLimited' })).toEqual([wanted.id])
      expect(await found({ ...conditions, since: 2_000, until: 2_000 })).toEqual([wanted.id])
      expect(await found({ problem: 'unauthorized' })).toEqual([invalid.id])
      expect(await found({ since: 9_000, until: 9_400 })).toEqual([learnt.id])
      expect(await found({ until: 999 })).toEqual([])
      expect(await found({ account: 'https://ca.example/account/9' })).toEqual([learnt.id])
      expect(await found({ name: 'nine.example' })).toEqual([learnt.id])
      expect(await found({ name: "' or 1=1 --" })).toEqual([])
    })

    test('closing waits for what was appended; afterwards nothing is taken', async () => {
      const entries = Array.from({ length: 50 }, () => wholeExchange())
      const appended = entries.map(({ entry }) => opened.store.append(entry))
      await opened.close()
      await Promise.all(appended)
      await expect(opened.store.append(wholeExchange().entry)).rejects.toMatchObject({ reason: 'closed' })
      opened = await place.open()
      expect(await opened.reader.facts(1, 1000)).toHaveLength(100)
    })

    test('exchanges are read in the order in which they ended, without those that run', async () => {
      const [late, running] = [newExchangeId(), newExchangeId()]
      await opened.store.append(entryOf([intentOf(late)]))
      await opened.store.append(entryOf([intentOf(running)]))
      const first = wholeExchange()
      await opened.store.append(first.entry)
      await opened.store.append(
        entryOf([outcomeOf(late, { personal: [{ name: 'n', kind: 'contact', value: Buffer.from('v') }] })]),
      )
      const ended = await opened.reader.outcomesAfter(0, 10)
      expect(ended.map(({ sequence, exchange }) => [sequence, exchange.id])).toEqual([
        [4, first.id],
        [5, late],
      ])
      expect(ended[1]?.exchange).toEqual(await opened.reader.exchange(late))
      expect(ended[1]?.exchange.personal).toEqual({ n: 'v' })
      expect((await opened.reader.outcomesAfter(0, 1)).map(({ sequence }) => sequence)).toEqual([4])
      expect((await opened.reader.outcomesAfter(4, 10)).map(({ sequence }) => sequence)).toEqual([5])
      expect(await opened.reader.outcomesAfter(5, 10)).toEqual([])
      expect(await opened.reader.tally()).toEqual({ sequence: 5, outcomes: 2 })
    })

    test('the tally of an empty record, and after dead intents were closed', async () => {
      expect(await opened.reader.tally()).toEqual({ sequence: 0, outcomes: 0 })
      await opened.store.append(entryOf([intentOf(newExchangeId())]))
      await opened.store.append(wholeExchange().entry)
      expect(await opened.reader.tally()).toEqual({ sequence: 3, outcomes: 1 })
      await reopen()
      await opened.store.closeDeadIntents(1, 1)
      expect(await opened.reader.tally()).toEqual({ sequence: 4, outcomes: 2 })
    })

    test('events stand among the exchanges and are none', async () => {
      await opened.store.append(entryOf([eventOf()]))
      const first = wholeExchange()
      await opened.store.append(first.entry)
      const chain = Buffer.from('a chain of certificates')
      const event = eventOf(
        { event: 'imported' },
        {
          bodies: [{ bytes: chain, repeats: true }],
          personal: [{ name: 'query', kind: 'query', value: Buffer.from('{"name":"one.example"}') }],
        },
      )
      await opened.store.append(entryOf([event]))
      const running = newExchangeId()
      await opened.store.append(entryOf([intentOf(running)]))
      await opened.store.append(entryOf([eventOf()]))
      expect(await opened.reader.tally()).toEqual({ sequence: 6, outcomes: 1 })
      await reopen()
      expect(await opened.store.closeDeadIntents(1, 1)).toBe(1)
      expect(await opened.reader.tally()).toEqual({ sequence: 7, outcomes: 2 })
      expect((await opened.reader.exchanges({}, 10)).map(({ id }) => id)).toEqual([running, first.id])
      expect((await opened.reader.exchanges({ after: 0 }, 10)).map(({ id }) => id)).toEqual([
        first.id,
        running,
      ])
      expect((await opened.reader.outcomesAfter(0, 10)).map(({ exchange }) => exchange.id)).toEqual([
        first.id,
        running,
      ])
      expect(await opened.reader.exchange(event.exchange)).toBeNull()
      expect(await opened.reader.body(event.exchange, sha256(chain))).toEqual(chain)
      const kinds = (await opened.reader.facts(1, 10)).map(({ text }) => JSON.parse(text).kind)
      expect(kinds).toEqual(['event', 'intent', 'outcome', 'event', 'intent', 'event', 'outcome'])
      expect(await verifyChain(opened.reader)).toMatchObject({ facts: 7, firstBroken: null, altered: [] })
    })

    test('an event is written once', async () => {
      const event = eventOf()
      await opened.store.append(entryOf([event]))
      await expect(opened.store.append(entryOf([event]))).rejects.toBeInstanceOf(StoreUnavailable)
      await opened.store.append(wholeExchange().entry)
      expect(await opened.reader.tally()).toEqual({ sequence: 3, outcomes: 1 })
    })

    test("a sink's position is kept by its name and leaves no fact", async () => {
      const positions = () => Promise.all(['one', 'two'].map((name) => opened.positions.position(name)))
      expect(await positions()).toEqual([null, null])
      await opened.positions.advance('one', { sequence: 7, outcomes: 3, lines: 2 })
      await opened.positions.advance('two', { sequence: 0, outcomes: 0, lines: 0 })
      await opened.positions.advance('one', { sequence: 9, outcomes: 4, lines: 3 })
      await reopen()
      expect(await positions()).toEqual([
        { sequence: 9, outcomes: 4, lines: 3 },
        { sequence: 0, outcomes: 0, lines: 0 },
      ])
      expect(await opened.reader.facts(1, 10)).toEqual([])
      await opened.store.append(wholeExchange().entry)
      expect(await verifyChain(opened.reader)).toMatchObject({ facts: 2, firstBroken: null })
    })

    test('a probe is a write that leaves no fact', async () => {
      await opened.store.probe()
      await opened.store.probe()
      expect(await opened.reader.facts(1, 10)).toEqual([])
      await opened.store.append(wholeExchange().entry)
      expect((await opened.reader.facts(1, 10)).map(({ sequence }) => sequence)).toEqual([1, 2])
    })

    test('pressure shows what waits', async () => {
      expect(opened.store.pressure()).toEqual({ waiting: 0, lastCommit: 0 })
      const appended = Array.from({ length: 5 }, () => opened.store.append(wholeExchange().entry))
      expect(opened.store.pressure().waiting).toBe(5)
      await Promise.all(appended)
      expect(opened.store.pressure().waiting).toBe(0)
      expect(opened.store.pressure().lastCommit).toBeGreaterThan(0)
    })
  })
}
