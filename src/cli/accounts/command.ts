import { type CommandContext, command, withDefault } from '../command-context.ts'
import { importCommand } from './import.ts'
import { keysCommand } from './keys.ts'
import { listAccountsCommand } from './list.ts'
import { showAccountCommand } from './show.ts'

export function accountsCommand(context: CommandContext) {
  const group = command('accounts', 'accounts at CAs, and the keys that signatures are verified with', [
    ['accounts', 'the last fifty that were seen'],
    ['accounts show https://acme.example/acct/1', 'one, with its clients and orders'],
    ['accounts import /etc/letsencrypt', "learn keys from a client's own files"],
  ])
  return withDefault(
    group,
    listAccountsCommand(context),
    showAccountCommand(context),
    keysCommand(context),
    importCommand(context),
  )
}
