import type { RecordOperations } from '../api/operations.ts'
import type { InventoryProgress, InventoryReader } from '../audit/inventory/inventory-reader.ts'
import type { Config } from '../config/schema.ts'
import { openAlertsOffline } from '../store/sqlite/alerts/open-alerts-offline.ts'
import { type OpenedInventory, openInventoryOffline } from '../store/sqlite/inventory/open-inventory.ts'
import { backupSqlite, openSqliteReader } from '../store/sqlite/open.ts'
import { readerWhenAsked } from './inventory-when-asked.ts'
import { recordOperations } from './operations.ts'
import { recordedPolicies } from './policy-operations.ts'

/** The record of a data folder, or of a backup's file, for commands when no server runs. Throws StoreRefusal. */
export async function openOffline(
  config: Pick<Config, 'data'> & Partial<Pick<Config, 'privacy'>>,
  onProgress?: (progress: InventoryProgress) => void,
): Promise<RecordOperations & { close(): Promise<void> }> {
  const { data } = config
  const reader = openSqliteReader(data)
  const inventory = whenAsked(() => openInventoryOffline(data, onProgress ? { onProgress } : {}))
  const alerts = openAlertsOffline(data)
  const backup = (file: string) => backupSqlite(data, file)
  return {
    ...recordOperations(
      reader,
      inventory.reader,
      alerts.reader,
      recordedPolicies(reader, () => config),
      backup,
    ),
    async close() {
      await alerts.close()
      await inventory.close()
      await reader.close()
    },
  }
}

/** Makes the inventory of a folder that no server serves from anew. Rejects with StoreRefusal. */
export async function rebuild(
  { data }: Pick<Config, 'data'>,
  onProgress: (progress: InventoryProgress) => void,
): Promise<void> {
  const opened = await openInventoryOffline(data, { onProgress })
  try {
    await opened.rebuild()
    onProgress(await opened.reader.progress())
  } finally {
    await opened.close()
  }
}

/** Many commands ask the record alone: the inventory is opened, and brought up to date, with the first question to it. */
function whenAsked(open: () => Promise<OpenedInventory>): {
  readonly reader: InventoryReader
  close(): Promise<void>
} {
  let opening: Promise<OpenedInventory> | null = null
  const opened = () => {
    opening ??= open()
    return opening
  }
  return {
    reader: readerWhenAsked(async () => (await opened()).reader),
    async close() {
      if (opening !== null) await (await opening.catch(() => null))?.close()
    },
  }
}
