import type { Silence } from '../alert.ts'
import type { AlertSettings, Millis } from '../rule.ts'
import type { KeptAlert } from './memory.ts'
import { receiversOf } from './route.ts'

/**
 * When an alert must be looked at again though nothing happens: it lapses, its silence ends, it has gone on for so long
 * that it is told again, or escalates. A time that has come and was not looked at yet stays; `looked` says that it was.
 */
export function wakeOf(
  kept: KeptAlert,
  settings: AlertSettings,
  silence: Silence | null,
  now: Millis,
  looked = false,
): Millis | null {
  const { alert, isNotice, until, wake } = kept
  if (alert.state === 'resolved') return null
  if (!looked && wake !== null && wake <= now) return wake
  const times: Millis[] = []
  if (until !== null) times.push(until)
  if (silence !== null) times.push(Date.parse(silence.until))
  else if (!isNotice) {
    const { quiet } = settings.rules[alert.rule]
    for (const { at, waits } of Object.values(kept.channels))
      if (at !== null && waits === null && at + quiet > now) times.push(at + quiet)
    for (const { channel, unresolved } of receiversOf(alert, settings).escalations) {
      const at = unresolved === null ? 0 : Date.parse(alert.since) + unresolved
      if (at > now && !kept.channels[channel]?.escalated) times.push(at)
    }
  }
  return times.length === 0 ? null : Math.min(...times)
}
