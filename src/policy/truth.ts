/**
 * What a condition says of a request.
 *
 * `unknown`: it cannot be decided, because what it asks is not known (a webhook is down, an address was erased). What
 * that means for the rule, the rule says: it counts for the rule (`match`) or against it (`skip`), wherever it stands
 * among other conditions.
 * `elsewhere`: it is asked at another request of the same issuance (a key at `finalize`, a budget at `newOrder`). There
 * the rule is held to it; here a rule that denies is passed over, and one that allows is taken.
 * `none`: it is about what such requests never have (names and keys at `newAccount`), and so is its `not`. A rule that
 * rests on it is passed over, whatever its effect.
 */
export type Truth = 'true' | 'false' | 'unknown' | 'elsewhere' | 'none'

/** A value that is undefined is not known. */
export function known<T>(value: T | undefined, test: (value: T) => boolean): Truth {
  if (value === undefined) return 'unknown'
  return test(value) ? 'true' : 'false'
}
