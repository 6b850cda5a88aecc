import { type CommandContext, command } from '../command-context.ts'
import { listCommand } from './list.ts'
import { showCommand } from './show.ts'

export function exchangesCommand(context: CommandContext) {
  return command('exchanges', 'what was asked, decided and answered', [
    ['exchanges', 'the last fifty exchanges'],
    ['exchanges --outcome refused --since 2d', 'what was refused'],
    ['exchanges show 0198c0de-… --bodies', 'one of them in full'],
  ])
    .addCommand(listCommand(context), { isDefault: true })
    .addCommand(showCommand(context))
}
