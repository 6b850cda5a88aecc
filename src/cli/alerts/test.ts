import { requireServer } from '../backend.ts'
import { CliError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { LOCAL } from '../local-actor.ts'
import { writeJson } from '../terminal.ts'

export function testChannelCommand(context: CommandContext) {
  return command('test', 'send a notification to a channel now, to see whether it arrives', [
    ['alerts test ops', 'a channel, as alerts.channels names it'],
  ])
    .argument('<channel>', 'which channel')
    .option('--json', 'as JSON')
    .action(async (name: string, options: { readonly json?: boolean }, self) => {
      const { terminal } = context
      const server = await requireServer(configOf(context, self).config, 'alerts test')
      const tested = await server.testChannel(name, LOCAL)
      if (options.json === true) {
        writeJson(terminal, tested)
        if (!tested.ok) context.exitWith(1)
        return
      }
      if (!tested.ok) {
        throw new CliError(
          `${name} did not take it: ${tested.detail}`,
          'See docs/runbooks/channel-down.md. What waits is sent when it works again.',
        )
      }
      terminal.write(`${escapeText(name)} took it: ${escapeText(tested.detail)}\n`)
    })
}
