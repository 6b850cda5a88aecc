import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { retryAfterSeconds } from '../../src/acme/retry-after.ts'

const NOW = Date.UTC(2026, 10, 22, 12, 0, 0)

describe('retryAfterSeconds (RFC 9110 §10.2.3)', () => {
  test.each([
    ['0', 0],
    ['120', 120],
    [' 7\t', 7],
    ['007', 7],
    ['99999999999999999999', 31_536_000],
    ['Sun, 22 Nov 2026 12:00:30 GMT', 30],
    ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['Sun, 22 Nov 2099 12:00:00 GMT', 31_536_000],
    ['Sunday, 22-Nov-26 12:01:00 GMT', 60],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Sunday, 22-Nov-75 12:00:00 GMT', 31_536_000],
    ['Sun Nov 22 12:00:05 2026', 5],
    ['Tue Dec  1 12:00:00 2026', 9 * 86_400],
  ])('%j is %i', (value, seconds) => {
    expect(retryAfterSeconds(value, NOW)).toBe(seconds)
  })

  test.each([
    '',
    '-1',
    '1.5',
    '1e3',
    '+5',
    '0x10',
    '120, 120',
    'soon',
    '2026-11-22T12:00:30Z',
    'Sun, 31 Feb 2026 12:00:00 GMT',
    'Sun, 22 Nov 2026 25:00:00 GMT',
    'Sun, 22 Nov 2026 12:00:30 UTC',
    'Sun, 22 Nov 2026 12:00:30',
    '1'.repeat(65),
  ])('%j is null', (value) => {
    expect(retryAfterSeconds(value, NOW)).toBeNull()
  })

  test('reads every second of an IMF-fixdate, rounding up', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 31_536_000 }), fc.nat(999), (ahead, millis) => {
        const value = new Date(NOW + ahead * 1000).toUTCString()
        expect(retryAfterSeconds(value, NOW - millis)).toBe(
          Math.min(Math.max(ahead + (millis > 0 ? 1 : 0), 0), 31_536_000),
        )
      }),
    )
  })

  test('never throws and stays within its bounds', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const seconds = retryAfterSeconds(value, NOW)
        expect(seconds === null || (Number.isInteger(seconds) && seconds >= 0 && seconds <= 31_536_000)).toBe(
          true,
        )
      }),
    )
  })
})
