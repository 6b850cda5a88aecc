import type { Silence } from '../../alerts/alert.ts'
import { type CommandContext, command } from '../command-context.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { type Column, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'

interface SilencesOptions extends PlaceOptions {
  readonly ended?: boolean
  readonly utc?: boolean
  readonly json?: boolean
}

export function silencesCommand(context: CommandContext) {
  const list = command('silences', 'what nobody is told of, and until when', [
    ['alerts silences', 'those that hold now'],
    ['alerts silences --ended', 'and those of the last 30 days'],
  ])
  return addPlace(list)
    .option('--ended', 'those of the last 30 days that no longer hold, too')
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (options: SilencesOptions, self) => {
      const { terminal } = context
      const silences = await withPlace(context, self, options, ({ operations: { alerts } }) =>
        alerts.silences(options.ended === true),
      )
      if (options.json === true) return writeJson(terminal, silences)
      if (silences.length === 0) return terminal.warn('no silence holds')
      terminal.write(renderTable(terminal, columns(terminal, options.utc === true), silences))
    })
}

function columns({ now }: Terminal, utc: boolean): Column<Silence>[] {
  const clock = { now: now(), utc }
  return [
    { title: 'ENDS', text: ({ ended, until }) => whenText(ended ?? until, clock) },
    { title: 'WHAT', text: matchText, gives: true },
    { title: 'REASON', text: ({ reason }) => reason, gives: true },
    { title: 'BY', text: ({ by }) => by },
    { title: 'MADE', text: ({ made }) => whenText(made, clock), from: 100 },
    { title: 'ID', text: ({ id }) => id },
  ]
}

function matchText({ rule, key, name, client, label, ca }: Silence): string {
  const parts = Object.entries({ rule, key, name, client, label, ca }).filter(
    ([, value]) => value !== undefined,
  )
  return parts.map(([word, value]) => `${word} ${value}`).join(', ')
}
