import { type CommandContext, command, withDefault } from '../command-context.ts'
import { listCommand } from './list.ts'
import { showCommand } from './show.ts'

export function exchangesCommand(context: CommandContext) {
  const group = command('exchanges', 'what was asked, decided and answered', [
    ['exchanges', 'the last fifty exchanges'],
    ['exchanges --outcome refused --since 2d', 'what was refused'],
    ['exchanges show 0198c0de-… --bodies', 'one of them in full'],
  ])
  return withDefault(group, listCommand(context), showCommand(context))
}
