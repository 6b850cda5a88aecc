import { withBackend } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { type Column, renderTable } from '../render.ts'
import { writeJson } from '../terminal.ts'
import { parseSince, relativeTime, utcTime } from '../time.ts'
import { type RefusedHost, refusedHosts } from './hosts.ts'
import { readinessCommand } from './readiness.ts'
import { registerCommand } from './register/command.ts'

export function reportCommand(context: CommandContext) {
  return command('report', 'what the record says, for an auditor and of the clients', [
    ['report register --format html -o register.html', 'the certificate register and the last 90 days'],
    ['report readiness', 'who breaks when certificates live 64 and 45 days'],
    [
      'report hosts',
      'hosts that clients were refused in the last 7 days, with the line that lets each through',
    ],
  ])
    .addCommand(registerCommand(context))
    .addCommand(readinessCommand(context))
    .addCommand(hostsCommand(context))
}

function hostsCommand(context: CommandContext) {
  return command(
    'hosts',
    'hosts that clients asked for through the proxy and were refused, with the line that lets each through',
    [
      ['report hosts', 'of the last 7 days'],
      ['report hosts --since 1h --json', 'for other programs'],
    ],
  )
    .addHelpText(
      'after',
      '\nThe lines go into the configuration file; acmetap reads it again on SIGHUP. With intercept.other_hosts: refuse\nwrite a list in the place of the word. "allowed now" means that the file lets it through already.',
    )
    .option('--since <time>', 'how far to look back: 30m, 1h, 2d, or a time like 2026-01-31T12:00:00Z', '7d')
    .option('--json', 'as JSON')
    .action(async (options: { since: string; json?: boolean }, self) => {
      const { terminal } = context
      const since = parseSince(options.since, terminal.now())
      const { config } = configOf(context, self)
      const rows = await withBackend(config, context.application, ({ operations }) =>
        refusedHosts(operations, since, config),
      )
      if (options.json === true) return writeJson(terminal, rows)
      if (rows.length === 0) return terminal.warn(`no host was refused since ${utcTime(since)}`)
      const columns: Column<RefusedHost>[] = [
        { title: 'CLIENT', text: ({ client }) => client, gives: true },
        { title: 'HOST', text: ({ host }) => host, gives: true },
        { title: 'TIMES', text: ({ times }) => String(times) },
        { title: 'LAST', text: ({ last }) => relativeTime(last, terminal.now()) },
        { title: 'ADD', text: ({ add }) => add?.line ?? '', gives: true },
        { title: 'TO', text: ({ allowed, add }) => add?.to ?? (allowed ? 'allowed now' : 'not a name') },
      ]
      terminal.write(renderTable(terminal, columns, rows))
    })
}
