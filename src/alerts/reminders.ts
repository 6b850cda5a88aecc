import { everyPage } from '../audit/inventory/every-page.ts'
import type { Alert } from './alert.ts'
import type { AlertReader } from './alert-desk.ts'
import type { Notification } from './notification.ts'

export type ReminderReader = Pick<AlertReader, 'alerts' | 'alert' | 'deliveries'>

const PAGE = 200
/** Pages of what was delivered that are read at the start, and of what fires each time. */
const MOST_PAGES = 10

/**
 * Which alerts a channel was told of and that still fire, unsilenced: for receivers that forget. What was told before
 * a restart is read back once.
 */
export class Reminders {
  readonly #reader: ReminderReader | null
  readonly #told = new Map<string, Map<string, Notification>>()

  constructor(reader: ReminderReader | null) {
    this.#reader = reader
  }

  /** A channel has taken it. */
  told(notification: Notification): void {
    const known = this.#told.get(notification.channel)
    if (known !== undefined) note(known, notification)
  }

  /** One notification for each alert, as it stands now. */
  async due(channel: string): Promise<Notification[]> {
    if (this.#reader === null) return []
    const told = this.#told.get(channel) ?? (await this.#readBack(channel, this.#reader))
    if (told.size === 0) return []
    const { firing, isWhole } = await firingNow(this.#reader)
    const due: Notification[] = []
    for (const [id, notification] of told) {
      const alert = firing.get(id) ?? (isWhole ? null : await this.#reader.alert(id))
      if (alert?.state !== 'firing') told.delete(id)
      else if (alert.silenced === null) due.push(about(alert, notification))
    }
    return due
  }

  async #readBack(channel: string, reader: ReminderReader): Promise<Map<string, Notification>> {
    const told = new Map<string, Notification>()
    this.#told.set(channel, told)
    let pages = 0
    for await (const { items } of everyPage(
      (paging) => reader.deliveries({ channel, state: 'delivered', ...paging }),
      PAGE,
    )) {
      for (const { notification } of items) note(told, notification)
      pages += 1
      if (pages === MOST_PAGES) break
    }
    return told
  }
}

function note(told: Map<string, Notification>, notification: Notification): void {
  for (const { id, state } of notification.alerts) if (state === 'firing') told.set(id, notification)
}

/** The newest that fire; `isWhole`: all of them. */
async function firingNow(
  reader: ReminderReader,
): Promise<{ readonly firing: ReadonlyMap<string, Alert>; readonly isWhole: boolean }> {
  const firing = new Map<string, Alert>()
  let pages = 0
  for await (const { items } of everyPage((paging) => reader.alerts({ state: 'firing', ...paging }), PAGE)) {
    for (const alert of items) firing.set(alert.id, alert)
    pages += 1
    if (pages === MOST_PAGES) return { firing, isWhole: false }
  }
  return { firing, isWhole: true }
}

function about(alert: Alert, notification: Notification): Notification {
  return {
    ...notification,
    kind: 'firing',
    rule: alert.rule,
    severity: alert.severity,
    title: alert.title,
    shared: null,
    alerts: [alert],
    count: 1,
    occurrences: alert.count,
    text: null,
  }
}
