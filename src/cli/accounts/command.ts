import type { AccountKey } from '../../exchange/resource.ts'
import { withBackend } from '../backend.ts'
import { type CommandContext, command, configOf, withDefault } from '../command-context.ts'
import { type Column, renderTable } from '../render.ts'
import { writeJson } from '../terminal.ts'
import { importCommand } from './import.ts'

export function accountsCommand(context: CommandContext) {
  const group = command('accounts', 'account keys that signatures are verified with', [
    ['accounts list', 'every account whose key is known'],
    ['accounts import /etc/letsencrypt', "learn keys from a client's own files"],
  ])
  return withDefault(group, listCommand(context), importCommand(context))
}

function listCommand(context: CommandContext) {
  return command('list', 'list the accounts whose key is known', [
    ['accounts list', 'for people'],
    ['accounts list --json', 'for other programs'],
  ])
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, self) => {
      const { terminal } = context
      const { config } = configOf(context, self)
      const keys = await withBackend(config, context.application, ({ operations }) => operations.accounts())
      if (options.json === true) return writeJson(terminal, keys)
      if (keys.length === 0) return terminal.warn('no account key is known yet')
      terminal.write(renderTable(terminal, COLUMNS, keys))
    })
}

const COLUMNS: readonly Column<AccountKey>[] = [
  { title: 'CA', text: ({ ca }) => ca },
  { title: 'ACCOUNT', text: ({ account }) => account, gives: true },
  { title: 'KEY', text: ({ jwk }) => jwk.crv ?? jwk.kty },
  { title: 'THUMBPRINT', text: ({ thumbprint }) => thumbprint },
  { title: 'LEARNED FROM', text: ({ source }) => source },
]
