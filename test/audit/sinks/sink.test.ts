import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FORMATS } from '../../../src/audit/formats/formats.ts'
import type { OutgoingLine, Output } from '../../../src/audit/sinks/output.ts'
import { Sink, type SinkEvent, type SinkOptions } from '../../../src/audit/sinks/sink.ts'
import type { SinkPosition } from '../../../src/audit/sinks/sink-positions.ts'
import { createSinks } from '../../../src/audit/sinks/sinks.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/open.ts'
import { entryOf, intentOf, outcomeOf, wholeExchange } from '../../support/facts.ts'
import { verdictOf } from '../../support/story-scripts.ts'

/** Takes lines as it is told to. */
class TestOutput implements Output {
  readonly taken: OutgoingLine[] = []
  attempts = 0
  trouble: 'none' | 'fails' | 'hangs' = 'none'
  closed = false

  async write(lines: readonly OutgoingLine[], signal: AbortSignal): Promise<void> {
    this.attempts += 1
    if (this.trouble === 'hangs') {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))))
    }
    if (this.trouble === 'fails') throw new Error('the disk is full')
    this.taken.push(...lines)
  }
  reopen(): void {}
  async close(): Promise<void> {
    this.closed = true
  }

  get lines() {
    return this.taken.map(
      ({ text }) => JSON.parse(text) as { exchange: string; sent: { line: number; backlog: number } },
    )
  }
}

let folder: string
let opened: SqliteStore
let output: TestOutput
let events: SinkEvent[]
let running: Sink[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sink-'))
  opened = await openSqliteStore({ folder, now: 1, boot: newExchangeId(), software: 'test' })
  ;[output, events, running] = [new TestOutput(), [], []]
})
afterEach(async () => {
  for (const sink of running) await sink.close()
  await opened.close()
  await rm(folder, { recursive: true })
})

const program = { version: '1', host: 'h', ip: 'i', hostOfCa: () => null }

async function start(changes: Partial<SinkOptions> = {}): Promise<Sink> {
  const sink = await Sink.start({
    name: 'test',
    format: FORMATS.json,
    output,
    reader: opened.reader,
    positions: opened.positions,
    from: 'start',
    program,
    now: () => 1,
    report: (event) => events.push(event),
    pauses: { batch: 1, shortest: 1, longest: 20 },
    ...changes,
  })
  running.push(sink)
  return sink
}

async function append(count: number): Promise<string[]> {
  const made = Array.from({ length: count }, () => wholeExchange())
  await Promise.all(made.map(({ entry }) => opened.store.append(entry)))
  return made.map(({ id }) => id)
}
const exchanges = () => output.lines.map(({ exchange }) => exchange)

test('every outcome in the order in which they ended, numbered from 1, with what is left to send', async () => {
  const late = newExchangeId()
  await opened.store.append(entryOf([intentOf(late)]))
  const ids = await append(250)
  const sink = await start()
  await expect.poll(exchanges).toEqual(ids)
  expect(output.lines.map(({ sent }) => sent.line)).toEqual(ids.map((_, n) => n + 1))
  expect(output.lines.map(({ sent }) => sent.backlog)).toEqual(ids.map((_, n) => ids.length - n - 1))
  expect(output.attempts).toBe(3)
  await opened.store.append(entryOf([outcomeOf(late)]))
  sink.wake()
  await expect.poll(exchanges).toEqual([...ids, late])
  await expect.poll(() => sink.status()).toEqual({ name: 'test', position: 502, backlog: 0, lastError: null })
})

test('a name without a position begins with the next exchange, or with the first', async () => {
  await append(3)
  const sink = await start({ from: 'now' })
  const [next] = await append(1)
  sink.wake()
  await expect.poll(exchanges).toEqual([next])
  await sink.close()
  const [while_] = await append(1)
  // The position counts from now on, whatever the configuration says.
  await start({ from: 'now' })
  await expect.poll(exchanges).toEqual([next, while_])
  expect(output.lines.map(({ sent }) => sent.line)).toEqual([1, 2])
})

test('an exchange that ended before the first start of a sink that begins now is not sent', async () => {
  await append(2)
  await start({ from: 'now' })
  expect(await opened.positions.position('test')).toEqual({ sequence: 4, outcomes: 2, lines: 0 })
  expect(output.attempts).toBe(0)
})

test('a format that leaves exchanges out numbers its own lines without gaps', async () => {
  for (const operation of ['newOrder', 'tunnel', 'order']) {
    await opened.store.append(wholeExchange({ intent: { operation } }).entry)
  }
  const sink = await start({ format: FORMATS.amp })
  await expect.poll(() => output.taken.map(({ text }) => JSON.parse(text).id)).toEqual([1, 2])
  await expect.poll(async () => (await sink.status()).backlog).toBe(0)
  expect(await opened.positions.position('test')).toEqual({ sequence: 6, outcomes: 3, lines: 2 })
})

test.each(['hangs', 'fails'] as const)(
  'an output that %s: appends go on and nothing of the sink is written',
  async (trouble) => {
    output.trouble = trouble
    let advances = 0
    let reads = 0
    const positions = {
      position: (name: string) => opened.positions.position(name),
      advance: (name: string, position: SinkPosition) => {
        advances += 1
        return opened.positions.advance(name, position)
      },
    }
    const reader = {
      tally: () => opened.reader.tally(),
      body: opened.reader.body.bind(opened.reader),
      outcomesAfter: (sequence: number, limit: number) => {
        reads += 1
        return opened.reader.outcomesAfter(sequence, limit)
      },
    }
    const pauses = { batch: 1, shortest: 50, longest: 60_000 }
    const sink = await start({ positions, reader, pauses })
    const ids: string[] = []
    for (let n = 0; n < 20; n++) {
      ids.push(...(await append(20)))
      sink.wake()
    }
    await expect.poll(() => output.attempts).toBeGreaterThan(0)
    // Waking does not shorten the wait after a failure: with doubling pauses a few attempts are all there is time for.
    expect(output.attempts).toBeLessThan(12)
    expect(reads).toBeLessThan(14)
    expect(advances).toBe(1)
    expect((await sink.status()).backlog).toBe(400)
    await sink.close()
    expect(output.closed).toBe(true)
    output.trouble = 'none'
    await start()
    await expect.poll(exchanges).toEqual(ids)
  },
)

