import { BODIES } from './bodies.ts'
import { ALTERNATES, CHAINS } from './chains.ts'
import { CONNECTIONS } from './connections.ts'
import type { EvilBehaviour } from './evil-behaviour.ts'
import { ORDERS } from './orders.ts'
import { PLACES } from './places.ts'
import { REFUSALS } from './refusals.ts'

/** What a CA gone wrong, or bad, may do to its clients. Family and name are those of one only. */
export const EVIL_BEHAVIOURS: readonly EvilBehaviour[] = [
  ...CONNECTIONS,
  ...BODIES,
  ...PLACES,
  ...ORDERS,
  ...CHAINS,
  ...ALTERNATES,
  ...REFUSALS,
]
