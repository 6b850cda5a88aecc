import { expect, test } from 'vitest'
import { UsageError } from '../../src/cli/cli-error.ts'
import { clockTime, durationText, parseSince, relativeTime, utcTime } from '../../src/cli/time.ts'

const NOW = Date.UTC(2026, 0, 31, 12) * 1000
const HOUR = 3_600_000_000

test('times in words', () => {
  const ago = [5_000_000, 65_000_000, 2 * HOUR, 72 * HOUR].map((one) => relativeTime(NOW - one, NOW))
  expect(ago).toEqual(['5s ago', '1m ago', '2h ago', '3d ago'])
  expect(relativeTime(NOW + 2 * HOUR, NOW)).toBe('in 2h')
  expect(utcTime(NOW + 123_456)).toBe('2026-01-31T12:00:00.123456Z')
  expect(clockTime(NOW + 123_456)).toBe('12:00:00.123')
})

test('durations in words', () => {
  const micros = [null, 850, 12_400, 3_400_000, 125_000_000]
  expect(micros.map(durationText)).toEqual(['-', '850 µs', '12 ms', '3.4 s', '2m05s'])
})

test.each([
  ['1h', NOW - HOUR],
  ['30m', NOW - HOUR / 2],
  ['2d', NOW - 48 * HOUR],
  ['2026-01-31', NOW - 12 * HOUR],
  ['2026-01-31T11:00:00Z', NOW - HOUR],
  ['2026-01-31T11:00', NOW - HOUR],
  ['2026-01-31T12:00:00+01:00', NOW - HOUR],
])('--since %s', (text, at) => {
  expect(parseSince(text, NOW)).toBe(at)
})

test.each(['', 'h', '1', 'yesterday', '2026-13-01', '1h2m', '-1h', '2026-01-31 11:00'])(
  '--since %j is refused',
  (text) => {
    expect(() => parseSince(text, NOW)).toThrow(UsageError)
  },
)
