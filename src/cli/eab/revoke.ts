import { UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { LOCAL } from '../local-actor.ts'
import { writeJson } from '../terminal.ts'
import { withEab } from './backend.ts'

export function revokeCommand(context: CommandContext) {
  return command(
    'revoke',
    'end an EAB key: no account is made with it, and those made with it order nothing',
    [['eab revoke u2Vq8cJw1mYt5sKfLr0ZbA', 'by its key id']],
  )
    .argument('<id>', 'key id, as eab list shows it; never the MAC key')
    .option('--json', 'as JSON')
    .action(async (id: string, options: { readonly json?: boolean }, self) => {
      const { terminal } = context
      if (!/^[A-Za-z0-9_-]{22}$/.test(id))
        throw new UsageError(
          '<id> must be the 22 characters of a key id, as eab list shows it; never a MAC key',
        )
      const key = await withEab(context, self, ({ operations }) => operations.revokeEabKey(id, LOCAL))
      if (options.json === true) return writeJson(terminal, key)
      terminal.write(`${escapeText(key.id)} (${escapeText(key.label)}) is revoked\n`)
      terminal.warn(
        key.used === 0
          ? 'no account was made with it'
          : `${key.used} account${key.used === 1 ? '' : 's'} made with it can order nothing any more; certificates they have stay valid`,
      )
    })
}
