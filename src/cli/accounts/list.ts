import { accountFilter, type InventoriedAccount } from '../../audit/inventory/account.ts'
import type { CommandContext } from '../command-context.ts'
import { listCommand } from '../lists/list-command.ts'
import type { Column } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { whenText } from '../time.ts'

export function listAccountsCommand(context: CommandContext) {
  return listCommand(context, {
    one: 'account',
    many: 'accounts',
    description: 'list the accounts that were seen, newest first',
    examples: [
      ['accounts', 'the last fifty'],
      ['accounts --ca letsencrypt --status deactivated', 'of one CA, not in use any more'],
      ['accounts --all --json', 'for other programs'],
    ],
    filter: accountFilter,
    page: ({ inventory }, filter) => inventory.accounts(filter),
    columns,
    hint: 'Accounts appear here with the first signed request of a client; keys that were imported: acmetap accounts keys',
  })
}

function columns({ colors, now }: Terminal, utc: boolean): Column<InventoriedAccount>[] {
  const clock = { now: now(), utc }
  return [
    { title: 'SEEN', text: ({ lastSeen }) => whenText(lastSeen, clock) },
    { title: 'CA', text: ({ ca }) => ca, gives: true },
    { title: 'ACCOUNT', text: ({ url }) => url, gives: true },
    {
      title: 'STATUS',
      text: ({ status }) => status ?? '-',
      gives: true,
      paint: (text, { status }) => (status === 'valid' || status === null ? text : colors.red(text)),
    },
    { title: 'CONTACTS', text: contactsText, gives: true, from: 120 },
    { title: 'KEY', text: ({ keyType }) => keyType ?? '-', from: 120 },
    { title: 'ORDERS', text: ({ orders }) => String(orders), from: 100 },
    { title: 'CERTS', text: ({ certificates }) => String(certificates) },
    { title: 'FIRST SEEN', text: ({ firstSeen }) => whenText(firstSeen, clock), from: 160 },
    { title: 'ID', text: ({ id }) => id },
  ]
}

export function contactsText({ contacts }: Pick<InventoriedAccount, 'contacts'>): string {
  if (contacts.length === 0) return '-'
  return contacts.map((one) => one?.replace(/^mailto:/, '') ?? '(erased)').join(', ')
}
