import type { RuleDocument } from '../../document.ts'

/** What is odd about a policy that can be used all the same. */
export interface Remark {
  readonly kind: RemarkKind
  /** In the policy file, both from 1. */
  readonly line: number
  readonly column: number
  /** Null: of the policy as a whole. */
  readonly rule: string | null
  /** One line: what is odd, and what to write instead. */
  readonly message: string
}

export type RemarkKind =
  | 'expired'
  | 'expires-soon'
  | 'never'
  | 'nothing-told'
  | 'catch-all'
  | 'overlap'
  | 'allows-nothing'
  | 'no-accounts'
  | 'at-finalize'
  | 'two-requests'
  | 'unused'
  | 'empty-list'
  | 'unknown-ca'
  | 'unknown-passes'
  | 'untold'
  | 'unfinished'

export function ofRule(kind: RemarkKind, { name, line, column }: RuleDocument, message: string): Remark {
  return { kind, line, column, rule: name, message }
}
