import type { BrokerStore } from '../../../broker/broker-store.ts'
import type { LocalCaStore } from '../../../broker/local-ca/local-ca-store.ts'
import { messageOf } from '../../../exchange/message-of.ts'
import { StoreRefusal } from '../../refusal.ts'
import { Thread } from '../../thread.ts'
import { threadHere } from '../../thread-here.ts'
import type { StoreFaults } from '../faults.ts'
import { createFolder } from '../folder.ts'
import { brokerFile } from './broker-file.ts'
import { type BrokerData, brokerSide } from './broker-side.ts'
import { SqliteBrokerStore } from './sqlite-broker-store.ts'

const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './broker-worker.ts' : './broker-worker.js',
  import.meta.url,
)

export interface BrokerStoreOptions {
  readonly folder: string
  /**
   * thread: one of its own, for a server, whose event loop no commit may hold up. here: in the thread that calls, for a
   * command. Left out: thread.
   */
  readonly where?: 'thread' | 'here'
  /** For tests only. */
  readonly faults?: StoreFaults
}

/**
 * What the broker and its local CAs keep in a data folder; an empty database is made where there is none. The caller holds
 * the folder's lock: one process at a time. Rejects with {@link StoreRefusal}.
 */
export async function openBrokerStore({
  folder,
  where = 'thread',
  faults,
}: BrokerStoreOptions): Promise<BrokerStore & LocalCaStore> {
  try {
    createFolder(folder)
    const data: BrokerData = { folder, faults: faults?.control ?? null }
    return new SqliteBrokerStore(
      where === 'here' ? threadHere(brokerSide(data)) : await Thread.start(SCRIPT, data),
    )
  } catch (error) {
    if (error instanceof StoreRefusal) throw error
    throw new StoreRefusal('io', `can't open ${brokerFile(folder)}: ${messageOf(error)}`, { cause: error })
  }
}
