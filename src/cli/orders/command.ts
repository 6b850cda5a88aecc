import { type CommandContext, command } from '../command-context.ts'
import { withNamedDefault } from '../lists/named-group.ts'
import { listOrdersCommand } from './list.ts'
import { showOrderCommand } from './show.ts'

export function ordersCommand(context: CommandContext) {
  const group = command('orders', 'what was ordered, and what became of it', [
    ['orders', 'the last fifty'],
    ['orders www.example.com', 'for this name'],
    ['orders show www.example.com', 'the newest for this name, step by step'],
  ])
  return withNamedDefault(group, listOrdersCommand(context), showOrderCommand(context))
}
