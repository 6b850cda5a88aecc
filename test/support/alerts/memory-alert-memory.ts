import type { Silence } from '../../../src/alerts/alert.ts'
import type {
  AlertBook,
  AlertMemory,
  KeptAlert,
  Lane,
  Notes,
  OutboxBook,
  RuleSummary,
  TellingQueue,
  Waiting,
} from '../../../src/alerts/evaluate/memory.ts'
import type { Delivery, Notification } from '../../../src/alerts/notification.ts'
import type { Millis } from '../../../src/alerts/rule.ts'
import { RULES, type RuleName } from '../../../src/alerts/rule-names.ts'

interface Posted {
  readonly notification: Notification
  readonly state: Delivery['state']
  readonly escalated: boolean
}

/** The memory of an evaluator, in maps. */
export class MemoryAlertMemory implements AlertMemory {
  readonly #alerts = new Map<string, KeptAlert>()
  readonly #firing = new Map<RuleName, Map<string, string>>()
  readonly #byName = new Map<string, Set<string>>()
  readonly #wakes = new Map<string, Millis>()
  readonly #lanes = new Map<string, Lane>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #byLane = new Map<string, Map<string, Waiting>>()
  readonly #posted = new Map<string, Posted>()
  readonly #notes = new Map<string, string>()
  readonly #silences = new Map<string, Silence>()
  #last = 0

