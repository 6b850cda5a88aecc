import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Alert } from '../../../src/alerts/alert.ts'
import type { Notification } from '../../../src/alerts/notification.ts'
import { personOf } from '../../../src/audit/person.ts'
import { openAlertsDatabase, readAlertsDatabase } from '../../../src/store/sqlite/alerts/alerts-database.ts'
import { alertsFile } from '../../../src/store/sqlite/alerts/alerts-file.ts'
import { openAlertsOffline } from '../../../src/store/sqlite/alerts/open-alerts-offline.ts'
import { alertOf, notificationOf } from '../../support/alerts/notifications.ts'

const ADDRESS = '192.0.2.77'
const USER = 'jane'
const NOW = Date.parse('2026-01-31T12:00:00.000Z')

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-forget-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const about = (id: string, source: string, label: string | null, more: Partial<Alert> = {}): Alert => {
  const { subject } = alertOf()
  const clientText = `certbot from ${source}${label === null ? '' : ` (${label})`}`
  return alertOf({
    id,
    key: `pebble ${id}`,
    cause: `${label ?? source} made 12 accounts`,
    subject: { ...subject, label, clientText },
    ...more,
  })
}
const tallyWith = (values: Record<string, Record<string, number>>) => ({
  alerts: 1,
  occurrences: 1,
  since: new Date(NOW).toISOString(),
  values,
})

const HERS = about('00000000000000a1', ADDRESS, USER)
const CHURN = about('00000000000000a2', ADDRESS, null, {
  rule: 'account-churn',
  key: 'pebble 0123456789abcdef',
  title: `${ADDRESS} made 12 accounts at pebble within 1 d`,
})
const OTHERS = about('00000000000000a3', '192.0.2.7', 'janet')
/** The address is that of a server, and `jane` a word. */
const SERVERS = alertOf({
  id: '00000000000000a4',
  key: 'pebble server',
  title: `${ADDRESS}: jane http-01 failed`,
  said: `${ADDRESS}: Connection refused`,
  subject: { ...alertOf().subject, names: [ADDRESS], clientText: 'certbot from 192.0.2.9' },
})

function fill(): void {
  const alerts = openAlertsDatabase(alertsFile(folder))
  alerts.db.transaction(() => {
    for (const alert of [HERS, CHURN, OTHERS, SERVERS]) {
      const { memory } = alerts
      memory.alerts.put({ alert, group: 'pebble', isNotice: false, until: null, wake: null, channels: {} })
    }
    const tell = (id: string, list: Alert[], shared: string | null) => {
      const { number: _, ...rest } = notificationOf({ id, alerts: list, shared })
      alerts.outbox.add(rest)
    }
    tell('hers', [HERS], `all: client certbot from ${ADDRESS} (${USER}), label ${USER}`)
    tell('others', [OTHERS], 'all: client certbot from 192.0.2.7 (janet), label janet')
    const until = new Date(NOW + 3_600_000).toISOString()
    alerts.silences.add({ label: USER, ca: 'pebble', until, reason: 'x' }, 'local', NOW)
    alerts.silences.add({ ca: 'pebble', until, reason: `asked by ${ADDRESS}` }, 'local', NOW)
    const values = { label: { [USER]: 1, janet: 1 }, client: { [`certbot from ${ADDRESS} (${USER})`]: 1 } }
    const lane = {
      id: 'l',
      channel: 'ops',
      rule: null,
      kind: 'digest',
      due: null,
      sends: [],
      held: false,
    } as const
    alerts.memory.queue.putLane({ ...lane, total: tallyWith(values) })
  })()
  alerts.close()
}

function kept() {
  const alerts = readAlertsDatabase(alertsFile(folder))
  const { items } = alerts.memory.alerts.list({ limit: 100 })
  const told = alerts.outbox.list({ limit: 100 }).items.map(({ notification }) => notification)
  const answer = {
    alerts: new Map(items.map((one) => [one.id, one])),
    told: new Map<string, Notification>(told.map((one) => [one.id, one])),
    silences: alerts.silences.list(true, NOW),
    lane: alerts.memory.queue.lane('l'),
  }
  alerts.close()
  return answer
}

async function forget(value: string, dry = false): Promise<number> {
  const alerts = openAlertsOffline(folder)
  return alerts.actions.forget(personOf(value, null), dry)
}

function bytesHold(text: string): string[] {
  return readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text))
}

describe('what names a person goes from the alerts', () => {
  beforeEach(fill)

  test('an address, where it is the client’s', async () => {
    expect(await forget(ADDRESS, true)).toBe(4)
    expect(await forget(ADDRESS)).toBe(4)
    const { alerts, told, silences, lane } = kept()
    expect(alerts.get(HERS.id)?.subject.clientText).toBe(`certbot from [forgotten] (${USER})`)
    expect(alerts.get(CHURN.id)).toMatchObject({
      title: '[forgotten] made 12 accounts at pebble within 1 d',
      cause: '[forgotten] made 12 accounts',
      key: `forgotten ${CHURN.id}`,
    })
    expect(alerts.get(OTHERS.id)).toEqual(OTHERS)
    expect(alerts.get(SERVERS.id)).toEqual(SERVERS)
    expect(told.get('hers')?.shared).toBe(`all: client certbot from [forgotten] (${USER}), label ${USER}`)
    expect(told.get('hers')?.alerts[0]?.subject.clientText).not.toContain(ADDRESS)
    expect(told.get('others')?.alerts).toEqual([OTHERS])
    expect(silences.map(({ reason }) => reason).sort()).toEqual(['asked by [forgotten]', 'x'])
    expect(lane?.total?.values.client).toEqual({})
    expect(await forget(ADDRESS, true)).toBe(0)
  })

  test('a proxy user, and no other word like it', async () => {
    expect(await forget(USER)).toBe(3)
    const { alerts, told, silences, lane } = kept()
    expect(alerts.get(HERS.id)).toMatchObject({
      cause: '[forgotten] made 12 accounts',
      subject: { label: null, clientText: `certbot from ${ADDRESS} ([forgotten])` },
    })
    expect(alerts.get(OTHERS.id)).toEqual(OTHERS)
    expect(alerts.get(SERVERS.id)).toEqual(SERVERS)
    expect(told.get('hers')?.shared).toContain('label [forgotten]')
    // Without its label the silence would have matched everybody's.
    expect(silences.map(({ ca, label }) => ({ ca, label }))).toEqual([{ ca: 'pebble', label: undefined }])
    expect(lane?.total?.values.label).toEqual({ janet: 1 })
  })

  test('no byte of it is left in the file or its log', async () => {
    expect(bytesHold(`from ${ADDRESS}`)).not.toEqual([])
    await forget(ADDRESS)
    await forget(USER)
    for (const text of [`from ${ADDRESS}`, `(${USER})`, `"label":"${USER}"`])
      expect(bytesHold(text)).toEqual([])
  })
})

test('where there are no alerts there is nothing to forget', async () => {
  expect(await forget(ADDRESS, true)).toBe(0)
  expect(await forget(ADDRESS)).toBe(0)
})
