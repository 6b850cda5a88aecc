import type { ShownEabKey } from '../../api/broker-operations.ts'
import { type CommandContext, command } from '../command-context.ts'
import { type Column, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'
import { withEab } from './backend.ts'
import { namesText } from './names-text.ts'

export function listCommand(context: CommandContext) {
  return command('list', 'EAB keys, and what each is good for; their MAC keys are shown nowhere', [
    ['eab list', 'all of them, newest first'],
    ['eab list --json', 'for other programs'],
  ])
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (options: { utc?: boolean; json?: boolean }, self) => {
      const { terminal } = context
      const keys = await withEab(context, self, ({ operations }) => operations.eabKeys())
      if (options.json === true) return writeJson(terminal, keys)
      if (keys.length === 0)
        return terminal.warn(
          "there is no EAB key. Make one with: acmetap eab create --label team-a --names '.a.example'",
        )
      terminal.write(renderTable(terminal, columns(terminal, options.utc === true), keys))
    })
}

function columns({ now }: Terminal, utc: boolean): Column<ShownEabKey>[] {
  const when = (instant: string | null) => whenText(instant, { now: now(), utc })
  return [
    { title: 'ID', text: ({ id }) => id },
    { title: 'LABEL', text: ({ label }) => label },
    { title: 'NAMES', text: namesText, gives: true },
    { title: 'ENDPOINTS', text: ({ endpoints }) => endpoints.join(' ') || 'all', gives: true, from: 110 },
    { title: 'CAS', text: ({ cas }) => cas.join(' ') || 'all', gives: true, from: 130 },
    {
      title: 'ACCOUNTS',
      text: ({ used, uses }) => (uses === null ? String(used) : `${used} of ${uses}`),
    },
    { title: 'ENDS', text: ({ expiresAt }) => (expiresAt === null ? 'never' : when(expiresAt)) },
    { title: 'STATE', text: ({ state }) => state },
  ]
}
