import type { ShownLocalCertificate } from '../../api/local-ca-operations.ts'
import { requireServer } from '../backend.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { type Column, renderTable } from '../render.ts'
import { writeJson } from '../terminal.ts'

interface ListOptions {
  readonly revoked?: boolean
  readonly limit: string
  readonly json?: boolean
}

const COLUMNS: readonly Column<ShownLocalCertificate>[] = [
  { title: 'CA', text: ({ ca }) => ca },
  { title: 'SERIAL', text: ({ serial }) => serial },
  { title: 'NAMES', text: ({ identifiers }) => identifiers.map(({ value }) => value).join(' '), gives: true },
  { title: 'NOT AFTER', text: ({ notAfter }) => notAfter },
  {
    title: 'REVOKED',
    text: ({ revokedAt, reason }) => (revokedAt === null ? '' : `${revokedAt} ${reason}`),
  },
]

export function listCommand(context: CommandContext) {
  return command('list', 'certificates that local CAs signed, newest first', [
    ['local-ca list', 'of all local CAs'],
    ['local-ca list internal --revoked', 'of one of them, those that were revoked'],
  ])
    .argument('[name]', 'a name under local_cas')
    .option('--revoked', 'only those that were revoked')
    .option('--limit <number>', 'at most as many', '100')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: ListOptions, self) => {
      const { terminal } = context
      const limit = Number(options.limit)
      if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
        throw new UsageError('--limit: write a number from 1 to 1000')
      const { config } = configOf(context, self)
      const { localCa } = await requireServer(config, 'local-ca list')
      const certificates = await localCa.certificates({
        limit,
        ...(name === undefined ? {} : { ca: name }),
        ...(options.revoked === true ? { revoked: true } : {}),
      })
      if (options.json === true) return writeJson(terminal, { certificates })
      terminal.write(certificates.length === 0 ? 'none\n' : renderTable(terminal, COLUMNS, certificates))
    })
}
