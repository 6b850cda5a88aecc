import type { Client } from '../../audit/inventory/client.ts'
import type { Failure } from '../../audit/inventory/failure.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { InventoriedOrder } from '../../audit/inventory/order.ts'
import { type CommandContext, command } from '../command-context.ts'
import { clientText } from '../describe-inventory.ts'
import { failureColumns } from '../failures/list.ts'
import { findFirst } from '../lists/follow-pages.ts'
import { found } from '../lists/found.ts'
import { orderColumns } from '../orders/list.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { renderFields, renderSection } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'

/** Of the lists under a client. */
const SOME = 10

interface ShownClient {
  readonly client: Client
  readonly orders: readonly InventoriedOrder[]
  readonly failures: readonly Failure[]
}

export function showClientCommand(context: CommandContext) {
  const show = command('show', 'show one client, its last orders and failures', [
    ['clients show 0123456789abcdef', 'by its id in the list'],
    ['clients show 0123456789abcdef --json', 'for other programs'],
  ])
  return addPlace(show)
    .argument('<id>', 'which client')
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (id: string, options: PlaceOptions & { utc?: boolean; json?: boolean }, self) => {
      const shown = found(
        await withPlace(context, self, options, ({ operations }) => find(operations.inventory, id)),
        'client',
        id,
      )
      if (options.json === true) return writeJson(context.terminal, shown)
      context.terminal.write(renderClient(context.terminal, shown, options.utc === true))
    })
}

async function find(inventory: InventoryReader, id: string): Promise<ShownClient | null> {
  const client = await findFirst<Client>(
    (page) => inventory.clients(page),
    (one) => one.id === id,
  )
  if (client === null) return null
  const filter = { client: client.id, limit: SOME }
  const [orders, failures] = await Promise.all([inventory.orders(filter), inventory.failures(filter)])
  return { client, orders: orders.items, failures: failures.items }
}

function renderClient(terminal: Terminal, { client, orders, failures }: ShownClient, utc: boolean): string {
  const { colors } = terminal
  return [
    `${colors.bold(`client ${client.id}`)}\n`,
    renderFields(terminal, [
      ['who', clientText(client)],
      ['versions', client.versions.length === 0 ? null : client.versions.join(', ')],
      ['user agent', client.userAgent],
      ['account', client.account?.url ?? null],
      ['ca', client.account?.ca ?? null],
      ['mode', client.modes.join(', ')],
      ['orders', String(client.orders)],
      ['certificates', String(client.certificates)],
      ['failures', `${client.failures} in the last 7 days`],
      [
        'renewal info',
        client.asksRenewalInfo ? 'it asks the CA when to renew (RFC 9773)' : 'it has never asked',
      ],
      ['first seen', client.firstSeen],
      ['last seen', client.lastSeen],
    ]),
    renderSection(terminal, 'last failures', failureColumns(terminal, utc), failures),
    renderSection(terminal, 'last orders', orderColumns(terminal, utc), orders),
  ].join('')
}
