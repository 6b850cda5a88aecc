import type { AccountKey } from '../../exchange/resource.ts'
import { type CommandContext, command } from '../command-context.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { type Column, renderTable } from '../render.ts'
import { writeJson } from '../terminal.ts'

export function keysCommand(context: CommandContext) {
  const keys = command('keys', 'list the account keys that signatures are verified with', [
    ['accounts keys', 'for people'],
    ['accounts keys --json', 'for other programs'],
  ])
  return addPlace(keys)
    .option('--json', 'as JSON')
    .action(async (options: PlaceOptions & { json?: boolean }, self) => {
      const { terminal } = context
      const known = await withPlace(context, self, options, ({ operations }) => operations.accounts())
      if (options.json === true) return writeJson(terminal, known)
      if (known.length === 0) {
        return terminal.warn(
          "no account key is known yet. Learn them from clients' files with: acmetap accounts import",
        )
      }
      terminal.write(renderTable(terminal, COLUMNS, known))
    })
}

const COLUMNS: readonly Column<AccountKey>[] = [
  { title: 'CA', text: ({ ca }) => ca },
  { title: 'ACCOUNT', text: ({ account }) => account, gives: true },
  { title: 'KEY', text: ({ jwk }) => jwk.crv ?? jwk.kty },
  { title: 'THUMBPRINT', text: ({ thumbprint }) => thumbprint },
  { title: 'LEARNED FROM', text: ({ source }) => source },
]
