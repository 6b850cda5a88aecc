import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { feedText, sse } from '../../src/api/feed-stream.ts'
import { Feed } from '../../src/audit/feed.ts'
import type { EndedExchange, RecordedExchange } from '../../src/audit/record-store.ts'
import { recorded } from '../support/recorded-exchange.ts'
import { type Admin, ExampleOperations, openAdmin } from './example-operations.ts'

/** A record that grows: the n-th exchange has its outcome at 2n. */
class GrowingRecord {
  readonly ended: EndedExchange[] = []
  readonly feed = new Feed(this)
  async tally() {
    return { sequence: this.ended.at(-1)?.sequence ?? 0, outcomes: this.ended.length }
  }
  async outcomesAfter(sequence: number, limit: number) {
    return this.ended.filter((one) => one.sequence > sequence).slice(0, limit)
  }
  end(parts: Partial<Parameters<typeof recorded>[0]> = {}): void {
    const exchange = recorded({ sequence: this.ended.length * 2 + 1, operation: 'order', ...parts })
    this.ended.push({ sequence: exchange.outcome!.sequence, exchange })
    this.feed.publish()
  }
}

class LiveOperations extends ExampleOperations {
  readonly record = new GrowingRecord()
  readonly running = new Set<AsyncIterable<RecordedExchange>>()
  constructor() {
    super()
    this.inventory.progress = async () => ({
      projected: 0,
      recorded: (await this.record.tally()).sequence,
      rebuilding: false,
      fault: null,
    })
  }
  override async *tail(from: number | null, signal = new AbortController().signal) {
    const following = this.record.feed.follow(from, signal)
    this.running.add(following)
    try {
      yield* following
    } finally {
      this.running.delete(following)
    }
  }
}

interface Reader {
  readonly response: IncomingMessage
  readonly ended: Promise<'clean' | 'cut'>
  text(): string
  ids(): number[]
  close(): void
}

const opened: Admin[] = []
afterEach(async () => {
  for (const { app } of opened.splice(0)) await app.close()
})

async function live(options: Parameters<typeof openAdmin>[1] = {}) {
  const operations = new LiveOperations()
  const admin = await openAdmin(operations, options)
  opened.push(admin)
  await admin.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = admin.app.server.address() as AddressInfo
  const { authorization } = await admin.bearer('viewer')
  const read = (query = '', fields: Record<string, string> = {}): Promise<Reader> =>
    new Promise((resolve, reject) => {
      const url = `http://127.0.0.1:${port}/api/v1/events${query}`
      const request = get(url, { agent: false, headers: { authorization, ...fields } }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        const ended = new Promise<'clean' | 'cut'>((settle) => {
          response.on('end', () => settle('clean')).on('error', () => settle('cut'))
        })
        resolve({
          response,
          ended,
          text: () => text,
          ids: () =>
            [...text.matchAll(/^id: (\d+)\nevent: exchange\ndata: .+\n\n/gm)].map(([, id]) => Number(id)),
          close: () => request.destroy(),
        })
      })
      request.on('error', reject)
    })
  return { admin, operations, record: operations.record, read, port, authorization }
}

