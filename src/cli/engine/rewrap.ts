import { resolve } from 'node:path'
import type { Command } from 'commander'
import { connectServer } from '../backend.ts'
import { CliError } from '../cli-error.ts'
import { type CommandContext, command, configOf, type GlobalOptions } from '../command-context.ts'
import { openConfig } from '../config-file.ts'
import { escapeText } from '../escape.ts'
import { giveToOwner } from '../give-to-owner.ts'
import { writeJson } from '../terminal.ts'

interface RewrapOptions {
  readonly oldSecretFile: string
  readonly json?: boolean
}

export function rewrapCommand(context: CommandContext) {
  return command(
    'rewrap',
    'seal all keys of engine, broker and local CAs under another secret; the server must be stopped',
    [['engine rewrap --old-secret-file old.key', 'from the secret in old.key to that of the configuration']],
  )
    .addHelpText(
      'after',
      `
The new secret is what the configuration says: engine.secret, engine.secret_file, or else engine.key in the data folder,
which is made where it is missing. So, to change the last:
  mv DATA/engine.key old.key && acmetap engine rewrap --old-secret-file old.key
All keys are sealed anew or none; it can be repeated. Keep the old secret as long as you keep backups of that time.`,
    )
    .requiredOption('--old-secret-file <file>', 'file whose first line is the secret of before')
    .option('--json', 'as JSON')
    .action(async (options: RewrapOptions, self: Command) => {
      const { terminal } = context
      const { config: looked } = configOf(context, self)
      if ((await connectServer(looked)) !== null)
        throw new CliError(`a server is running on ${looked.data}`, 'Stop it, then rewrap.')
      const { config } = openConfig(terminal, self.optsWithGlobals<GlobalOptions>().config, true)
      const { rewrap } = await context.application()
      const report = await rewrap(config, resolve(terminal.folder, options.oldSecretFile))
      giveToOwner(config.data)
      if (options.json === true) return writeJson(terminal, report)
      const { sealed, under } = report
      const what = sealed === 1 ? '1 key was sealed anew' : `${sealed} keys were sealed anew`
      terminal.write(
        sealed === 0
          ? `nothing to do: all keys are sealed under ${escapeText(under)} already\n`
          : `${what}, under ${escapeText(under)}\n`,
      )
    })
}
