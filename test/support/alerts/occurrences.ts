import type { Alert } from '../../../src/alerts/alert.ts'
import type { KeptAlert } from '../../../src/alerts/evaluate/memory.ts'
import type { Notification } from '../../../src/alerts/notification.ts'
import type { Occurrence } from '../../../src/alerts/rule.ts'
import { type AlertConfig, alertSettings } from './settings.ts'

export { type AlertConfig, alertSettings }

export const T0 = Date.parse('2026-03-02T10:00:00.000Z')

export interface Given extends Partial<Omit<Occurrence, 'subject'>> {
  readonly subject?: Partial<Occurrence['subject']>
}

export function occurrence({ subject, ...given }: Given = {}): Occurrence {
  const names = subject?.names ?? ['www.example.com']
  return {
    rule: 'validation-failed',
    key: names.join(' '),
    severity: 'warning',
    at: T0,
    group: '',
    title: `${names[0]} failed validation`,
    cause: 'A firewall drops what the CA sends to port 80.',
    remedy: 'Open port 80.',
    fixer: 'network',
    said: null,
    evidence: { exchange: null, order: null, certificate: null },
    until: null,
    isNotice: false,
    ...given,
    subject: {
      ca: 'letsencrypt',
      names: [...names],
      nameCount: names.length,
      account: null,
      client: null,
      clientText: null,
      label: null,
      details: {},
      ...subject,
    },
  }
}

export function alertOf(id: string, given: Given = {}): Alert {
  const { rule, key, severity, at, subject, title, cause, remedy, fixer, said, evidence } = occurrence(given)
  const since = new Date(at).toISOString()
  return {
    id,
    rule,
    key,
    severity,
    state: 'firing',
    since,
    last: since,
    resolved: null,
    resolution: null,
    count: 1,
    subject,
    title,
    cause,
    remedy,
    fixer,
    said,
    evidence,
    silenced: null,
    told: 0,
  }
}

export function keptAlert(id: string, given: Given = {}, more: Partial<KeptAlert> = {}): KeptAlert {
  return {
    alert: alertOf(id, given),
    group: given.group ?? '',
    isNotice: given.isNotice ?? false,
    until: given.until ?? null,
    wake: null,
    channels: {},
    ...more,
  }
}

export function notificationOf(number: number, given: Partial<Notification> = {}): Notification {
  return {
    id: `00000000-0000-8000-8000-${String(number).padStart(12, '0')}`,
    number,
    channel: 'ops',
    kind: 'firing',
    key: 'validation-failed',
    made: new Date(T0 + number).toISOString(),
    rule: 'validation-failed',
    severity: 'warning',
    title: 'www.example.com failed validation',
    shared: null,
    alerts: [],
    count: 1,
    occurrences: 1,
    text: null,
    ...given,
  }
}
