import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { escapeText } from '../escape.ts'
import type { Terminal } from '../terminal.ts'

/** Says on standard error where the inventory does not know the whole record: then an answer may be missing something. */
export async function tellStanding(inventory: InventoryReader, terminal: Terminal): Promise<void> {
  const { projected, recorded, rebuilding, fault } = await inventory.progress()
  if (fault !== null) {
    terminal.warn(`the inventory stands still at fact ${projected} of ${recorded}: ${escapeText(fault)}`)
    terminal.warn('Make it anew with: acmetap rebuild')
  } else if (rebuilding) {
    terminal.warn(
      `the inventory is being made anew: fact ${projected} of ${recorded}. What is missing comes.`,
    )
  }
}
