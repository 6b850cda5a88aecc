import type { Alert } from '../alert.ts'
import type { AlertSettings, Millis } from '../rule.ts'
import type { Lane, TellingKind } from './memory.ts'

export type Channel = NonNullable<AlertSettings['channels']>[number]

/** So many notifications of a lane within so long. */
type Allowance = Pick<AlertSettings, 'burst' | 'interval'>

/** What is not critical may be collected into one mail. */
function isCollected(channel: Channel, alert: Alert, kind: TellingKind): boolean {
  return digestOf(channel) > 0 && alert.severity !== 'critical' && kind !== 'escalation'
}

export function digestOf(channel: Channel): Millis {
  return channel.email?.digest ?? 0
}

/** A lane where nothing was told yet. */
export function newLane(channel: Channel, alert: Alert, kind: TellingKind): Lane {
  const empty = { channel: channel.name, due: null, sends: [], held: false, total: null }
  return isCollected(channel, alert, kind)
    ? { ...empty, id: `${channel.name} digest`, rule: null, kind: 'digest' }
    : { ...empty, id: `${channel.name} ${alert.rule} ${kind}`, rule: alert.rule, kind }
}

/**
 * The order in which a channel is told: what has the same key stays in order. One that gets digests is told everything
 * in one order, so that no digest comes after the news that ends it.
 */
export function orderKey(channel: Channel, alert: Alert): string {
  return digestOf(channel) > 0 ? 'digest' : alert.rule
}

/** When the lane may tell what is ready then. The digest has no allowance: it is one mail anyway. */
export function mayTellAt(lane: Lane, ready: Millis, { burst, interval }: Allowance): Millis {
  const oldest = lane.kind === 'digest' ? undefined : lane.sends.at(-burst)
  return oldest === undefined ? ready : Math.max(ready, oldest + interval)
}

/** How many more it may tell now. */
export function leftOf(lane: Lane, now: Millis, { burst, interval }: Allowance): number {
  if (lane.kind === 'digest') return 1
  return burst - lane.sends.filter((at) => at + interval > now).length
}

/** The lane, with something more that is ready then. */
export function withWaiting(lane: Lane, ready: Millis, allowance: Allowance): Lane {
  if (lane.held && lane.due !== null) return lane
  const at = mayTellAt(lane, ready, allowance)
  const due = lane.due === null ? at : Math.min(lane.due, at)
  const held = lane.held || at > ready
  return due === lane.due && held === lane.held ? lane : { ...lane, due, held }
}
