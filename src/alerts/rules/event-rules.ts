import type { EventRule } from '../rule.ts'
import { accountChurn } from './account-churn.ts'
import { accountPaused } from './account-paused.ts'
import { clientLooping } from './client-looping.ts'
import { issuanceFailed } from './issuance-failed.ts'
import { limitHit } from './limit-hit.ts'
import { newAccount } from './new-account.ts'
import { newCa } from './new-ca.ts'
import { newNames } from './new-names.ts'
import { policyWarned } from './policy-warned.ts'
import { refused } from './refused.ts'
import { validationFailed } from './validation-failed.ts'

/** Asked in this order about everything that happened. Of one failure at most one of them tells: see `told-by.ts`. */
export const EVENT_RULES: readonly EventRule[] = [
  validationFailed,
  issuanceFailed,
  limitHit,
  accountPaused,
  refused,
  policyWarned,
  newAccount,
  newCa,
  newNames,
  accountChurn,
  clientLooping,
]