test('from now on, each once, with its place; the reader learns its place at once', async () => {
  const { record, read } = await live()
  record.end()
  const reader = await read()
  expect(reader.response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
  await expect.poll(() => reader.text()).toContain('id: 2\n\n')
  record.end()
  record.end()
  await expect.poll(() => reader.ids()).toEqual([4, 6])
  const [data] = /data: (.+)/.exec(reader.text())!.slice(1)
  expect(JSON.parse(data!)).toEqual(JSON.parse(JSON.stringify(record.ended[1]!.exchange)))
  reader.close()
})

test('a reader that is cut off again and again loses nothing and gets nothing twice', async () => {
  const { record, read } = await live()
  const all: number[] = []
  let place = '0'
  let random = 7
  const next = (below: number) => {
    random = (random * 1_103_515_245 + 12_345) % 2_147_483_648
    return random % below
  }
  const writing = (async () => {
    for (let count = 0; count < 300; count += 1) {
      record.end()
      if (count % 3 === 0) await new Promise((resolve) => setTimeout(resolve, next(4)))
    }
  })()
  let attempts = 0
  while (all.length < 300) {
    attempts += 1
    const reader = await read('', { 'last-event-id': place })
    const enough = 1 + next(40)
    await expect.poll(() => reader.ids().length).toBeGreaterThanOrEqual(Math.min(enough, 300 - all.length))
    reader.close()
    const ids = reader.ids().slice(0, enough)
    all.push(...ids)
    place = String(ids.at(-1) ?? place)
  }
  await writing
  expect(all).toEqual(record.ended.map(({ sequence }) => sequence))
  expect(attempts).toBeGreaterThan(5)
})

test('?from= begins there; Last-Event-ID counts more', async () => {
  const { record, read } = await live()
  for (let count = 0; count < 5; count += 1) record.end()
  const first = await read('?from=6')
  await expect.poll(() => first.ids()).toEqual([6, 8, 10])
  const second = await read('?from=1', { 'last-event-id': '8' })
  await expect.poll(() => second.ids()).toEqual([10])
  first.close()
  second.close()
})

test.each([
  ['?ca=pebble', [2, 6]],
  ['?operation=newOrder', [4]],
  ['?outcome=refused', [6]],
  ['?mode=intercept', [4]],
  ['?name=www.example.com', [2]],
  ['?name=.example.com', [2, 4]],
  ['?name=*.example.com', [4]],
  ['?name=.example.com&ca=pebble', [2]],
])('only what %s lets through', async (query, ids) => {
  const { record, read } = await live()
  record.end({ intent: { identifiers: [{ type: 'dns', value: 'www.example.com' }] } })
  record.end({
    operation: 'newOrder',
    intent: { ca: 'other', mode: 'intercept', identifiers: [{ type: 'dns', value: '*.example.com' }] },
  })
  record.end({ outcome: { outcome: 'refused', identifiers: [{ type: 'dns', value: 'example.org' }] } })
  const reader = await read(`${query}&from=1`)
  record.end({
    intent: { ca: 'last', identifiers: [{ type: 'dns', value: 'x.test' }] },
    operation: 'directory',
  })
  await expect.poll(() => reader.ids()).toEqual(ids)
  reader.close()
})

test('a place the record has not reached, and one that is none, are refused', async () => {
  const { admin, record } = await live()
  record.end()
  const fields = await admin.bearer('viewer')
  const ask = (query: string, more = {}) =>
    admin.app.inject({ url: `/api/v1/events${query}`, headers: { ...fields, ...more } })
  expect((await ask('?from=99')).json().detail).toMatch(/from: the record ends at 2/)
  expect((await ask('', { 'last-event-id': '99' })).statusCode).toBe(400)
  expect((await ask('', { 'last-event-id': '1;drop' })).statusCode).toBe(400)
  expect((await ask('?from=x')).statusCode).toBe(400)
  expect((await ask('?operation=x')).statusCode).toBe(400)
})

test('the end of the server ends feeds cleanly, and at once', async () => {
  const { admin, read, record, operations } = await live()
  const readers = [await read('?from=1'), await read('?format=ndjson&from=1')]
  record.end()
  await expect.poll(() => readers.every((reader) => reader.text().includes('019ab001'))).toBe(true)
  await admin.app.close()
  expect(await Promise.all(readers.map((reader) => reader.ended))).toEqual(['clean', 'clean'])
  expect(operations.running.size).toBe(0)
})

test('a reader that leaves is no longer followed, and its place is free', async () => {
  const { read, operations, record } = await live({ places: { exports: 1, feeds: 2 } })
  const [one, two] = [await read(), await read()]
  const third = await read()
  expect([third.response.statusCode, third.response.headers['retry-after']]).toEqual([429, '10'])
  one!.close()
  await expect.poll(() => operations.running.size).toBe(1)
  const fourth = await read()
  expect(fourth.response.statusCode).toBe(200)
  record.end()
  await expect.poll(() => fourth.ids()).toEqual([2])
  two!.close()
  fourth.close()
})

test('a quiet feed beats, and tells how far it has come where nothing was wanted', async () => {
  const record = new GrowingRecord()
  const over = new AbortController()
  const timing = { heartbeat: 5, patience: 60_000 }
  const feed = feedText(
    record.feed.follow(1, over.signal),
    sse,
    0,
    () => false,
    () => undefined,
    timing,
  )
  expect((await feed.next()).value).toBe('retry: 2000\nid: 0\n\n')
  expect((await feed.next()).value).toBe(':\n\n')
  record.end()
  await expect.poll(async () => (await feed.next()).value).toBe('id: 2\n\n')
  expect((await feed.next()).value).toBe(':\n\n')
  over.abort()
  expect((await feed.next()).done).toBe(true)
})

test('a reader that takes nothing is cut off and holds no more than a page', async () => {
  const record = new GrowingRecord()
  for (let count = 0; count < 1000; count += 1) record.end()
  const over = new AbortController()
  let cuts = 0
  const cut = () => {
    cuts += 1
    over.abort()
  }
  let taken = 0
  const following = record.feed.follow(1, over.signal)
  const counted = (async function* () {
    for await (const exchange of following) {
      taken += 1
      yield exchange
    }
  })()
  const feed = feedText(counted, sse, 0, () => true, cut, { heartbeat: 5, patience: 10 })
  await feed.next()
  await feed.next()
  await expect.poll(() => cuts).toBe(1)
  expect(taken).toBeLessThan(5)
  await feed.return(undefined)
})

test('outcomes that nobody published are found all the same', async () => {
  const record = new GrowingRecord()
  const over = new AbortController()
  const following = record.feed.follow(null, over.signal)
  const next = following.next()
  await new Promise((resolve) => setImmediate(resolve))
  const silent = recorded({ sequence: 1, operation: 'order' })
  record.ended.push({ sequence: 2, exchange: silent })
  expect((await next).value).toBe(silent)
  over.abort()
  await following.return(undefined)
})
