import type { PolicyOperations } from '../api/policy-operations.ts'
import { ACMETAP, type Actor } from '../audit/event.ts'
import type { InventoryLookups } from '../audit/inventory/inventory-lookups.ts'
import type { InventoryReader } from '../audit/inventory/inventory-reader.ts'
import type { EventRecorder } from '../audit/keeping.ts'
import { shown } from '../audit/privacy.ts'
import type { RecordReader } from '../audit/record-store.ts'
import type { Closing } from './closing.ts'
import type { observeWith } from './observe.ts'
import { Policing, type PolicingParts } from './policing.ts'
import type { LoadedPolicy } from './policy-file.ts'
import { policyLookups } from './policy-lookups.ts'
import { policyOperations } from './policy-operations.ts'
import { PolicyRecord } from './policy-record.ts'
import { openWebhooks } from './policy-webhooks.ts'
import type { InForce } from './reload.ts'

interface Parts {
  readonly reader: RecordReader
  readonly inventory: { readonly reader: InventoryReader; readonly lookups: InventoryLookups }
  readonly events: EventRecorder
  readonly inForce: () => InForce
  /** Whether a directory of this CA was read since the start. */
  readonly isRead: (ca: string) => boolean
  readonly bindsAccounts: PolicingParts['bindsAccounts']
  readonly observe: ReturnType<typeof observeWith>
  readonly onFacts?: PolicingParts['onFacts']
}

/** The policy in force, with all it decides by. */
export interface OpenPolicing {
  readonly policing: Policing
  readonly operations: PolicyOperations
  /**
   * Puts a policy, or none, into the record: before {@link OpenPolicing.use}. Rejects with ConfigError, and then nothing
   * has changed.
   */
  record(next: LoadedPolicy | null, actor: Actor): Promise<void>
  /** From the next request on. */
  use(next: LoadedPolicy | null): void
}

/** Puts the policy of a start into force. Rejects with ConfigError where it can't be recorded. */
export async function openPolicing(parts: Parts, closing: Closing): Promise<OpenPolicing> {
  const { reader, inventory, inForce, observe } = parts
  const webhooks = openWebhooks(() => inForce().wayOut, observe.webhook)
  closing.add(() => webhooks.close())
  const policing = new Policing({
    lookups: policyLookups({
      lookups: inventory.lookups,
      progress: () => inventory.reader.progress(),
      record: reader,
      privacy: () => inForce().context.privacy,
    }),
    webhooks,
    keptAs: (field, text) => shown(inForce().context.privacy, field, text),
    isRead: parts.isRead,
    bindsAccounts: parts.bindsAccounts,
    onFacts: parts.onFacts,
    decidedIn: observe.decidedIn,
    onBug: observe.bug,
    onHistoryBehind: observe.historyBehind,
  })
  closing.add(async () => policing.close())
  const recorded = new PolicyRecord(parts.events)
  const opened: OpenPolicing = {
    policing,
    operations: policyOperations({
      reader,
      config: () => inForce().config,
      loaded: () => inForce().policy,
      since: () => recorded.since,
      history: policing.history,
    }),
    async record(next, actor) {
      if (await recorded.note(next, actor)) observe.policy(next?.policy ?? null)
    },
    use: (next) => policing.use(next?.policy ?? null),
  }
  const { policy } = inForce()
  await opened.record(policy, ACMETAP)
  opened.use(policy)
  return opened
}
