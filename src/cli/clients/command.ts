import { type CommandContext, command, withDefault } from '../command-context.ts'
import { listClientsCommand } from './list.ts'
import { showClientCommand } from './show.ts'

export function clientsCommand(context: CommandContext) {
  const group = command('clients', 'who asks for certificates', [
    ['clients', 'the last fifty that appeared'],
    ['clients --expected hosts.csv', 'who of these hosts was seen, is silent, was never seen'],
    ['clients show 0123456789abcdef', 'one, with its last orders and failures'],
  ])
  return withDefault(group, listClientsCommand(context), showClientCommand(context))
}