test('a failure is told once in a second and when it is over; the same lines come again', async () => {
  output.trouble = 'fails'
  const ids = await append(3)
  const sink = await start()
  await expect.poll(() => output.attempts).toBeGreaterThan(5)
  expect(events[0]).toEqual({ kind: 'failed', sink: 'test', message: 'the disk is full', count: 1 })
  expect(events.length).toBeLessThan(output.attempts)
  expect(await sink.status()).toMatchObject({ backlog: 3, lastError: 'the disk is full' })
  output.trouble = 'none'
  await expect.poll(exchanges).toEqual(ids)
  await expect.poll(() => events.at(-1)).toEqual({ kind: 'recovered', sink: 'test' })
})

test('a position that can not be kept: the lines come again under the same numbers', async () => {
  const ids = await append(2)
  let refused = 0
  const positions = {
    position: (name: string) => opened.positions.position(name),
    advance: async (name: string, position: SinkPosition) => {
      if (position.lines > 0 && ++refused <= 2) throw new Error('database is locked')
      await opened.positions.advance(name, position)
    },
  }
  await start({ positions })
  await expect.poll(exchanges).toEqual([...ids, ...ids, ...ids])
  expect(output.lines.map(({ sent }) => sent.line)).toEqual([1, 2, 1, 2, 1, 2])
})

test('an exchange that no line can be made of does not stop those behind it', async () => {
  const ids = await append(3)
  const format = {
    ...FORMATS.json,
    line: (...given: Parameters<typeof FORMATS.json.line>) => {
      if (given[0].id === ids[1]) throw new Error('a bug')
      return FORMATS.json.line(...given)
    },
  }
  await start({ format })
  await expect.poll(exchanges).toEqual(ids)
  expect(output.lines[1]).toEqual({ exchange: ids[1], unreadable: 'Error: a bug' })
})

test('close sends what is there', async () => {
  const sink = await start({ pauses: { batch: 500, shortest: 1, longest: 1 } })
  const first = await append(1)
  sink.wake()
  await expect.poll(exchanges).toEqual(first)
  const second = await append(150)
  await sink.close()
  expect(exchanges()).toEqual([...first, ...second])
})

test('severities tell what wants to be looked at', async () => {
  const urn = (name: string) => ({
    type: `urn:ietf:params:acme:error:${name}`,
    detail: null,
    subproblems: [],
  })
  for (const outcome of [
    {},
    { objectStatus: 'invalid' },
    { status: 400, problem: urn('badNonce') },
    { status: 429, problem: urn('rateLimited') },
    { status: 500, problem: urn('serverInternal') },
    { outcome: 'refused', status: 400, problem: urn('malformed') },
    { outcome: 'failed', status: 502 },
    { outcome: 'unknown', status: null },
  ] as const) {
    await opened.store.append(wholeExchange({ outcome }).entry)
  }
  const { digest: _, ...policy } = verdictOf('soon-forbidden')
  const warned = { effect: 'allow', rule: null, ambiguities: [], policy }
  await opened.store.append(wholeExchange({ intent: { decision: warned } }).entry)
  await start()
  await expect.poll(() => output.taken.map(({ severity }) => severity)).toEqual([6, 4, 5, 4, 3, 4, 3, 3, 5])
})

test('files rotate under load and lose no line', async () => {
  const sinks = await createSinks(
    [
      {
        name: 'file',
        format: 'json',
        from: 'start',
        file: { path: join(folder, 'audit.json'), rotate: 10_000, keep: 1000 },
      },
      { name: 'out', format: 'amp+', from: 'start', stdout: true },
    ],
    opened.reader,
    opened.positions,
    {
      stdout: new PassThrough().resume(),
      clock: systemClock(),
      report: (event) => events.push(event),
      version: '1',
      hostOfCa: () => null,
      pauses: { batch: 1, shortest: 1, longest: 10 },
    },
  )
  const ids: string[] = []
  for (let n = 0; n < 40; n++) {
    ids.push(...(await append(10)))
    sinks.wake()
    if (n % 10 === 0) sinks.reopen()
    await sleep(2)
  }
  // The end waits for two seconds only, which a disk with other work may need.
  await expect
    .poll(async () => (await sinks.status()).every(({ backlog }) => backlog === 0), { timeout: 30_000 })
    .toBe(true)
  await sinks.close()
  const names = (await readdir(folder)).filter((name) => name.startsWith('audit.json'))
  expect(names.length).toBeGreaterThan(10)
  names.sort((a, b) => Number(b.split('.')[2] ?? 0) - Number(a.split('.')[2] ?? 0))
  const text = (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('')
  const found = text
    .trimEnd()
    .split('\n')
    .map((one) => JSON.parse(one).exchange as string)
  expect(found).toEqual(ids)
  expect((await sinks.status()).map(({ name, backlog }) => [name, backlog])).toEqual([
    ['file', 0],
    ['out', 0],
  ])
  expect(events).toEqual([])
})
