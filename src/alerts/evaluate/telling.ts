import type { AlertSettings, Millis } from '../rule.ts'
import { SEVERITIES, type Severity } from '../rule-names.ts'
import { compose, MAX_LISTED } from './compose.ts'
import { type Channel, digestOf, leftOf, mayTellAt, newLane, orderKey, withWaiting } from './lane.ts'
import type { AlertMemory, KeptAlert, Lane, TellingKind, Told, Waiting } from './memory.ts'
import { post } from './post.ts'
import { receiversOf } from './route.ts'
import { sumOf, tallyOf } from './tally.ts'
import { wakeOf } from './wake.ts'

/**
 * Who is told what, and when: alerts wait in lanes, and a lane that is due becomes notifications. Alerts are given back
 * changed, for the caller to keep.
 */
export class Telling {
  readonly #memory: AlertMemory
  #settings: AlertSettings
  #channels: ReadonlyMap<string, Channel> = new Map()
  /** Alerts that are told of now: each is kept once, however many channels it goes to. */
  readonly #changed = new Map<string, KeptAlert>()
  /** As the queue has them. */
  readonly #lanes = new Map<string, Lane>()

  constructor(memory: AlertMemory, settings: AlertSettings) {
    this.#memory = memory
    this.#settings = settings
    this.use(settings)
  }

  use(settings: AlertSettings): void {
    this.#settings = settings
    this.#channels = new Map((settings.channels ?? []).map((channel) => [channel.name, channel]))
  }

