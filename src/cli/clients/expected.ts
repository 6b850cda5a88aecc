import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { type PlaceOptions, withPlace } from '../places.ts'
import { type Column, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { parseSince, relativeTime, utcTime } from '../time.ts'
import { type Attendance, type Attendant, attendance } from './expected-attendance.ts'
import { readExpected } from './expected-hosts.ts'
import { resolveAddresses } from './expected-resolve.ts'

interface ExpectedOptions extends PlaceOptions {
  readonly expected?: string
  readonly column?: string
  readonly silent?: string
  readonly resolve?: boolean
  readonly json?: boolean
  readonly utc?: boolean
}

/** Options of `clients` that compare it with a list of hosts. What does it is {@link showExpected}. */
export function addExpected(command: Command): Command {
  return command
    .option('--expected <file>', 'compare with this list of hosts: CSV with a header row, or one a line')
    .option('--column <name>', 'of that file: the column with the host')
    .option('--silent <time>', 'with --expected: who was last seen longer ago is silent (default: 35d)')
    .option('--resolve', 'with --expected: also look up the addresses of the hosts')
    .addHelpText(
      'after',
      '\nWith --expected a host is known by its label (proxy user), its source address, or the addresses in a column\n`address`. Exit code 1 where one is silent or was never seen. A client that does not ask for renewal information\ncomes only to renew, every 60 days or so: --silent 70d.',
    )
}

/** Does what --expected asks for. Resolves to false where it was not given, and nothing was done. */
export async function showExpected(context: CommandContext, self: Command): Promise<boolean> {
  const options = self.optsWithGlobals<ExpectedOptions>()
  if (options.expected === undefined) return false
  const { terminal } = context
  const now = terminal.now()
  const silentBefore = parseSince(options.silent ?? '35d', now, '--silent')
  const listed = await readExpected(resolve(terminal.folder, options.expected), options.column)
  const { expected, problems } =
    options.resolve === true ? await resolveAddresses(listed) : { expected: listed, problems: [] }
  for (const problem of problems) terminal.warn(problem)
  const found = await withPlace(context, self, options, ({ operations }) =>
    attendance(operations.inventory, expected, { now, silentBefore }),
  )
  if (found.counts.silent + found.counts['never seen'] > 0) context.exitWith(1)
  if (options.json === true) {
    writeJson(terminal, found)
    return true
  }
  terminal.write(renderTable(terminal, columns(terminal, options.utc === true), found.hosts))
  terminal.write(`\n${summary(found)}\n`)
  return true
}

function columns({ now, colors }: Terminal, utc: boolean): readonly Column<Attendant>[] {
  const when = (at: string | null) => {
    if (at === null) return '-'
    const micros = Date.parse(at) * 1000
    return utc ? utcTime(micros).replace(/\.\d+Z$/, 'Z') : relativeTime(micros, now())
  }
  return [
    { title: 'HOST', text: ({ host }) => host, gives: true },
    {
      title: 'STATE',
      text: ({ state }) => state,
      paint: (text, { state }) => (state === 'silent' || state === 'never seen' ? colors.red(text) : text),
    },
    { title: 'LAST SEEN', text: ({ lastSeen }) => when(lastSeen) },
    { title: 'PROGRAM', text: ({ programs }) => programs.join(', ') || '-', gives: true },
    { title: 'KNOWN BY', text: ({ knownBy }) => knownBy ?? '-', gives: true },
    {
      title: 'NEXT EXPIRY',
      text: ({ nextExpiry }) => when(nextExpiry),
      paint: (text, { nextExpiry }) =>
        nextExpiry !== null && Date.parse(nextExpiry) * 1000 < now() ? colors.red(text) : text,
    },
    { title: 'NOTE', text: ({ note }) => note ?? '', gives: true },
  ]
}

function summary({ counts }: Attendance): string {
  const order = ['seen', 'silent', 'never seen', 'unmanaged', 'not expected'] as const
  return order.map((state) => `${counts[state]} ${state}`).join(', ')
}
