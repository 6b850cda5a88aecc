import type { AlertSettings, Millis } from '../rule.ts'
import type { AlertMemory } from './memory.ts'
import { post, wordsAlone } from './post.ts'

/** An evaluation so far behind is not alive, however short the time between two signs of life. */
const LEAST_LAG = 60_000

/**
 * Signs of life that are due. None is made while evaluation is behind by more than the time between two of them, nor while
 * the last one still waits: what comes late would say that all was well when it was not.
 */
export function beat(memory: AlertMemory, settings: AlertSettings, lag: Millis, now: Millis): void {
  for (const { name, heartbeat } of settings.channels ?? []) {
    if (heartbeat === undefined || !isDue(memory, name, heartbeat, now)) continue
    memory.notes.set(noteOf(name), String(now))
    if (lag > Math.max(heartbeat, LEAST_LAG) || memory.outbox.isWaiting(name, 'heartbeat')) continue
    const text = `Alerts are evaluated. The next sign of life comes in ${Math.round(heartbeat / 1000)} s; when it does not, look after acmetap.`
    post(memory.outbox, wordsAlone(name, 'heartbeat', 'acmetap is alive', text), now)
  }
}

export function nextBeat(memory: AlertMemory, settings: AlertSettings): Millis | null {
  const times = (settings.channels ?? []).flatMap(({ name, heartbeat }) =>
    heartbeat === undefined ? [] : [nextOf(memory, name, heartbeat)],
  )
  return times.length === 0 ? null : Math.min(...times)
}

/** Also when the clock was set back. */
function isDue(memory: AlertMemory, channel: string, every: Millis, now: Millis): boolean {
  const next = nextOf(memory, channel, every)
  return next <= now || next - every > now
}

function nextOf(memory: AlertMemory, channel: string, every: Millis): Millis {
  const last = memory.notes.get(noteOf(channel))
  return last === null ? 0 : Number(last) + every
}

function noteOf(channel: string): string {
  return `heartbeat ${channel}`
}
