import { z } from 'zod'
import type { AlertSettings } from '../../../src/alerts/rule.ts'
import { alerts } from '../../../src/config/alerts.ts'

export type AlertConfig = z.input<typeof alerts>

/** As a configuration file has them. */
export function alertSettings(config: AlertConfig = {}): AlertSettings {
  return z.parse(alerts, config) as AlertSettings
}
