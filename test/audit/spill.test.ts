import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { outcomeFact } from '../../src/audit/outcome.ts'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import type { Entry, OutcomeContent } from '../../src/audit/record.ts'
import { FRAME_LIMIT, Spill } from '../../src/audit/spill.ts'
import type { Learned } from '../../src/exchange/resource.ts'
import { NOTHING_LEARNED } from '../../src/exchange/resource.ts'
import { decided, ORIGIN, resource, response, taught } from '../support/exchanges.ts'

const CAPACITY = 4 * FRAME_LIMIT
let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-spill-'))
  path = join(folder, 'spill')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function entry(body: unknown = { status: 'valid' }, learned: Learned = NOTHING_LEARNED): Entry {
  const exchange = {
    ...taught(decided('order'), response(200, body)),
    completedAt: { wall: 5, monotonic: 6 },
  }
  return { facts: [outcomeFact(exchange, KEEP_ALL)], learned }
}

function idsOf(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ facts }) => facts.map(({ exchange }) => exchange))
}

async function drained(spill: Spill): Promise<Entry[]> {
  const all: Entry[] = []
  await spill.drain(async (entries) => {
    all.push(...entries)
  })
  return all
}

test('the file is allocated beforehand, for its owner alone', async () => {
  const spill = await Spill.open(path, CAPACITY)
  const { size, mode, blocks } = await stat(path)
  expect([size, mode & 0o777]).toEqual([CAPACITY, 0o600])
  expect(blocks * 512).toBeGreaterThanOrEqual(CAPACITY)
  expect([spill.room, spill.bytes]).toEqual([4, 0])
  await spill.close()
})

test('what was written comes back whole, in order, marked as spilled, also after a restart', async () => {
  const first = await Spill.open(path, CAPACITY)
  const written = [
    entry({ one: 1 }),
    entry({ two: 2 }, { resources: [resource({ url: `${ORIGIN}/o/1` })], keys: [] }),
  ]
  for (const each of written) await first.write(each)
  await first.close()

  const second = await Spill.open(path, CAPACITY)
  expect(second.bytes).toBeGreaterThan(0)
  const read = await drained(second)
  expect(idsOf(read)).toEqual(idsOf(written))
  expect(read.map(({ learned }) => learned)).toEqual(written.map(({ learned }) => learned))
  for (const [index, { facts }] of read.entries()) {
    const [before, after] = [written[index]!.facts[0]!, facts[0]!]
    expect(after).toEqual({ ...before, content: { ...before.content, spilled: true } })
  }
  expect([second.bytes, second.room]).toEqual([0, 4])
  await second.close()
  const third = await Spill.open(path, CAPACITY)
  expect(await drained(third)).toEqual([])
  await third.close()
})

test('a frame cut at any byte ends the file; what was acknowledged before it stays', async () => {
  const spill = await Spill.open(path, CAPACITY)
  const kept = [entry(), entry()]
  for (const each of kept) await spill.write(each)
  const start = spill.bytes
  await spill.write(entry({ torn: true }))
  const end = spill.bytes
  await spill.close()
  const whole = (await readFile(path)).subarray(0, end + 4)
  const small = join(folder, 'small')
  for (const filler of [0x00, 0xff, 0x2a]) {
    for (let cut = start; cut < end; cut++) {
      const torn = Buffer.alloc(whole.length + 64, filler)
      whole.copy(torn, 0, 0, cut)
      // The end mark of the frame before was overwritten by the torn one's first bytes only.
      if (cut < start + 4) torn.fill(0, cut, start + 4)
      await writeFile(small, torn)
      const reopened = await Spill.open(small, torn.length)
      const entries = await drained(reopened)
      await reopened.close()
      if (idsOf(entries).join() !== idsOf(kept).join())
        expect({ cut, filler, ids: idsOf(entries) }).toBeNull()
    }
  }
  expect(end - start).toBeGreaterThan(300)
}, 120_000)

test('a flipped bit in a frame is noticed', async () => {
  const spill = await Spill.open(path, CAPACITY)
  await spill.write(entry())
  const end = spill.bytes
  await spill.close()
  const whole = await readFile(path)
  for (let at = 0; at < end; at += 7) {
    const changed = Buffer.from(whole.subarray(0, end + 4))
    changed[at] = changed[at]! ^ 0x10
    await writeFile(path, changed)
    const reopened = await Spill.open(path, changed.length)
    expect(await drained(reopened)).toEqual([])
    await reopened.close()
  }
})

