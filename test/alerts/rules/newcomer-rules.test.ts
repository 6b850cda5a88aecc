import { expect, test } from 'vitest'
import type { Happening } from '../../../src/audit/inventory/happening.ts'
import {
  ACCOUNT,
  accountSeen,
  begun,
  CLIENT,
  issued,
  NOW,
  ordered,
  signals,
} from '../../support/alerts/what-happened.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A record that is old enough, in which this is new. */
const news = (...what: string[]) => {
  const known = new Set<string>()
  return {
    recordBegan: () => NOW - 7 * DAY,
    isNew(kind: string, value: string) {
      const isNew = what.includes(kind) && !known.has(value)
      known.add(value)
      return isNew
    },
  }
}

function only(happening: Happening, look = {}) {
  const { occurrences } = signals(happening, look)
  expect(occurrences).toHaveLength(1)
  return occurrences[0]!
}

test('new-account: made now, or used here for the first time; told once, as a notice', () => {
  const look = news('account')
  expect(only(accountSeen(), look)).toMatchObject({
    rule: 'new-account',
    key: `letsencrypt ${ACCOUNT.url}`,
    severity: 'info',
    isNotice: true,
    title: 'A new account was made at letsencrypt',
    subject: { account: ACCOUNT.url, details: { created: 'yes' } },
  })
  expect(begun(accountSeen(), look)).toEqual([])
  expect(only(accountSeen({ created: false }), news('account')).cause).toContain('knew already')
})

test('new-ca: with its first order', () => {
  const look = news('ca')
  expect(only(ordered(), look)).toMatchObject({ rule: 'new-ca', key: 'letsencrypt', isNotice: true })
  expect(begun(ordered(), look)).toEqual([])
  expect(begun(issued(), news('ca'))).toEqual([])
})

test('new-names: only those that are new', () => {
  const look = news('name')
  expect(only(ordered(), look)).toMatchObject({ rule: 'new-names', isNotice: true })
  const more = only(ordered({ names: ['www.example.com', 'a.example.com', '*.example.com'] }), look)
  expect(more.subject).toMatchObject({ names: ['a.example.com', '*.example.com'], nameCount: 2 })
  expect(begun(ordered({ names: ['a.example.com'] }), look)).toEqual([])
})

test.each([accountSeen(), ordered()])(
  'in the first days of a record nothing is news, but it is remembered',
  (happening) => {
    const look = { ...news('ca', 'name', 'account'), recordBegan: () => NOW - 7 * DAY + 1 }
    expect(begun(happening, look)).toEqual([])
    expect(begun(happening, { ...look, recordBegan: () => NOW - 7 * DAY })).toEqual([])
    expect(begun(happening, { ...look, recordBegan: () => null })).toEqual([])
  },
)

test('account-churn: so many accounts made at one place, but not those that the CA knew', () => {
  const asked: unknown[] = []
  const made = (count: number) => ({
    accountsMade(...given: unknown[]) {
      asked.push(given)
      return count
    },
  })
  expect(begun(accountSeen(), made(6))).toEqual([])
  expect(begun(accountSeen({ created: false }), made(99))).toEqual([])
  const alert = only(accountSeen(), made(7))
  expect(alert).toMatchObject({
    rule: 'account-churn',
    severity: 'warning',
    title: 'web-1 made 7 accounts at letsencrypt within 3 hours',
    until: NOW + 3 * HOUR,
  })
  expect(alert.key).not.toContain('192.0.2.7')
  expect(only(accountSeen({ account: { id: 'b'.repeat(16), url: 'x' } }), made(8)).key).toBe(alert.key)
  expect(only(accountSeen({ client: { ...CLIENT, label: 'web-2' } }), made(8)).key).not.toBe(alert.key)
  expect(asked[0]).toEqual(['letsencrypt', '192.0.2.7', 'web-1', NOW - 3 * HOUR])
})

const issuances = (certificates: number, undelivered = 0, keys = 1) => ({
  issuances: () => ({ orders: certificates, certificates, keys, undelivered }),
})

test('client-looping: the same names again and again', () => {
  expect(begun(issued(), issuances(2))).toEqual([])
  expect(only(issued(), issuances(3, 0, 3))).toMatchObject({
    rule: 'client-looping',
    key: 'letsencrypt www.example.com',
    title: 'www.example.com: 3 certificates within 7 days',
    cause: expect.stringContaining('new key'),
    until: NOW + 7 * DAY,
    evidence: { certificate: '9'.repeat(64) },
  })
  expect(only(issued(), issuances(3)).cause).not.toContain('new key')
})

test('client-looping: issued and never fetched', () => {
  expect(begun(ordered(), issuances(9, 2))).toEqual([])
  expect(only(ordered(), issuances(3, 3))).toMatchObject({
    rule: 'client-looping',
    cause: expect.stringContaining('nobody fetched'),
  })
})

test('client-looping: short lives are renewed several times a week in good order', () => {
  const periods: number[] = []
  const look = {
    issuances(_ca: string, _names: readonly string[], since: number) {
      periods.push(NOW - since)
      return { orders: 0, certificates: 0, keys: 0, undelivered: 0 }
    },
  }
  for (const life of [90, 160 / 24, 1]) signals(issued({}, life), look)
  expect(periods.map((period) => Math.round(period / HOUR))).toEqual([168, 64, 10])
})
