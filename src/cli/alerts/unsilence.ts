import { requireServer } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { LOCAL } from '../local-actor.ts'

export function unsilenceCommand(context: CommandContext) {
  return command('unsilence', 'end a silence before its time; what began under it and still fires is told', [
    ['alerts unsilence b0a1c2d3e4f50617', 'by its id in alerts silences'],
  ])
    .argument('<id>', 'which silence')
    .action(async (id: string, _options, self) => {
      const server = await requireServer(configOf(context, self).config, 'alerts unsilence')
      await server.endSilence(id, LOCAL)
      context.terminal.warn(`silence ${escapeText(id)} has ended`)
    })
}