  /**
   * Puts an alert that fires into the lanes of those who were not told, of those to whom it has become worse or gone on
   * for long, and of those it escalates to.
   */
  tell(kept: KeptAlert, now: Millis): KeptAlert {
    const { alert, isNotice } = kept
    const { channels, escalations } = receiversOf(alert, this.#settings)
    const told: Record<string, Told> = { ...kept.channels }
    for (const name of channels) {
      const channel = this.#channels.get(name)
      if (channel === undefined) continue
      const before = told[name]
      const again =
        before === undefined ||
        (before.waits === null
          ? !isNotice && isToldAgain(before, kept, this.#settings, now)
          : before.waits !== newLane(channel, alert, 'firing').id && alert.severity === 'critical')
      if (again && !isEscalating(before)) told[name] = this.#wait(kept, channel, 'firing', before, now)
    }
    for (const { channel: name, unresolved } of escalations) {
      const channel = this.#channels.get(name)
      if (channel === undefined || unresolved === null || isNotice || told[name]?.escalated) continue
      if (Date.parse(alert.since) + unresolved <= now)
        told[name] = { ...this.#wait(kept, channel, 'escalation', told[name], now), escalated: true }
    }
    return { ...kept, channels: told }
  }

  /**
   * Tells of the end, to whom it was told that it fires. Who was not told yet need not know, unless it was critical; a
   * notice is told even so.
   */
  over(kept: KeptAlert, now: Millis): KeptAlert {
    const told: Record<string, Told> = {}
    for (const [name, before] of Object.entries(kept.channels)) {
      if (before.at === null) {
        if (kept.isNotice || kept.alert.severity === 'critical') told[name] = before
        else this.#memory.queue.drop(name, kept.alert.id)
      } else {
        if (before.waits !== null) this.#memory.queue.drop(name, kept.alert.id)
        told[name] = this.#ended(kept, name, { ...before, waits: null }, now)
      }
    }
    return { ...kept, channels: told }
  }

  /** Takes it out of all lanes. */
  hush(kept: KeptAlert): KeptAlert {
    const told: Record<string, Told> = {}
    for (const [name, before] of Object.entries(kept.channels)) {
      if (before.waits !== null) this.#memory.queue.drop(name, kept.alert.id)
      const escalated = before.escalated && !isEscalating(before)
      if (before.at !== null) told[name] = { ...before, waits: null, escalated }
    }
    return { ...kept, channels: told }
  }

  /** Forgets channels that are no more. */
  prune(kept: KeptAlert): KeptAlert {
    const names = Object.keys(kept.channels)
    if (names.every((name) => this.#channels.has(name))) return kept
    for (const name of names) if (!this.#channels.has(name)) this.#forget(name)
    const left = Object.entries(kept.channels).filter(([name]) => this.#channels.has(name))
    return { ...kept, channels: Object.fromEntries(left) }
  }

  /** Makes the notifications that are due. */
  flush(now: Millis): void {
    for (const lane of this.#memory.queue.dueLanes(now)) {
      const channel = this.#channels.get(lane.channel)
      if (channel === undefined) this.#forget(lane.channel)
      else this.#flush(this.#lanes.get(lane.id) ?? lane, channel, now)
    }
    for (const kept of this.#changed.values()) this.#memory.alerts.put(this.#woken(kept, now))
    this.#changed.clear()
  }

  /** It is told here because another channel did not take it: what ends it is told here too. */
  tookOver(kept: KeptAlert, name: string, now: Millis): KeptAlert {
    const channel = this.#channels.get(name)
    if (channel === undefined) return kept
    if (kept.channels[name]?.waits) this.#memory.queue.drop(name, kept.alert.id)
    const alert = { ...kept.alert, told: kept.alert.told + 1 }
    const told: Told = { ...toldOf(kept, now), listed: true, escalated: true }
    const after = alert.state === 'resolved' ? this.#ended(kept, name, told, now) : told
    const next = this.#woken({ ...kept, alert, channels: { ...kept.channels, [name]: after } }, now)
    this.#memory.alerts.put(next)
    return next
  }

  #wait(kept: KeptAlert, channel: Channel, kind: TellingKind, before: Told | undefined, now: Millis): Told {
    const { alert, group } = kept
    const fresh = newLane(channel, alert, kind)
    const lane = this.#lanes.get(fresh.id) ?? this.#memory.queue.lane(fresh.id) ?? fresh
    const due = now + (lane.kind === 'digest' ? digestOf(channel) : this.#settings.wait)
    this.#memory.queue.put({ channel: channel.name, alert: alert.id, kind, lane: lane.id, group, due })
    this.#keep(withWaiting(lane, due, this.#settings))
    return { ...(before ?? UNTOLD), waits: lane.id }
  }

  #ended(kept: KeptAlert, name: string, told: Told, now: Millis): Told {
    const channel = this.#channels.get(name)
    if (kept.isNotice || channel === undefined || !channel.resolved) return told
    return this.#wait(kept, channel, 'resolved', told, now)
  }

  #flush(lane: Lane, channel: Channel, now: Millis): void {
    const { queue } = this.#memory
    const rows = queue.waiting(lane.id)
    const due = [...Map.groupBy(rows, ({ group }) => group).values()].filter((group) =>
      group.some((row) => row.due <= now),
    )
    const left = leftOf(lane, now, this.#settings)
    if (due.length === 0) {
      this.#keep({ ...lane, ...soonest(rows), held: false })
      return
    }
    if (left <= 0) {
      this.#keep({ ...lane, due: mayTellAt(lane, now, this.#settings), held: true })
      return
    }
    const together = lane.held || lane.kind === 'digest'
    let next: Lane = lane.held || left < this.#settings.burst ? lane : { ...lane, total: null }
    const isFlood = due.length > left || due.flat().length > MANY
    for (const batch of together ? [rows] : isFlood ? [due.flat()] : due)
      next = this.#send(next, channel, batch, now)
    const { due: soon } = soonest(queue.waiting(lane.id))
    if (soon === null) this.#keep({ ...next, due: null })
    else this.#keep(withWaiting({ ...next, due: null }, Math.max(soon, now), this.#settings))
  }

  /** One notification of these. What it does not name although the channel knows it by name stays in the lane. */
  #send(lane: Lane, channel: Channel, batch: readonly Waiting[], now: Millis): Lane {
    const all = batch.flatMap((row) => {
      const kept = this.#changed.get(row.alert) ?? this.#memory.alerts.byId(row.alert)
      if (kept === null) this.#memory.queue.drop(row.channel, row.alert)
      return kept === null ? [] : [{ row, kept, isNamed: kept.channels[channel.name]?.listed === true }]
    })
    if (all.length === 0) return lane
    const order = ({ row, kept, isNamed }: (typeof all)[number]): number =>
      (row.kind === 'resolved' && isNamed ? -10 : 0) - SEVERITIES.indexOf(kept.alert.severity)
    const sorted = all.toSorted((a, b) => order(a) - order(b))
    const told = sorted.filter(({ row, isNamed }, i) => i < MAX_LISTED || row.kind !== 'resolved' || !isNamed)
    const fresh = tallyOf(told.map(({ kept }) => kept.alert))!
    const uncounted = told.filter(({ row, kept }) => !this.#wasCounted(row, kept, now))
    const total = sumOf(lane.total, tallyOf(uncounted.map(({ kept }) => kept.alert)))
    const drafted = compose({
      lane,
      key: orderKey(channel, told[0]!.kept.alert),
      alerts: told.map(({ row, kept }) => ({ alert: kept.alert, kind: row.kind })),
      tally: lane.held && total !== null ? total : fresh,
      now,
    })
    post(this.#memory.outbox, drafted, now)
    for (const [i, { row, kept }] of told.entries()) this.#wasTold(row, kept, i < MAX_LISTED, now)
    const sends = [...lane.sends, ...weightOf(told.length, now)].slice(-this.#settings.burst)
    return { ...lane, sends, held: false, total: lane.held ? null : total }
  }

  /** The total of the burst has it already. */
  #wasCounted({ kind, channel }: Waiting, kept: KeptAlert, now: Millis): boolean {
    const at = kept.channels[channel]?.at ?? null
    return kind !== 'resolved' && at !== null && at + this.#settings.interval >= now
  }

  #wasTold(row: Waiting, kept: KeptAlert, isNamed: boolean, now: Millis): void {
    this.#memory.queue.drop(row.channel, row.alert)
    const before = kept.channels[row.channel] ?? UNTOLD
    const alert = { ...kept.alert, told: kept.alert.told + 1 }
    const listed = isNamed || before.listed
    const told: Told =
      row.kind === 'resolved'
        ? { ...before, waits: null }
        : { ...toldOf(kept, now), listed, escalated: before.escalated }
    const next = { ...kept, alert, channels: { ...kept.channels, [row.channel]: told } }
    const after =
      row.kind === 'resolved' || alert.state === 'firing' ? told : this.#ended(next, row.channel, told, now)
    this.#changed.set(alert.id, { ...next, channels: { ...next.channels, [row.channel]: after } })
  }

  #woken(kept: KeptAlert, now: Millis): KeptAlert {
    return { ...kept, wake: wakeOf(kept, this.#settings, null, now) }
  }

  #keep(lane: Lane): void {
    if (this.#lanes.get(lane.id) === lane) return
    this.#lanes.set(lane.id, lane)
    this.#memory.queue.putLane(lane)
  }

  #forget(channel: string): void {
    this.#memory.queue.forget(channel)
    for (const [id, lane] of this.#lanes) if (lane.channel === channel) this.#lanes.delete(id)
  }
}

/** One that tells of many takes more of the allowance: who is in a flood needs few messages, who is not needs them soon. */
function weightOf(alerts: number, now: Millis): readonly Millis[] {
  return alerts > MANY ? [now, now, now] : [now]
}

/** Alerts in one notification. */
const MANY = 10

const UNTOLD: Told = {
  at: null,
  count: 0,
  severity: 'info',
  step: null,
  waits: null,
  listed: false,
  escalated: false,
}

function toldOf({ alert }: KeptAlert, now: Millis): Told {
  const { count, severity } = alert
  return { ...UNTOLD, at: now, count, severity, step: alert.subject.details.step ?? null }
}

/** It has become worse, or the next step is reached, or it has gone on for longer than its rule is quiet. */
export function isToldAgain(told: Told, { alert }: KeptAlert, settings: AlertSettings, now: Millis): boolean {
  if (told.at === null) return false
  return (
    isWorse(alert.severity, told.severity) ||
    (alert.subject.details.step ?? null) !== told.step ||
    (alert.count > told.count && told.at + settings.rules[alert.rule].quiet <= now)
  )
}

function isEscalating(told: Told | undefined): boolean {
  return told?.waits?.endsWith(' escalation') === true
}

function isWorse(a: Severity, b: Severity): boolean {
  return SEVERITIES.indexOf(a) > SEVERITIES.indexOf(b)
}

function soonest(rows: readonly Waiting[]): { readonly due: Millis | null } {
  return { due: rows.reduce<Millis | null>((least, { due }) => Math.min(least ?? due, due), null) }
}
