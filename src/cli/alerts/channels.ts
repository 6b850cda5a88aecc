import { requireServer } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { renderTable } from '../render.ts'
import { writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'

export function channelsCommand(context: CommandContext) {
  return command('channels', 'where people are told, and whether it works', [
    ['alerts channels', 'all of them'],
    ['alerts channels --json', 'for other programs'],
  ])
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (options: { readonly json?: boolean; readonly utc?: boolean }, self) => {
      const { terminal } = context
      const server = await requireServer(configOf(context, self).config, 'alerts channels')
      const channels = await server.channels()
      if (options.json === true) return writeJson(terminal, channels)
      if (channels.length === 0) {
        return terminal.warn('there is no channel: alerts are only listed. Write one under alerts.channels')
      }
      const clock = { now: terminal.now(), utc: options.utc === true }
      const { red } = terminal.colors
      const table = renderTable(
        terminal,
        [
          { title: 'NAME', text: ({ name }) => name },
          { title: 'KIND', text: ({ kind }) => kind },
          { title: 'WAITING', text: ({ waiting }) => String(waiting) },
          {
            title: 'STATE',
            text: ({ failingSince }) =>
              failingSince === null ? 'ok' : `failing ${whenText(failingSince, clock)}`,
            paint: (text, { failingSince }) => (failingSince === null ? text : red(text)),
          },
          { title: 'ERROR', text: ({ lastError }) => lastError ?? '', gives: true },
        ],
        channels,
      )
      terminal.write(table)
    })
}
