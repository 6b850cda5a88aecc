import type { Operation } from '../../acme/operation.ts'
import { DECIDED_OPERATIONS } from '../decided-operations.ts'

/** Words that stand for several. */
export const OPERATION_GROUPS = {
  issuance: ['newOrder', 'newAuthz', 'authorization', 'challenge', 'order', 'finalize', 'certificate'],
  accounts: ['newAccount', 'account', 'keyChange'],
  revocation: ['revokeCert'],
} as const satisfies Readonly<Record<string, readonly Operation[]>>

type Group = keyof typeof OPERATION_GROUPS
type Word = (typeof DECIDED_OPERATIONS)[number] | Group

export const OPERATION_WORDS: readonly Word[] = [
  ...DECIDED_OPERATIONS,
  ...(Object.keys(OPERATION_GROUPS) as Group[]),
]

export function operationsOf(words: readonly Word[]): readonly Operation[] {
  const operations = words.flatMap((word): readonly Operation[] =>
    Object.hasOwn(OPERATION_GROUPS, word) ? OPERATION_GROUPS[word as Group] : [word as Operation],
  )
  return [...new Set(operations)]
}
