import type { Alert, Silence } from '../alert.ts'
import { isNamed } from './match-name.ts'

/** The first silence that keeps this alert quiet: everything it gives must match. Null without any. */
export function silenceOf(alert: Alert, silences: readonly Silence[]): Silence | null {
  return silences.find((silence) => isSilencedBy(alert, silence)) ?? null
}

function isSilencedBy({ rule, key, subject }: Alert, silence: Silence): boolean {
  return (
    (silence.rule === undefined || silence.rule === rule) &&
    (silence.key === undefined || silence.key === key) &&
    (silence.name === undefined || isNamed(silence.name, subject.names)) &&
    (silence.client === undefined || silence.client === subject.client) &&
    (silence.label === undefined || silence.label === subject.label) &&
    (silence.ca === undefined || silence.ca === subject.ca)
  )
}
