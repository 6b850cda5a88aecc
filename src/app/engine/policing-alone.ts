import type { EventRecorder } from '../../audit/keeping.ts'
import type { RecordReader } from '../../audit/record-store.ts'
import { messageOf } from '../../exchange/message-of.ts'
import { createLog } from '../../observability/log.ts'
import { createMetrics } from '../../observability/metrics.ts'
import type { ServedInventory } from '../../store/sqlite/inventory/open-inventory.ts'
import type { Closing } from '../closing.ts'
import { observeWith } from '../observe.ts'
import { type OpenPolicing, openPolicing } from '../open-policing.ts'
import type { InForce } from '../reload.ts'

interface Parts {
  readonly reader: RecordReader
  readonly inventory: ServedInventory
  readonly events: EventRecorder
  readonly inForce: InForce
  readonly bindsAccounts: (ca: string) => boolean
  readonly warn: (line: string) => void
}

/** The policy of the configuration, in force for a command without a server; it logs and measures nothing. */
export async function policingAlone(
  parts: Parts,
  closing: Closing,
): Promise<Pick<OpenPolicing, 'policing' | 'operations'>> {
  const { reader, inventory, events, inForce, warn } = parts
  const metrics = createMetrics(() => ({
    inFlight: 0,
    tunnels: 0,
    writable: true,
    spillBytes: 0,
    waiting: 0,
    lastCommit: 0,
  }))
  closing.add(() => metrics.close())
  const observe = observeWith(createLog('silent', inForce.config.instance, 'json'), metrics)
  return openPolicing(
    {
      reader,
      inventory,
      events,
      inForce: () => inForce,
      isRead: () => true,
      bindsAccounts: async ({ ca }) => parts.bindsAccounts(ca),
      observe: { ...observe, bug: (error) => warn(messageOf(error)) },
    },
    closing,
  )
}
