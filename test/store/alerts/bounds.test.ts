import { describe, expect, test } from 'vitest'
import type { Alert } from '../../../src/alerts/alert.ts'
import { type AlertsDatabase, openAlertsDatabase } from '../../../src/store/sqlite/alerts/alerts-database.ts'
import { IN_MEMORY } from '../../../src/store/sqlite/small-database.ts'
import { alertOf, notificationOf } from '../../support/alerts/notifications.ts'

const DAY = 86_400_000
const NOW = Date.parse('2026-01-31T12:00:00.000Z')
const at = (ms: number) => new Date(ms).toISOString()

function put(alerts: AlertsDatabase, n: number, resolved: number | null): void {
  const since = at((resolved ?? NOW) - 1000)
  const alert: Alert = alertOf({
    id: n.toString(16).padStart(16, '0'),
    key: `pebble ${n}`,
    since,
    state: resolved === null ? 'firing' : 'resolved',
    resolved: resolved === null ? null : at(resolved),
  })
  alerts.memory.alerts.put({ alert, group: '', isNotice: false, until: null, wake: null, channels: {} })
}

const count = ({ db }: AlertsDatabase, table: string) =>
  db.prepare(`select count(*) from ${table}`).pluck().get() as number

describe('W14: what is kept has an end', () => {
  test('of alerts that are over, so many are kept; what fires stays', () => {
    const alerts = openAlertsDatabase(IN_MEMORY)
    for (let n = 0; n < 700; n += 1) put(alerts, n, NOW - 700_000 + n * 1000)
    for (let n = 700; n < 750; n += 1) put(alerts, n, null)
    let steps = 1
    while (alerts.prune(NOW, null, 100)) steps += 1
    expect(steps).toBeGreaterThan(1)
    expect(count(alerts, 'alerts')).toBe(150)
    expect(alerts.memory.alerts.alert('00000000000002bb')).not.toBeNull()
    expect(alerts.memory.alerts.alert('0000000000000000')).toBeNull()
    expect(alerts.prune(NOW, null, 100)).toBe(false)
    alerts.close()
  })

  test('the watch list takes no more than 10,000 places, and says so', () => {
    const { endpoints, db } = openAlertsDatabase(IN_MEMORY)
    const first = endpoints.add('h1.example.com:443')
    db.prepare(
      `with recursive n(value) as (select 2 union all select value + 1 from n where value < 10000)
       insert into endpoints (endpoint, source, host, standing, body)
       select 'p' || value, 'added', 'p', 'unknown', ? from n`,
    ).run(JSON.stringify(first))
    expect(() => endpoints.add('one-more.example.com:443')).toThrow('one too many')
    expect(endpoints.add('h1.example.com:443').endpoint).toBe('h1.example.com:443')
    endpoints.remove('h1.example.com:443')
    expect(endpoints.add('one-more.example.com:443').source).toBe('added')
    db.close()
  })

  test('so many silences hold at once', () => {
    const { silences, db } = openAlertsDatabase(IN_MEMORY)
    const request = { ca: 'pebble', until: at(NOW + DAY), reason: 'x' }
    const all = Array.from({ length: 1000 }, () => silences.add(request, 'token', NOW))
    expect(() => silences.add(request, 'token', NOW)).toThrow('1000 silences hold already')
    silences.end(all[0]!.id, NOW)
    expect(silences.add(request, 'token', NOW).ca).toBe('pebble')
    db.close()
  })
})

test('privacy: alerts and messages are kept no longer than other personal data', () => {
  const alerts = openAlertsDatabase(IN_MEMORY)
  put(alerts, 1, NOW - 31 * DAY)
  put(alerts, 2, NOW - 29 * DAY)
  for (const [id, days] of [
    ['old', 31],
    ['new', 29],
  ] as const) {
    const { number: _, ...rest } = notificationOf({ id, made: at(NOW - days * DAY) })
    alerts.outbox.add(rest)
    alerts.outbox.settle(id, rest.channel, { state: 'delivered', at: NOW - days * DAY })
  }
  expect(alerts.prune(NOW)).toBe(false)
  expect([count(alerts, 'alerts'), count(alerts, 'notifications')]).toEqual([2, 2])
  expect(alerts.prune(NOW, 30 * DAY)).toBe(false)
  expect([count(alerts, 'alerts'), count(alerts, 'notifications')]).toEqual([1, 1])
  alerts.close()
})
