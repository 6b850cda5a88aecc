import type { Operation } from '../../acme/operation.ts'
import { askedWhere, type Family, isAboutNames } from '../asked-where.ts'
import type { PolicyFacts } from '../facts.ts'
import type { Judged } from '../judged.ts'
import { Judging } from '../judging.ts'
import type { PolicyName } from '../names/policy-name.ts'
import type { Condition } from '../policy.ts'
import {
  ANYTHING,
  ELSEWHERE,
  FALSE,
  NONE,
  POSSIBLE,
  type Possible,
  TRUE,
  truthOf,
  UNKNOWN,
} from '../possible.ts'
import type { Steady } from '../steady.ts'
import type { Truth } from '../truth.ts'

/** What a condition costs: cheap ones come first, for they may spare the others. */
export const COST = { request: 0, name: 1, expression: 2, webhook: 3 } as const

export interface Part extends Condition {
  readonly cost: number
  readonly parts: readonly Part[]
  readonly needed: readonly Part[]
  /** Where this is false, so is the whole; it does not depend on the name. */
  readonly first: Part | null
}

/** Hands out the places of {@link Judging.kept} and {@link Judging.keptOf}. */
export interface Slots {
  count: number
}

interface Judge {
  readonly text: string
  readonly perName: boolean
  readonly cost: number
  readonly parts?: readonly Part[]
  readonly first?: Part | null
  readonly steady?: Steady | null
  /** Of what must all hold, its parts' own. */
  readonly needed?: readonly Part[]
  /** Anything, where it is not said. */
  readonly possibleAt?: (operation: Operation) => Possible
  readonly judge: (judging: Judging, name: Judged) => Possible
}

/** What does not depend on the name is worked out once in an evaluation, what does once for each name. */
export function part(slots: Slots, judged: Judge): Part {
  const { text, perName, cost, parts = [], first = null, steady = null, needed, judge } = judged
  const slot = slots.count++
  const made: Part = {
    text,
    perName,
    cost,
    parts,
    first,
    steady,
    get needed() {
      return needed ?? [made]
    },
    possibleAt: judged.possibleAt ?? (() => ANYTHING),
    judge(judging, name) {
      const kept = perName ? judging.keptOf(name) : judging.kept
      const known = kept[slot]!
      if (known !== 0) return known
      judging.worked++
      const possible = judge(judging, name)
      kept[slot] = possible
      return possible
    },
    test(facts, name) {
      return truthOf(this.judge(new Judging(facts, slots.count), name))
    },
  }
  return made
}

/** A plain condition on the request as a whole. */
export function ofRequest(
  slots: Slots,
  family: Family,
  text: string,
  test: (facts: PolicyFacts, judging: Judging) => Truth | boolean,
  cost: number = COST.request,
  steady: Steady | null = null,
): Part {
  return part(slots, {
    text,
    perName: false,
    cost,
    steady,
    possibleAt: (operation) => notHere(family, operation) ?? ANYTHING,
    judge: (judging) => notHere(family, judging.facts.operation) ?? possibleOf(test(judging.facts, judging)),
  })
}

/** A plain condition on the name: about nothing where there is none, unknown where nobody can tell it. */
export function ofName(slots: Slots, text: string, test: (name: PolicyName) => boolean): Part {
  return part(slots, {
    text,
    perName: true,
    cost: COST.name,
    possibleAt: (operation) => (isAboutNames(operation) ? ANYTHING : NONE),
    judge(_, name) {
      if (name === null) return NONE
      if (name === 'unreadable') return UNKNOWN
      return test(name) ? TRUE : FALSE
    },
  })
}

/** Null: it is asked here. */
export function notHere(family: Family, operation: Operation): Possible | null {
  switch (askedWhere(family, operation)) {
    case 'here':
      return null
    case 'later':
      return ELSEWHERE
    case 'no':
      return NONE
    case '?':
      return UNKNOWN
  }
}

function possibleOf(result: Truth | boolean): Possible {
  if (result === true) return TRUE
  return result === false ? FALSE : POSSIBLE[result]
}

/** A list as a person wrote it, on one line. */
export function listed(values: readonly string[]): string {
  const shown = values.slice(0, MOST_SHOWN).join(', ')
  return values.length > MOST_SHOWN ? `${shown} and ${values.length - MOST_SHOWN} more` : shown
}
const MOST_SHOWN = 5
