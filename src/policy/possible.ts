import type { Effect } from '../exchange/decision.ts'
import type { Truth } from './truth.ts'

/**
 * What a condition may turn out to be. Two sets, four bits each: what it is where that which is not known counts for the
 * rule (upper bits), and where it counts against the rule (lower bits). Each set has one member but where a webhook was
 * not asked yet; what is decided whatever the webhook says needs no asking.
 */
export type Possible = number

/** Members of one set. Of several conditions `all` gives the least in this order, `any` the most. */
const ORDER = [0b0010, 0b0100, 0b1000, 0b0001] as const
const [NO, NOTHING, LATER, YES] = ORDER

export const TRUE = either(YES, YES)
export const FALSE = either(NO, NO)
/** It counts for the rule, or against it. */
export const UNKNOWN = either(YES, NO)
export const ELSEWHERE = either(LATER, LATER)
export const NONE = either(NOTHING, NOTHING)
/** Of a webhook that was not asked yet. */
export const OPEN = TRUE | FALSE | UNKNOWN

/** Whatever a condition can say. */
export const ANYTHING = 0xff

export const POSSIBLE: Readonly<Record<Truth, Possible>> = {
  true: TRUE,
  false: FALSE,
  unknown: UNKNOWN,
  elsewhere: ELSEWHERE,
  none: NONE,
}

/** What is still open is not known. */
export function truthOf(possible: Possible): Truth {
  return SINGLE[possible] ?? 'unknown'
}
const SINGLE: Readonly<Record<number, Truth>> = {
  [TRUE]: 'true',
  [FALSE]: 'false',
  [ELSEWHERE]: 'elsewhere',
  [NONE]: 'none',
  // Whatever is known of it, it rests on what is not there.
  [either(NOTHING, NO)]: 'none',
}

/** What a rule does about what is not known, and on what it acts: see truth.ts. */
export interface Acting {
  readonly effect: Effect | 'warn'
  readonly unknown: 'match' | 'skip'
}

/** Whether a rule with this condition acts; null: what a webhook says decides it. */
export function acts({ effect, unknown }: Acting, possible: Possible): boolean | null {
  const taken = unknown === 'match' ? possible >> 4 : possible & 0b1111
  const acting = effect === 'allow' ? YES | LATER : YES
  if ((taken & ~acting) === 0) return true
  return (taken & acting) === 0 ? false : null
}

/** As {@link truthOf}, as the rule takes it: where it makes no difference what is not known, it is not told. */
export function truthFor({ unknown }: Acting, possible: Possible): Truth {
  const truth = truthOf(possible)
  if (truth !== 'unknown') return truth
  const taken = unknown === 'match' ? possible >> 4 : possible & 0b1111
  return taken === LATER ? 'elsewhere' : 'unknown'
}

export function bothOf(a: Possible, b: Possible): Possible {
  return BOTH[(a << 8) | b]!
}

export function eitherOf(a: Possible, b: Possible): Possible {
  return EITHER[(a << 8) | b]!
}

export function notOf(a: Possible): Possible {
  return NOT[a]!
}

const PAIRS = 256 * 256
const BOTH = Uint8Array.from({ length: PAIRS }, (_, pair) => joined(pair >> 8, pair & 0xff, Math.min))
const EITHER = Uint8Array.from({ length: PAIRS }, (_, pair) => joined(pair >> 8, pair & 0xff, Math.max))
/** What counts for the one counts against the other. */
const NOT = Uint8Array.from({ length: 256 }, (_, a) => either(opposite(a & 0b1111), opposite(a >> 4)))

function either(counted: number, notCounted: number): Possible {
  return (counted << 4) | notCounted
}

type Join = (a: number, b: number) => number

function joined(a: Possible, b: Possible, join: Join): Possible {
  return either(joinedSets(a >> 4, b >> 4, join), joinedSets(a & 0b1111, b & 0b1111, join))
}

/** Every result that a member of each can give. */
function joinedSets(a: number, b: number, join: Join): number {
  let result = 0
  for (const one of places(a)) for (const other of places(b)) result |= ORDER[join(one, other)]!
  return result
}

function places(set: number): readonly number[] {
  return [0, 1, 2, 3].filter((place) => (set & ORDER[place]!) !== 0)
}

function opposite(set: number): number {
  const kept = set & (NOTHING | LATER)
  return kept | (set & YES ? NO : 0) | (set & NO ? YES : 0)
}
