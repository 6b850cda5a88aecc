import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { withBackend } from './backend.ts'
import { CliError } from './cli-error.ts'
import { type CommandContext, command, configOf } from './command-context.ts'
import { escapeText } from './escape.ts'
import { writeJson } from './terminal.ts'

export function backupCommand(context: CommandContext) {
  return command('backup', 'write a consistent copy of the record, also while the server runs', [
    ['backup /var/backups/acmetap-2026-01-31.db', 'to a file that does not exist yet'],
  ])
    .argument('<file>', 'the file to write')
    .option('--json', 'as JSON')
    .action(async (name: string, options: { json?: boolean }, self) => {
      const file = resolve(context.terminal.folder, name)
      const { config } = configOf(context, self)
      if (existsSync(file))
        throw new CliError(`${file} exists already`, 'Choose another name; a backup overwrites nothing.')
      const report = await withBackend(config, context.application, ({ operations }) =>
        operations.backup(file),
      )
      if (options.json === true) return writeJson(context.terminal, report)
      context.terminal.write(`${escapeText(report.file)}: ${report.bytes} bytes\n`)
    })
}
