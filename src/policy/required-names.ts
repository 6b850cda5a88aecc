import type { ConditionDocument } from './document.ts'
import { type Pattern, parsePattern } from './names/pattern.ts'
import type { PatternSets } from './pattern-sets.ts'

/** Which names a rule may match at all, so that it need not be asked of the others. */
export interface RequiredNames {
  /** A DNS name that touches none of them is none of the rule's; null: any may be. */
  readonly patterns: readonly Pattern[] | null
  /** Whether an address may be. */
  readonly addresses: boolean
}

/**
 * Of the members that must all hold the ones on names. What stands below `any` or `not` says nothing here: a rule is
 * left out only where it surely cannot match.
 */
export function requiredNames(document: ConditionDocument, sets: PatternSets): RequiredNames {
  const { all = [], names, registered_domain, public_suffix, ip, identifier_type } = document
  const found: RequiredNames[] = all.map((inner) => requiredNames(inner, sets))
  if (names !== undefined) found.push({ patterns: sets.patterns(names), addresses: false })
  for (const domains of [registered_domain, public_suffix]) {
    if (domains !== undefined) found.push({ patterns: within(sets.entries(domains)), addresses: false })
  }
  if (ip !== undefined) found.push({ patterns: [], addresses: true })
  if (identifier_type !== undefined) {
    found.push({
      patterns: identifier_type.includes('dns') ? null : [],
      addresses: identifier_type.includes('ip'),
    })
  }
  const sized = found.map(({ patterns }) => patterns).filter((patterns) => patterns !== null)
  return {
    patterns: sized.toSorted((a, b) => a.length - b.length)[0] ?? null,
    addresses: found.every(({ addresses }) => addresses),
  }
}

/** Names of a domain are the domain and what is below it. */
function within(domains: readonly string[]): readonly Pattern[] | null {
  if (domains.length > MOST_DOMAINS) return null
  const patterns = domains.map((domain) => parsePattern(`.${domain}`))
  return patterns.every((pattern) => !('fault' in pattern)) ? (patterns as Pattern[]) : null
}

/** Of more the condition itself is as quick. */
const MOST_DOMAINS = 1000
