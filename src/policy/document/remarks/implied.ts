/** Whether one rule takes everything that a later one could: sound, so "no" only means that it is not shown. */
import type { Family } from '../../asked-where.ts'
import type { RuleDocument } from '../../document.ts'
import { type Pattern, patternCovers } from '../../names/pattern.ts'
import type { Atom, Atoms } from './atoms.ts'
import type { Budget } from './budget.ts'

/** Families that may be asked at another request of the issuance. */
const ELSEWHERE: readonly (Family | null)[] = ['count', 'order', 'budget', 'csr', 'webhook', null]

/**
 * Wherever `later` would match, in whatever way (true, or not known and taken so, or asked elsewhere and taken so),
 * `earlier` matches too.
 */
export function takesAll(earlier: Atoms, later: Atoms, budget: Budget): boolean {
  const every = [...earlier.others]
  if (!every.every((weak) => later.others.some((strong) => atomImplies(strong, weak, earlier, later))))
    return false
  if (
    !earlier.names.every((weak) =>
      later.names.some((strong) => namesImply(strong, weak, earlier, later, budget)),
    )
  ) {
    return false
  }
  const asksNothing = every.length === 0 && earlier.names.length === 0
  return asksNothing || agreeWhereOpen(earlier, later)
}

/** Whether it has a condition that is asked at another request of the issuance. */
function canBeElsewhere({ others }: Atoms): boolean {
  return others.some(({ family }) => ELSEWHERE.includes(family))
}

/** Whether it matches where no more is lacking than that a name can't be told. */
export function takesWhatIsNotTold(atoms: Atoms): boolean {
  return unknownOf(atoms.rule) === 'match'
}

/** What is open in the earlier rule is open in the later one too: what becomes of each then? */
function agreeWhereOpen(earlier: Atoms, later: Atoms): boolean {
  if (canBeElsewhere(earlier) && earlier.rule.effect !== 'allow' && later.rule.effect === 'allow')
    return false
  if (earlier.others.every(isNeverOpen) && earlier.names.length === 0) return true
  if (unknownOf(earlier.rule) === 'match') return true
  return unknownOf(later.rule) === 'skip' && !canBeElsewhere(later)
}

/** What a request always has. */
function isNeverOpen({ key }: Atom): boolean {
  return ['operation', 'mode', 'ca', 'time'].includes(key)
}

export function unknownOf({ unknown, effect }: RuleDocument): 'match' | 'skip' {
  return unknown ?? (effect === 'allow' ? 'skip' : 'match')
}

function atomImplies(strong: Atom, weak: Atom, earlier: Atoms, later: Atoms): boolean {
  if (strong.key !== weak.key || strong.kind !== weak.kind) return false
  // A pattern is meant otherwise in a rule that allows, and so may be whatever is asked of a name.
  const ofName = weak.family === 'name' || weak.family === null
  if (ofName && (earlier.rule.effect === 'allow') !== (later.rule.effect === 'allow')) return false
  if (weak.kind === 'set' && strong.kind === 'set')
    return [...strong.values].every((value) => weak.values.has(value))
  if (weak.kind === 'range' && strong.kind === 'range')
    return weak.from <= strong.from && strong.to <= weak.to
  return weak.kind === 'written' && strong.kind === 'written' && weak.text === strong.text
}

/**
 * Allow means every host of the name, deny some host. Hosts of which some are in the smaller set need not all be in the
 * larger one, so an allow never takes all that a later deny is for.
 */
function namesImply(
  strong: readonly Pattern[],
  weak: readonly Pattern[],
  earlier: Atoms,
  later: Atoms,
  budget: Budget,
): boolean {
  if (earlier.rule.effect === 'allow' && later.rule.effect !== 'allow') return false
  if (!budget.spend(strong.length * weak.length)) return false
  return strong.every((inner) => weak.some((outer) => patternCovers(outer, inner)))
}
