import { expect, test } from 'vitest'
import type { ClientRhythm } from '../../../src/alerts/look.ts'
import { clientSilent } from '../../../src/alerts/rules/client-silent.ts'
import { BEGIN, clientOf, DAY, found, HOUR, settingsOf } from '../../support/alerts/how-things-stand.ts'

/** Days after it was heard last; null when never within 100 days. */
function silentAfter(given: Partial<ClientRhythm>, settings = settingsOf({})): number | null {
  const client = clientOf(given)
  for (let days = 0; days < 100; days += 0.25) {
    const now = client.last + days * DAY
    if (found(clientSilent, now, { clients: [client] }, settings).length > 0) return days
  }
  return null
}

test('after three days, where it came twice a day', () => {
  expect(silentAfter({})).toBe(3.25)
  const [one] = found(clientSilent, BEGIN + 40 * DAY, { clients: [clientOf({ label: 'cluster-a' })] })
  expect(one).toMatchObject({
    key: '00000000000000cc',
    severity: 'warning',
    title: 'certbot from 192.0.2.7: not heard for 10 days',
    subject: { client: '00000000000000cc', label: 'cluster-a', names: ['www.example.com'] },
  })
  expect(one?.cause).toContain('every 13 hours')
})

test('after three times its longest pause, where that is longer', () => {
  expect(silentAfter({ longestPause: 7 * DAY, last: BEGIN + 60 * DAY })).toBe(21.25)
  expect(silentAfter({}, settingsOf({ 'client-silent': { factor: 10 } }))).toBe(5.5)
  expect(silentAfter({}, settingsOf({ 'client-silent': { least: '12d' } }))).toBe(12.25)
})

test('not who comes only to renew', () => {
  expect(silentAfter({ longestPause: null })).toBeNull()
  expect(
    silentAfter({ longestPause: 60 * DAY, last: BEGIN + 200 * DAY, soonestExpiry: BEGIN + 290 * DAY }),
  ).toBeNull()
})

test('not who was busy for some hours when it was set up', () => {
  expect(silentAfter({ longestPause: 2 * HOUR, last: BEGIN + 10 * HOUR })).toBeNull()
})

test('not who has no current certificate, unless it was enrolled under a label', () => {
  expect(silentAfter({ soonestExpiry: null })).toBeNull()
  expect(silentAfter({ soonestExpiry: null, label: 'cluster-a' })).toBe(3.25)
  expect(silentAfter({ soonestExpiry: BEGIN + 20 * DAY })).toBeNull()
})

test('the time in which nobody was heard does not count', () => {
  const client = clientOf({ silentFrom: BEGIN + 38 * DAY })
  expect(found(clientSilent, BEGIN + 40 * DAY, { clients: [client] })).toEqual([])
  expect(found(clientSilent, BEGIN + 42 * DAY, { clients: [client] })).toHaveLength(1)
})
