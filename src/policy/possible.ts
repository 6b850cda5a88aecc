import { all, any, not, type Truth } from './truth.ts'

/**
 * What a condition may turn out to be: a set of truths, one bit each. It has one member but where a webhook was not
 * asked yet; what is decided whatever the webhook says needs no asking.
 */
export type Possible = number

export const TRUE = 1
export const FALSE = 2
export const UNKNOWN = 4
export const ELSEWHERE = 8
/** Of a webhook that was not asked yet. */
export const OPEN = TRUE | FALSE | UNKNOWN

const TRUTHS: readonly (readonly [Possible, Truth])[] = [
  [TRUE, 'true'],
  [FALSE, 'false'],
  [UNKNOWN, 'unknown'],
  [ELSEWHERE, 'elsewhere'],
]
const SETS = 16

export const POSSIBLE: Readonly<Record<Truth, Possible>> = {
  true: TRUE,
  false: FALSE,
  unknown: UNKNOWN,
  elsewhere: ELSEWHERE,
}

/** What is still open is not known. */
export function truthOf(possible: Possible): Truth {
  return SINGLE[possible] ?? 'unknown'
}
const SINGLE: Readonly<Record<number, Truth>> = Object.fromEntries(TRUTHS)

export function bothOf(a: Possible, b: Possible): Possible {
  return BOTH[a * SETS + b]!
}

export function eitherOf(a: Possible, b: Possible): Possible {
  return EITHER[a * SETS + b]!
}

export function notOf(a: Possible): Possible {
  return NOT[a]!
}

const BOTH = combined((a, b) => all([a, b]))
const EITHER = combined((a, b) => any([a, b]))
const NOT = Uint8Array.from({ length: SETS }, (_, set) =>
  members(set).reduce((result, truth) => result | POSSIBLE[not(truth)], 0),
)

/** By first set times 16 plus second set: every result that a member of each can give. */
function combined(of: (a: Truth, b: Truth) => Truth): Uint8Array {
  return Uint8Array.from({ length: SETS * SETS }, (_, index) => {
    let result = 0
    for (const a of members(Math.floor(index / SETS))) {
      for (const b of members(index % SETS)) result |= POSSIBLE[of(a, b)]
    }
    return result
  })
}

function members(set: Possible): readonly Truth[] {
  return TRUTHS.filter(([bit]) => (set & bit) !== 0).map(([, truth]) => truth)
}
