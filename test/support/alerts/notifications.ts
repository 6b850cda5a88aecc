import type { Alert } from '../../../src/alerts/alert.ts'
import type { Notification } from '../../../src/alerts/notification.ts'
import type { AlertSettings } from '../../../src/alerts/rule.ts'
import { alerts } from '../../../src/config/alerts.ts'

/** A validation that failed at www.example.com. */
export function alertOf(more: Partial<Alert> = {}): Alert {
  return {
    id: '0123456789abcdef',
    rule: 'validation-failed',
    key: 'pebble www.example.com',
    severity: 'warning',
    state: 'firing',
    since: '2026-01-31T12:00:00.000Z',
    last: '2026-01-31T12:05:00.000Z',
    resolved: null,
    resolution: null,
    count: 3,
    subject: {
      ca: 'pebble',
      names: ['www.example.com'],
      nameCount: 1,
      account: null,
      client: null,
      clientText: 'certbot at 192.0.2.1',
      label: null,
      details: { class: 'http-refused' },
    },
    title: 'www.example.com: connection refused',
    cause: 'Nobody listens on port 80 of www.example.com.',
    remedy: 'Start the web server, then run acmetap doctor domain NAME.',
    fixer: 'server',
    said: 'Fetching http://www.example.com/: Connection refused',
    evidence: { exchange: '01JZZZZZZZZZZZZZZZZZZZZZZZ', order: null, certificate: null },
    silenced: null,
    told: 1,
    ...more,
  }
}

/** Of one alert, unless it is said otherwise. */
export function notificationOf(more: Partial<Notification> = {}): Notification {
  const list = more.alerts ?? [alertOf()]
  return {
    id: '6f1c1c9e-0000-4000-8000-000000000001',
    number: 7,
    channel: 'ops',
    kind: 'firing',
    key: 'validation-failed',
    made: '2026-01-31T12:05:01.000Z',
    rule: 'validation-failed',
    severity: 'warning',
    title: list[0]?.title ?? 'acmetap is alive',
    shared: null,
    alerts: list,
    count: list.length,
    occurrences: list.reduce((sum, { count }) => sum + count, 0),
    text: null,
    ...more,
  }
}

/** Alerts with ids and names of their own. */
export function alertsOf(count: number, more: (at: number) => Partial<Alert> = () => ({})): Alert[] {
  return Array.from({ length: count }, (_, at) => {
    const name = `www${at}.example.com`
    const base = alertOf()
    return alertOf({
      id: at.toString(16).padStart(16, '0'),
      key: `pebble ${name}`,
      title: `${name}: connection refused`,
      subject: { ...base.subject, names: [name] },
      ...more(at),
    })
  })
}

export function alertSettings(more: Record<string, unknown> = {}): AlertSettings {
  return alerts.parse(more)
}