test('frames of an emptied file do not come back behind new ones', async () => {
  const spill = await Spill.open(path, CAPACITY)
  for (let i = 0; i < 5; i++) await spill.write(entry())
  await drained(spill)
  const fresh = entry()
  await spill.write(fresh)
  await spill.close()
  const reopened = await Spill.open(path, CAPACITY)
  expect(idsOf(await drained(reopened))).toEqual(idsOf([fresh]))
  await reopened.close()
})

test('nothing of what was taken stays in the file: it holds personal data', async () => {
  const spill = await Spill.open(path, CAPACITY)
  for (let i = 0; i < 3; i += 1) await spill.write(entry({ status: 'valid', padding: 'x'.repeat(1000) }))
  await drained(spill)
  await spill.close()
  const bytes = await readFile(path)
  expect(bytes.length).toBe(CAPACITY)
  expect(bytes.every((byte) => byte === 0)).toBe(true)
})

test('a full file refuses, never grows, and takes again when it is emptied', async () => {
  const spill = await Spill.open(path, CAPACITY)
  const large = () => entry('x'.repeat(40_000))
  let written = 0
  await expect(
    (async () => {
      for (;;) {
        await spill.write(large())
        written += 1
      }
    })(),
  ).rejects.toThrow('full')
  expect(written).toBeGreaterThanOrEqual(4)
  expect(spill.room).toBe(0)
  expect((await stat(path)).size).toBe(CAPACITY)
  expect(await drained(spill)).toHaveLength(written)
  await spill.write(large())
  await spill.close()
})

test('as many outcomes of any size fit as room said', async () => {
  const spill = await Spill.open(path, CAPACITY)
  const identifiers = Array.from({ length: 2000 }, (_, i) => ({ type: 'dns', value: `n${i}.example.test` }))
  const hostile = entry({ status: 'valid', identifiers })
  const learned = {
    resources: Array.from({ length: 1000 }, (_, i) => resource({ url: `${ORIGIN}/order/${i}` })),
    keys: [],
  }
  const fact = hostile.facts[0]!
  const content = { ...fact.content, identifiers } as OutcomeContent
  const wide = { facts: [{ ...fact, content }], learned }
  const { room } = spill
  for (let i = 0; i < room; i++) await spill.write(i % 2 ? entry('y'.repeat(1_000_000)) : wide)
  const read = await drained(spill)
  expect(read).toHaveLength(room)
  const [first, second] = read.map(({ facts }) => facts[0]!)
  expect([first!.content, second!.content]).toMatchObject([
    { outcome: 'response', status: 200, spilled: true, identifiers: [] },
    { outcome: 'response', status: 200, spilled: true, body: { bytes: 1_000_000, stored: null } },
  ])
  expect([first!.exchange, second!.blobs]).toEqual([fact.exchange, []])
  await spill.close()
})

test('concurrent writes all come back', async () => {
  const spill = await Spill.open(path, CAPACITY)
  const entries = Array.from({ length: 50 }, () => entry())
  await Promise.all(entries.map((each) => spill.write(each)))
  expect(idsOf(await drained(spill))).toEqual(idsOf(entries))
  await spill.close()
})

test('writing goes on while what was written is being taken, and nothing is lost between', async () => {
  const spill = await Spill.open(path, CAPACITY)
  const early = entry()
  const late = entry()
  await spill.write(early)
  const taken: string[][] = []
  const count = await spill.drain(async (entries) => {
    taken.push(idsOf(entries))
    if (taken.length === 1) await spill.write(late)
  })
  expect([count, taken]).toEqual([2, [idsOf([early]), idsOf([late])]])
  expect(spill.bytes).toBe(0)
  await spill.close()
})

test('what the taker refuses stays, also when it took a part before', async () => {
  const spill = await Spill.open(path, CAPACITY)
  const first = entry()
  const second = entry()
  await spill.write(first)
  let calls = 0
  const refusing = spill.drain(async () => {
    calls += 1
    if (calls === 2) throw new Error('the store is full')
    await spill.write(second)
  })
  await expect(refusing).rejects.toThrow('full')
  expect(idsOf(await drained(spill))).toEqual(idsOf([second]))
  await spill.close()
})

test('a file that cannot be written rejects the write and the next one is tried again', async () => {
  await (await open(path, 'w')).close()
  const spill = await Spill.open(path, CAPACITY)
  const circular = entry()
  Object.assign(circular.facts[0]!.content, { itself: circular })
  await expect(spill.write(circular)).rejects.toThrow()
  const good = entry()
  await spill.write(good)
  expect(idsOf(await drained(spill))).toEqual(idsOf([good]))
  await spill.close()
})
