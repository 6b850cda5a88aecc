import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { connectServer } from './backend.ts'
import { CliError } from './cli-error.ts'
import { type CommandContext, command, configOf } from './command-context.ts'
import { escapeText } from './escape.ts'
import { giveToOwner } from './give-to-owner.ts'
import { writeJson } from './terminal.ts'

export function restoreCommand(context: CommandContext) {
  return command('restore', 'put a backup in the place of the record; the server must be stopped', [
    ['restore /var/backups/acmetap-2026-01-31.db', 'into a data folder without a record'],
    ['restore backup.db --force', 'in the place of the record that is there'],
  ])
    .argument('<file>', 'a file that acmetap backup wrote')
    .option('--force', 'move the record that is there aside')
    .option('--json', 'as JSON')
    .action(async (name: string, options: { force?: boolean; json?: boolean }, self) => {
      const file = resolve(context.terminal.folder, name)
      const { config } = configOf(context, self)
      if (!existsSync(file))
        throw new CliError(`${file} does not exist`, 'Name a file that acmetap backup wrote.')
      if ((await connectServer(config)) !== null) {
        throw new CliError(`a server is running on ${config.data}`, 'Stop it, then restore.')
      }
      const { restore } = await context.application()
      const report = await restore(config, file, options.force === true)
      giveToOwner(config.data)
      if (options.json === true) return writeJson(context.terminal, report)
      const { facts, head } = report.chain
      context.terminal.write(`${facts} facts restored into ${escapeText(config.data)}, the last ${head}\n`)
      if (report.movedAside !== null) {
        context.terminal.write(`the record that was there is now ${escapeText(report.movedAside)}\n`)
      }
    })
}