  /** All that was ever put into the outbox, in order. */
  get notifications(): readonly Notification[] {
    return [...this.#posted.values()].map(({ notification }) => notification)
  }

  all(): readonly KeptAlert[] {
    return [...this.#alerts.values()]
  }

  settle(id: string, state: Delivery['state']): void {
    this.#posted.set(id, { ...this.#posted.get(id)!, state })
  }

  keepSilence(silence: Silence): void {
    this.#silences.set(silence.id, silence)
  }

  /** As after a crash: what is there now, and nothing that happens to the other from now on. */
  copy(): MemoryAlertMemory {
    const other = new MemoryAlertMemory()
    for (const kept of this.#alerts.values()) other.alerts.put(kept)
    for (const lane of this.#lanes.values()) other.queue.putLane(lane)
    for (const waiting of this.#waiting.values()) other.queue.put(waiting)
    for (const [id, posted] of this.#posted) other.#posted.set(id, posted)
    for (const [name, value] of this.#notes) other.#notes.set(name, value)
    for (const silence of this.#silences.values()) other.keepSilence(silence)
    other.#last = this.#last
    return other
  }

  silences(now: Millis): readonly Silence[] {
    return [...this.#silences.values()].filter(
      ({ until, ended }) => ended === null && Date.parse(until) > now,
    )
  }

  readonly alerts: AlertBook = {
    firing: (rule, key) => this.#byId(this.#firing.get(rule)?.get(key)),
    byId: (id) => this.#byId(id),
    put: (kept) => {
      this.#unlist(this.#alerts.get(kept.alert.id), kept)
      this.#alerts.set(kept.alert.id, kept)
      this.#list(kept)
    },
    firingOf: (rule) => [...(this.#firing.get(rule) ?? [])].map(([key, id]) => ({ id, key })),
    firingAbout: (rule, name, client) =>
      [...(this.#byName.get(name) ?? [])]
        .map((id) => this.#alerts.get(id)!)
        .filter(({ alert }) => alert.rule === rule && (client === null || alert.subject.client === client)),
    due: (now, limit) =>
      [...this.#wakes]
        .filter(([, wake]) => wake <= now)
        .sort(([a, x], [b, y]) => x - y || compare(a, b))
        .slice(0, limit)
        .map(([id]) => this.#alerts.get(id)!),
    nextWake: () => least(this.#wakes.values()),
    summary: (from, to) => this.#summary(from, to),
  }

  readonly queue: TellingQueue = {
    put: (waiting) => {
      this.queue.drop(waiting.channel, waiting.alert)
      const id = `${waiting.channel} ${waiting.alert}`
      this.#waiting.set(id, waiting)
      const lane = this.#byLane.get(waiting.lane) ?? new Map<string, Waiting>()
      this.#byLane.set(waiting.lane, lane.set(id, waiting))
    },
    drop: (channel, alert) => {
      const id = `${channel} ${alert}`
      const waiting = this.#waiting.get(id)
      if (waiting === undefined) return
      this.#waiting.delete(id)
      this.#byLane.get(waiting.lane)!.delete(id)
    },
    waiting: (lane) => [...(this.#byLane.get(lane)?.values() ?? [])],
    lane: (id) => this.#lanes.get(id) ?? null,
    putLane: (lane) => this.#lanes.set(lane.id, lane),
    dueLanes: (now) =>
      [...this.#lanes.values()]
        .filter(({ due }) => due !== null && due <= now)
        .sort((a, b) => a.due! - b.due! || compare(a.id, b.id)),
    nextDue: () => least([...this.#lanes.values()].flatMap(({ due }) => (due === null ? [] : [due]))),
    forget: (channel) => {
      for (const waiting of [...this.#waiting.values()])
        if (waiting.channel === channel) this.queue.drop(channel, waiting.alert)
      for (const lane of [...this.#lanes.values()]) if (lane.channel === channel) this.#lanes.delete(lane.id)
    },
  }

  readonly outbox: OutboxBook = {
    lastNumber: () => this.#last,
    add: (notification) => {
      if (notification.number <= this.#last) throw new Error(`number ${notification.number} is taken`)
      if (this.#posted.has(notification.id)) throw new Error(`id ${notification.id} is taken`)
      this.#last = notification.number
      this.#posted.set(notification.id, { notification, state: 'waiting', escalated: false })
    },
    overdue: (channel, before, limit) =>
      this.#overdue(channel)
        .filter(({ state, notification }) => state === 'refused' || Date.parse(notification.made) <= before)
        .slice(0, limit),
    escalated: (id) => {
      this.#posted.set(id, { ...this.#posted.get(id)!, escalated: true })
    },
    oldest: (channel) =>
      least(
        this.#overdue(channel).map(({ state, notification }) =>
          state === 'refused' ? 0 : Date.parse(notification.made),
        ),
      ),
    isWaiting: (channel, key) =>
      [...this.#posted.values()].some(
        ({ notification, state }) =>
          state === 'waiting' && notification.channel === channel && notification.key === key,
      ),
  }

  readonly notes: Notes = {
    get: (name) => this.#notes.get(name) ?? null,
    set: (name, value) => {
      if (value === null) this.#notes.delete(name)
      else this.#notes.set(name, value)
    },
  }

  #byId(id: string | undefined): KeptAlert | null {
    return this.#alerts.get(id ?? '') ?? null
  }

  /** Its place in the list of its rule stays while it fires. */
  #unlist(kept: KeptAlert | undefined, next: KeptAlert): void {
    if (kept?.alert.state !== 'firing') return
    const { id, rule, key, subject } = kept.alert
    if (next.alert.state !== 'firing') this.#firing.get(rule)!.delete(key)
    this.#wakes.delete(id)
    for (const name of subject.names) this.#byName.get(name)?.delete(id)
  }

  #list({ alert, wake }: KeptAlert): void {
    if (alert.state !== 'firing') return
    const keys = this.#firing.get(alert.rule) ?? new Map<string, string>()
    this.#firing.set(alert.rule, keys.set(alert.key, alert.id))
    if (wake !== null) this.#wakes.set(alert.id, wake)
    for (const name of alert.subject.names)
      this.#byName.set(name, (this.#byName.get(name) ?? new Set()).add(alert.id))
  }

  #summary(from: Millis, to: Millis): readonly RuleSummary[] {
    const rows = new Map<RuleName, { firing: number; began: number; occurrences: number }>()
    for (const { alert } of this.#alerts.values()) {
      const row = rows.get(alert.rule) ?? { firing: 0, began: 0, occurrences: 0 }
      const since = Date.parse(alert.since)
      const isIn = since >= from && since < to
      rows.set(alert.rule, {
        firing: row.firing + (alert.state === 'firing' ? 1 : 0),
        began: row.began + (isIn ? 1 : 0),
        occurrences: row.occurrences + (isIn ? alert.count : 0),
      })
    }
    return RULES.flatMap((rule) => (rows.has(rule) ? [{ rule, ...rows.get(rule)! }] : []))
  }

  #overdue(channel: string): readonly Posted[] {
    return [...this.#posted.values()].filter(
      ({ notification, state, escalated }) =>
        notification.channel === channel && state !== 'delivered' && !escalated,
    )
  }
}

function least(values: Iterable<number>): number | null {
  let found: number | null = null
  for (const value of values) if (found === null || value < found) found = value
  return found
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
