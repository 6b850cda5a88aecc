import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { type InventoriedOrder, type OrderDetail, orderFilter } from '../../audit/inventory/order.ts'
import { type CommandContext, command } from '../command-context.ts'
import { readFilters } from '../lists/filter-options.ts'
import { findFirst } from '../lists/follow-pages.ts'
import { found } from '../lists/found.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { writeJson } from '../terminal.ts'
import { renderOrder } from './render-order.ts'

export function showOrderCommand(context: CommandContext) {
  const show = command('show', 'show one order step by step: who asked, what was answered, why it failed', [
    ['orders show www.example.com', 'the newest for this name'],
    ['orders show 0123456789abcdef', 'by its id in the list'],
    ['orders show https://acme.example/order/1 --json', 'by its URL, for other programs'],
  ])
  return addPlace(show)
    .argument('<id|url|name>', 'which order; of a name the newest')
    .option('--json', 'as JSON')
    .action(async (words: string, options: PlaceOptions & { json?: boolean }, self) => {
      const { terminal } = context
      const newest = await withPlace(context, self, options, ({ operations }) =>
        findOrder(operations.inventory, words, terminal.now()),
      )
      const order = found(newest, 'order', words)
      if (options.json === true) return writeJson(terminal, order)
      terminal.write(renderOrder(terminal, order))
    })
}

async function findOrder(
  inventory: InventoryReader,
  words: string,
  now: number,
): Promise<OrderDetail | null> {
  if (/^[0-9a-f]{16}$/.test(words) || /^https?:\/\//i.test(words)) return inventory.order(words)
  const filter = readFilters(orderFilter, { name: words }, now)
  const newest = await findFirst<InventoriedOrder>(
    (page) => inventory.orders({ ...filter, ...page, limit: 1 }),
    () => true,
  )
  return newest === null ? null : inventory.order(newest.id)
}
