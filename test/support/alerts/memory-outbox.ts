import type { Outbox, Settled } from '../../../src/alerts/alert-desk.ts'
import type { Notification } from '../../../src/alerts/notification.ts'
import type { Millis } from '../../../src/alerts/rule.ts'

interface Entry {
  readonly notification: Notification
  state: Settled['state']
  next: Millis
  attempts: number
  error: string | null
}

/** The port's contract, in a list. */
export class MemoryOutbox implements Outbox {
  readonly entries: Entry[] = []
  /** Thrown by the next calls of `settle`, one each. */
  readonly faults: Error[] = []

  async due(now: Millis, limit: number): Promise<Notification[]> {
    const seen = new Set<string>()
    const due: Notification[] = []
    for (const { notification, state, next } of this.entries) {
      if (state !== 'waiting') continue
      const place = `${notification.channel}\0${notification.key}`
      if (seen.has(place)) continue
      seen.add(place)
      if (next <= now && due.length < limit) due.push(notification)
    }
    return due
  }

  async settle(id: string, channel: string, settled: Settled): Promise<void> {
    const fault = this.faults.shift()
    if (fault !== undefined) throw fault
    const entry = this.entries.find(
      ({ notification, state }) =>
        notification.id === id && notification.channel === channel && state === 'waiting',
    )
    if (entry === undefined) return
    entry.state = settled.state
    if (settled.state === 'waiting') entry.next = settled.next
    entry.attempts += 1
    entry.error = settled.state === 'delivered' ? null : settled.error
  }

  async next(): Promise<Millis | null> {
    const waiting = this.entries.filter(({ state }) => state === 'waiting').map(({ next }) => next)
    return waiting.length === 0 ? null : Math.min(...waiting)
  }

  async hurry(channels: readonly string[], now: Millis): Promise<void> {
    for (const entry of this.entries)
      if (entry.state === 'waiting' && channels.includes(entry.notification.channel))
        entry.next = Math.min(entry.next, now)
  }

  async add(notification: Omit<Notification, 'number'>): Promise<Notification> {
    const numbered = { ...notification, number: this.entries.length + 1 } as Notification
    this.entries.push({ notification: numbered, state: 'waiting', next: 0, attempts: 0, error: null })
    return numbered
  }

  states(): Record<Settled['state'], number> {
    const counts = { delivered: 0, waiting: 0, refused: 0 }
    for (const { state } of this.entries) counts[state] += 1
    return counts
  }
}
