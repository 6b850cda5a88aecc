/**
 * What a condition says of a request.
 *
 * `unknown`: it cannot be decided, because what it asks is not known (a webhook is down, an address was erased). What
 * that means for the rule, the rule says.
 * `elsewhere`: it is asked at another request of the same issuance (a key at `finalize`, a budget at `newOrder`). There
 * the rule is held to it; here a rule that denies is passed over, and one that allows is taken.
 */
export type Truth = 'true' | 'false' | 'unknown' | 'elsewhere'

/** `elsewhere` is stronger than `unknown`: what may be false later need not be known now. */
export function all(parts: readonly Truth[]): Truth {
  if (parts.includes('false')) return 'false'
  if (parts.includes('elsewhere')) return 'elsewhere'
  return parts.includes('unknown') ? 'unknown' : 'true'
}

export function any(parts: readonly Truth[]): Truth {
  if (parts.includes('true')) return 'true'
  if (parts.includes('elsewhere')) return 'elsewhere'
  return parts.includes('unknown') ? 'unknown' : 'false'
}

export function not(part: Truth): Truth {
  if (part === 'true') return 'false'
  return part === 'false' ? 'true' : part
}

/** A value that is undefined is not known. */
export function known<T>(value: T | undefined, test: (value: T) => boolean): Truth {
  if (value === undefined) return 'unknown'
  return test(value) ? 'true' : 'false'
}
