import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Feed } from '../../src/audit/feed.ts'
import type { EndedExchange } from '../../src/audit/record-store.ts'

/** A record of so many outcomes that counts how many pages are read at the same time. */
class CountingReader {
  readonly #outcomes: number
  reading = 0
  most = 0
  largest = 0

  constructor(outcomes: number) {
    this.#outcomes = outcomes
  }

  async outcomesAfter(sequence: number, limit: number): Promise<EndedExchange[]> {
    this.reading += 1
    this.most = Math.max(this.most, this.reading)
    this.largest = Math.max(this.largest, limit)
    await setImmediate()
    this.reading -= 1
    const count = Math.max(0, Math.min(limit, this.#outcomes - sequence))
    return Array.from({ length: count }, (_, n) => ({
      sequence: sequence + n + 1,
      exchange: { id: String(sequence + n + 1) } as EndedExchange['exchange'],
    }))
  }

  async tally() {
    return { sequence: this.#outcomes, outcomes: this.#outcomes }
  }
}

test('however many replay the record, one page is read at a time, and each gets all', async () => {
  const reader = new CountingReader(230)
  const feed = new Feed(reader)
  const replay = async () => {
    const stop = new AbortController()
    const ids: string[] = []
    for await (const { id } of feed.follow(1, stop.signal)) {
      ids.push(id)
      if (ids.length === 230) stop.abort()
    }
    return ids
  }
  const all = Array.from({ length: 230 }, (_, n) => String(n + 1))
  for (const ids of await Promise.all(Array.from({ length: 8 }, replay))) expect(ids).toEqual(all)
  expect(reader.most).toBe(1)
  expect(reader.largest).toBeLessThanOrEqual(50)
})

test('who hangs up while it waits for its turn reads nothing, and holds up nobody', async () => {
  const reader = new CountingReader(60)
  const feed = new Feed(reader)
  const [gone, stays] = [new AbortController(), new AbortController()]
  const first = feed.follow(1, stays.signal)
  const second = feed.follow(1, gone.signal).next()
  gone.abort()
  const ids: string[] = []
  for await (const { id } of first) {
    ids.push(id)
    if (ids.length === 60) stays.abort()
  }
  expect(ids).toHaveLength(60)
  expect(await second).toEqual({ done: true, value: undefined })
})
