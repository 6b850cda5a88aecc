import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { BackupReport } from '../api/operations.ts'
import { type Backend, withBackend } from './backend.ts'
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
      if (!existsSync(dirname(file))) {
        throw new CliError(
          `the folder ${dirname(file)} does not exist`,
          'Make it first, or choose another name.',
        )
      }
      const report = await withBackend(config, context.application, (backend) => backUp(backend, file))
      if (options.json === true) return writeJson(context.terminal, report)
      context.terminal.write(`${escapeText(report.file)}: ${report.bytes} bytes\n`)
    })
}

/** A running server writes the file itself, and may not see or be allowed what this process is. */
async function backUp({ kind, operations }: Backend, file: string): Promise<BackupReport> {
  try {
    return await operations.backup(file)
  } catch (error) {
    if (kind === 'offline' || !(error instanceof CliError)) throw error
    throw new CliError(
      error.message,
      'The running server writes the file: its user needs the right to write there. The unit in config/systemd lets it write in /var/lib/acmetap alone.',
    )
  }
}
