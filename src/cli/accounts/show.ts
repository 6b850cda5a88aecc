import type { InventoriedAccount } from '../../audit/inventory/account.ts'
import type { Client } from '../../audit/inventory/client.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { InventoriedOrder } from '../../audit/inventory/order.ts'
import { FilterRefused } from '../../audit/inventory/values.ts'
import { clientColumns } from '../clients/list.ts'
import { type CommandContext, command } from '../command-context.ts'
import { found } from '../lists/found.ts'
import { orderColumns } from '../orders/list.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { renderFields, renderSection } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { contactsText } from './list.ts'

/** Of the lists under an account. */
const SOME = 10

interface ShownAccount {
  readonly account: InventoriedAccount
  readonly clients: readonly Client[]
  readonly orders: readonly InventoriedOrder[]
}

export function showAccountCommand(context: CommandContext) {
  const show = command('show', 'show one account, its clients and its last orders', [
    ['accounts show 0123456789abcdef', 'by its id in the list'],
    ['accounts show https://acme.example/acct/1', 'by its URL, or by the thumbprint of its key'],
  ])
  return addPlace(show)
    .argument('<id|url|thumbprint>', 'which account')
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (id: string, options: PlaceOptions & { utc?: boolean; json?: boolean }, self) => {
      const shown = found(
        await withPlace(context, self, options, ({ operations }) => find(operations.inventory, id)),
        'account',
        id,
      )
      if (options.json === true) return writeJson(context.terminal, shown)
      context.terminal.write(renderAccount(context.terminal, shown, options.utc === true))
    })
}

async function find(inventory: InventoryReader, id: string): Promise<ShownAccount | null> {
  const { items } = await inventory.accounts({ account: id, limit: 1 }).catch(noneOfThem)
  const [account] = items
  if (account === undefined) return null
  const filter = { account: account.id, limit: SOME }
  const [clients, orders] = await Promise.all([inventory.clients(filter), inventory.orders(filter)])
  return { account, clients: clients.items, orders: orders.items }
}

function renderAccount(terminal: Terminal, { account, clients, orders }: ShownAccount, utc: boolean): string {
  const { colors } = terminal
  return [
    `${colors.bold(`account ${account.id}`)}  ${account.status ?? ''}`.trimEnd().concat('\n'),
    renderFields(terminal, [
      ['url', account.url],
      ['ca', account.ca],
      ['contacts', account.contacts.length === 0 ? null : contactsText(account)],
      ['key', account.keyType],
      ['thumbprint', account.thumbprint],
      ['requester', account.requester],
      ['external account', account.externalAccount],
      ...account.keyChanges.map((at) => ['key changed', at] as const),
      ['orders', String(account.orders)],
      ['certificates', String(account.certificates)],
      ['first seen', account.firstSeen],
      ['last seen', account.lastSeen],
    ]),
    renderSection(terminal, 'clients', clientColumns(terminal, utc), clients),
    renderSection(terminal, 'last orders', orderColumns(terminal, utc), orders),
  ].join('')
}

function noneOfThem(error: unknown): { readonly items: readonly InventoriedAccount[] } {
  if (error instanceof FilterRefused) return { items: [] }
  throw error
}
