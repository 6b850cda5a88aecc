import type { EventRule } from '../rule.ts'

/** Asked in this order about everything that happened. */
export const EVENT_RULES: readonly EventRule[] = []
