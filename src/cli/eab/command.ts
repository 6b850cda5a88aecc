import { type CommandContext, command } from '../command-context.ts'
import { createCommand } from './create.ts'
import { listCommand } from './list.ts'
import { revokeCommand } from './revoke.ts'

export function eabCommand(context: CommandContext) {
  return command(
    'eab',
    'EAB keys: what teams register with at the broker, and which names each is good for',
    [
      ["eab create --label team-a --names '.a.example'", 'make one; its MAC key is told once'],
      ['eab list', 'all of them'],
      ['eab revoke u2Vq8cJw1mYt5sKfLr0ZbA', 'end one, and what was registered with it'],
    ],
  )
    .addHelpText('after', '\nAll of it is explained in docs/broker.md.')
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context))
}
