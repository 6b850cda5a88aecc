import { withBackend } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { type Column, renderTable } from '../render.ts'
import { writeJson } from '../terminal.ts'
import { parseSince, relativeTime } from '../time.ts'
import { type RefusedHost, refusedHosts } from './hosts.ts'

export function reportCommand(context: CommandContext) {
  return command('report', 'what the record says of the clients', [
    ['report hosts --since 7d', 'hosts beside the CAs that clients were refused, with the line to add'],
  ]).addCommand(hostsCommand(context))
}

function hostsCommand(context: CommandContext) {
  return command('hosts', 'hosts that clients asked for through the proxy and were refused', [
    ['report hosts', 'of the last 7 days'],
    ['report hosts --since 1h --json', 'for other programs'],
  ])
    .option('--since <time>', 'since 30m, 1h, 2d, or a time like 2026-01-31T12:00:00Z', '7d')
    .option('--json', 'as JSON')
    .action(async (options: { since: string; json?: boolean }, self) => {
      const { terminal } = context
      const since = parseSince(options.since, terminal.now())
      const { config } = configOf(context, self)
      const rows = await withBackend(config, context.application, ({ operations }) =>
        refusedHosts(operations, since),
      )
      if (options.json === true) return writeJson(terminal, rows)
      if (rows.length === 0) return terminal.warn('no host was refused')
      const columns: Column<RefusedHost>[] = [
        { title: 'CLIENT', text: ({ client }) => client, gives: true },
        { title: 'HOST', text: ({ host }) => host, gives: true },
        { title: 'TIMES', text: ({ times }) => String(times) },
        { title: 'LAST', text: ({ last }) => relativeTime(last, terminal.now()) },
        { title: 'ADD TO intercept.other_hosts', text: ({ line }) => line, gives: true },
      ]
      terminal.write(renderTable(terminal, columns, rows))
    })
}
