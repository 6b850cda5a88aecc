import type { StateRule } from '../rule.ts'
import { caAccount } from './ca-account.ts'
import { caDown } from './ca-down.ts'
import { caSlow } from './ca-slow.ts'
import { certificateExpiring } from './certificate-expiring.ts'
import { channelDown } from './channel-down.ts'
import { clientSilent } from './client-silent.ts'
import { clockSkew } from './clock-skew.ts'
import { endpointExpiring } from './endpoint-expiring.ts'
import { endpointOutdated } from './endpoint-outdated.ts'
import { endpointUnreachable } from './endpoint-unreachable.ts'
import { engineRenewal } from './engine-renewal.ts'
import { policyExpiring } from './policy-expiring.ts'
import { recordLagging } from './record-lagging.ts'
import { recordUnwritable } from './record-unwritable.ts'
import { renewalOverdue } from './renewal-overdue.ts'
import { rootExpiring } from './root-expiring.ts'
import { sinkDown } from './sink-down.ts'

/** Rules over how things stand, each asked on its own timer. */
export const STATE_RULES: readonly StateRule[] = [
  renewalOverdue,
  certificateExpiring,
  clientSilent,
  caDown,
  caSlow,
  recordUnwritable,
  recordLagging,
  rootExpiring,
  policyExpiring,
  engineRenewal,
  caAccount,
  clockSkew,
  sinkDown,
  channelDown,
  endpointExpiring,
  endpointOutdated,
  endpointUnreachable,
]
