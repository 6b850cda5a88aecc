/**
 * src/audit/readiness judges from what the traffic showed who would break when certificates live 64 and 45 days: pure
 * functions over histories that are read from the inventory, page by page. Start at assess.ts.
 */

/** The worst first. */
export const VERDICTS = ['breaks', 'at risk', 'not enough seen', 'ready'] as const
export type Verdict = (typeof VERDICTS)[number]

export function worst(verdicts: readonly Verdict[]): Verdict {
  return VERDICTS.find((one) => verdicts.includes(one)) ?? 'not enough seen'
}

export const CHECKS = ['schedule', 'renewalInfo', 'names', 'reuse', 'clientAuth'] as const
export type Check = (typeof CHECKS)[number]

export interface Finding {
  readonly check: Check
  /** Days that certificates live; null where it holds whatever they do. */
  readonly lifetime: number | null
  readonly verdict: Verdict
  readonly reason: string
  /** What it was seen by: dates, names, ids. At most five. */
  readonly evidence: readonly string[]
  /** What to do; null where there is nothing to do. */
  readonly remedy: string | null
}

export interface Judgement {
  readonly verdict: Verdict
  readonly reason: string
}
