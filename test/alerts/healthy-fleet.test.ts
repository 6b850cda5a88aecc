import { expect, test } from 'vitest'
import { faultsOf } from '../soak/healthy-fleet.ts'
import { simulateFleet } from '../support/alerts/healthy-fleet.ts'
import { HOUR, settingsOf } from '../support/alerts/how-things-stand.ts'

const small = { hosts: 150, days: 30, seed: 3, every: 3 * HOUR, dead: 10, failing: 3 }
const MINUTE = 60_000

test('a month of a small healthy fleet: no more than a false alarm a week, and every planted fault in time', {
  timeout: 2 * MINUTE,
}, () => {
  const report = simulateFleet(small)
  expect(faultsOf(report, small.days)).toEqual([])
  expect(new Set(report.planted.map(({ found }) => found?.rule))).toEqual(
    new Set(['client-silent', 'renewal-overdue', 'certificate-expiring']),
  )
  expect(report.renewals).toBeGreaterThan(300)
})

test('rules that wait for nothing are caught by it', { timeout: 2 * MINUTE }, () => {
  const settings = settingsOf({
    'renewal-overdue': { margin: 0 },
    'client-silent': { factor: 1, least: '1h' },
  })
  const { falseAlarms } = simulateFleet({ ...small, days: 10, dead: 0, failing: 0, settings })
  expect(falseAlarms.length).toBeGreaterThan(10)
})

test('rules that are put off find dead hosts too late', { timeout: 2 * MINUTE }, () => {
  const settings = settingsOf({
    'renewal-overdue': { margin: 0.3 },
    'client-silent': { least: '60d' },
    'certificate-expiring': { days: [1], fractions: [0.01] },
  })
  const report = simulateFleet({ ...small, settings })
  expect(faultsOf(report, small.days).length).toBeGreaterThan(5)
})
