import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FactDraft } from '../../../src/audit/record.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openForReading } from '../../../src/store/sqlite/connection.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import { inventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { InventoryKeeper } from '../../../src/store/sqlite/inventory/inventory-keeper.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { dumpInventory } from '../../support/inventory-dump.ts'
import { entriesOf } from '../../support/story-scripts.ts'

/** A data folder with a record. */
export async function makeFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-inventory-'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

export async function record(folder: string, facts: Iterable<FactDraft>, batch = 200): Promise<void> {
  const opened = await openSqliteStore({ folder, now: 1, boot: newExchangeId(), software: 'test' })
  try {
    for (const entry of entriesOf(facts, batch)) await opened.store.append(entry)
  } finally {
    await opened.close()
  }
}

export function keeperOf(folder: string, file = inventoryFile(folder)): InventoryKeeper {
  return new InventoryKeeper(file, openForReading(databaseFile(folder)))
}

/** Takes everything in. Throws where something stands in the way. */
export function takeIn(keeper: InventoryKeeper): void {
  while (keeper.step()) {
    // until nothing is left
  }
  const { fault, projected, recorded } = keeper.progress()
  if (fault !== null || projected !== recorded) throw new Error(`${fault} (${projected} of ${recorded})`)
}

/** The inventory of the folder's record, taken in at once into a file of its own. */
export function inventoried(folder: string, file = join(folder, 'fresh.sqlite')): Record<string, string[]> {
  const keeper = keeperOf(folder, file)
  takeIn(keeper)
  keeper.close()
  return dumpInventory(file)
}
