import { type Pattern, parsePattern, patternCovers } from '../../names/pattern.ts'
import type { Atoms, SetAtom } from './atoms.ts'
import type { Budget } from './budget.ts'

/** Patterns of one rule that are compared with another's for an example: beyond, a pair says nothing. */
const MOST_PATTERNS = 2_000

/**
 * A name that the earlier rule allows though the later one is to deny it; null where none is found, or the earlier rule
 * is an exception: it allows nothing but what the later one denies.
 */
export function overlapOf(allows: Atoms, denies: Atoms, budget: Budget): string | null {
  const [allowed, ...more] = allows.names
  const [denied] = denies.names
  if (allowed === undefined || denied === undefined || more.length > 0 || denies.names.length > 1) return null
  if (allowed.length > MOST_PATTERNS || denied.length > MOST_PATTERNS || areApart(allows, denies)) return null
  if (!budget.spend(2 * allowed.length * denied.length)) return null
  for (const wide of allowed) {
    if (denied.some((outer) => patternCovers(outer, wide))) continue
    for (const narrow of denied) {
      const name = commonName(wide, narrow)
      if (name !== null) return name
    }
  }
  return null
}

/** No request meets both. */
function areApart(one: Atoms, other: Atoms): boolean {
  const sets = (atoms: Atoms) => atoms.others.filter((atom): atom is SetAtom => atom.kind === 'set')
  const truths = (atoms: Atoms) => atoms.others.filter((atom) => atom.kind === 'written')
  return (
    sets(one).some((a) =>
      sets(other).some(
        (b) =>
          SINGLE.includes(a.key) && a.key === b.key && ![...a.values].some((value) => b.values.has(value)),
      ),
    ) ||
    truths(one).some((a) =>
      truths(other).some((b) => a.key === 'wildcard' && b.key === 'wildcard' && a.text !== b.text),
    )
  )
}

/** Of these a request has one alone. */
const SINGLE = [
  'operation',
  'mode',
  'ca',
  'identifier_type',
  'profile',
  'client.label',
  'client.proxy_user',
  'client.external_account',
]

/** A host that both patterns match, as short as can be; null where there is none. */
export function commonName(a: Pattern, b: Pattern): string | null {
  const least = (pattern: Pattern) => pattern.labels.length + (pattern.apex ? 0 : 1)
  const length = Math.max(least(a), least(b))
  const labels = Array.from({ length }, (_, place) => {
    const fixed = [a.labels[place], b.labels[place]].find((label) => label !== undefined && label !== '*')
    return fixed ?? 'host'
  })
  const name = labels.toReversed().join('.')
  const host = parsePattern(name)
  if ('fault' in host) return null
  return patternCovers(a, host) && patternCovers(b, host) ? name : null
}
