import { hash } from 'node:crypto'
import type { RuleName } from '../rule-names.ts'

/** Id of the alert of this rule and key that began then. */
export function alertId(rule: RuleName, key: string, since: string): string {
  return hash('sha256', JSON.stringify([rule, key, since])).slice(0, 16)
}

/** UUID (RFC 9562 §5.8) of what a channel is told: the same when it is made again after a crash. */
export function notificationId(channel: string, key: string, number: number): string {
  const hex = hash('sha256', JSON.stringify(['notification', channel, key, number]))
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
