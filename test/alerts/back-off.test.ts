import { expect, test } from 'vitest'
import { BackOff } from '../../src/alerts/back-off.ts'

const NOW = Date.parse('2026-01-31T12:00:00.000Z')
const DAY = 86_400_000

test('doubles up to five minutes, and asks for no more than an hour', () => {
  const backOff = new BackOff(() => 0.5)
  let now = NOW
  const pauses: number[] = []
  for (let failure = 0; failure < 11; failure += 1) {
    expect(backOff.failed(now, 'down', null, false)).toBe(failure === 0)
    pauses.push(backOff.until(now) - now)
    now = backOff.until(now)
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1000))
  backOff.failed(now, 'come back next week', 7 * DAY, false)
  expect(backOff.until(now) - now).toBe(3_600_000)
  expect(backOff.failingSince).toBe(NOW)
})

test('a clock that is set back holds nothing up, and the back-off begins again from there', () => {
  const backOff = new BackOff(() => 0.5)
  backOff.failed(NOW + DAY, 'down', null, true)
  expect(backOff.until(NOW + DAY)).toBe(NOW + DAY + 300_000)
  expect(backOff.until(NOW)).toBe(NOW)
  backOff.failed(NOW, 'down', null, true)
  expect(backOff.until(NOW)).toBe(NOW + 300_000)
  expect(backOff.failingSince).toBe(NOW)
})

test('under other settings a channel fails until it works, and is tried at once', () => {
  const before = new BackOff(() => 0.5)
  before.failed(1000, '401', null, true)
  const after = new BackOff(() => 0.5, before)
  expect([after.failingSince, after.error]).toEqual([1000, '401'])
  expect(after.until(2000)).toBeLessThanOrEqual(2000)
  expect(after.works()).toBe(true)
  expect(after.failingSince).toBeNull()
})
