import { accountChange } from './account.ts'
import { authorizationChanges } from './authorization.ts'
import { certificateChange, renewalWindowChange, revocationChange } from './certificate.ts'
import { challengeChanges } from './challenge.ts'
import type { Change } from './change.ts'
import { orderChange } from './order.ts'
import { operationOf, type Seen } from './seen.ts'

/** Everything an exchange that has ended says of objects, in the order in which it is to be taken in. */
export function changesOf(seen: Seen): readonly Change[] {
  const account = accountChange(seen)
  const others = objectChanges(seen)
  return account === null ? others : [account, ...others]
}

function objectChanges(seen: Seen): readonly Change[] {
  switch (operationOf(seen)) {
    case 'newOrder':
    case 'order':
    case 'finalize':
      return some(orderChange(seen))
    case 'newAuthz':
    case 'authorization':
      return authorizationChanges(seen)
    case 'challenge':
      return challengeChanges(seen)
    case 'certificate':
      return some(certificateChange(seen))
    case 'revokeCert':
      return some(revocationChange(seen))
    case 'renewalInfo':
      return some(renewalWindowChange(seen))
    default:
      return []
  }
}

/** Whether {@link changesOf} reads the payload of the request, or the body of the answer, of such an exchange. */
export function bodiesNeeded(operation: string): { readonly payload: boolean; readonly answer: boolean } {
  return {
    payload: ['newAccount', 'account', 'keyChange', 'newOrder', 'finalize', 'revokeCert'].includes(operation),
    answer: [
      'newOrder',
      'order',
      'finalize',
      'newAuthz',
      'authorization',
      'challenge',
      'certificate',
      'renewalInfo',
    ].includes(operation),
  }
}

function some<T>(change: T | null): readonly T[] {
  return change === null ? [] : [change]
}
