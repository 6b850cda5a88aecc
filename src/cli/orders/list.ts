import { type InventoriedOrder, orderFilter } from '../../audit/inventory/order.ts'
import type { CommandContext } from '../command-context.ts'
import { clientText, namesText } from '../describe-inventory.ts'
import { listCommand } from '../lists/list-command.ts'
import type { Column } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { whenText } from '../time.ts'

export function listOrdersCommand(context: CommandContext) {
  return listCommand(context, {
    one: 'order',
    many: 'orders',
    description: 'list orders, newest first',
    examples: [
      ['orders', 'the last fifty'],
      ['orders www.example.com', 'for this name; .example.com takes all names below it too'],
      ['orders --status invalid --since 1d', 'that failed today'],
      ['orders --all --json', 'for other programs'],
    ],
    filter: orderFilter,
    named: true,
    page: ({ inventory }, filter) => inventory.orders(filter),
    columns: orderColumns,
    hint: 'Orders appear when a client asks for a certificate through acmetap. What passed at all: acmetap exchanges',
  })
}

export function orderColumns({ colors, now }: Terminal, utc: boolean): Column<InventoriedOrder>[] {
  const clock = { now: now(), utc }
  return [
    { title: 'MADE', text: ({ createdAt }) => whenText(createdAt, clock) },
    { title: 'NAMES', text: namesText, gives: true },
    {
      title: 'STATUS',
      text: ({ status }) => status ?? '-',
      gives: true,
      paint: (text, { status }) =>
        status === 'valid' ? colors.green(text) : status === 'invalid' ? colors.red(text) : text,
    },
    {
      title: 'WHY',
      text: ({ diagnosis }) => diagnosis?.class ?? '',
      gives: true,
      paint: (text) => colors.red(text),
    },
    { title: 'CA', text: ({ ca }) => ca, gives: true, from: 100 },
    { title: 'CLIENT', text: ({ client }) => clientText(client), gives: true, from: 120 },
    { title: 'ACCOUNT', text: ({ account }) => account?.url ?? '-', gives: true, from: 160 },
    { title: 'PROFILE', text: ({ profile }) => profile ?? '-', from: 160 },
    { title: 'ID', text: ({ id }) => id },
  ]
}
