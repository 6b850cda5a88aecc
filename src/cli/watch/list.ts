import { type EndpointState, endpointFilter } from '../../alerts/endpoint.ts'
import type { CommandContext } from '../command-context.ts'
import { listCommand } from '../lists/list-command.ts'
import type { Column } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { whenText } from '../time.ts'

export function listEndpointsCommand(context: CommandContext) {
  return listCommand(context, {
    one: 'place',
    many: 'places',
    description: 'list the places and what they served last',
    examples: [
      ['watch', 'the first fifty'],
      ['watch list --host www.example.com', 'of one host'],
      ['watch list --source learned --all --json', 'those that names of certificates tell of'],
    ],
    filter: endpointFilter,
    page: ({ alerts }, filter) => alerts.endpoints(filter),
    columns: endpointColumns,
    none: 'no place is on the list',
    hint: 'Put one on the list: acmetap watch add www.example.com:443. Or watch.learn: true, for every name of the inventory.',
  })
}

export function endpointColumns(terminal: Terminal, utc: boolean): Column<EndpointState>[] {
  const clock = { now: terminal.now(), utc }
  const { colors } = terminal
  return [
    { title: 'PLACE', text: ({ endpoint }) => endpoint, gives: true },
    { title: 'EXPIRES', text: ({ served }) => whenText(served?.notAfter ?? null, clock) },
    {
      title: 'STATE',
      text: stateText,
      gives: true,
      paint: (text, state) => (isWell(state) ? colors.green(text) : colors.red(text)),
    },
    { title: 'LOOKED', text: ({ probed }) => whenText(probed, clock) },
    { title: 'ISSUER', text: ({ served }) => served?.issuer ?? '-', gives: true, from: 120 },
    { title: 'FROM', text: ({ source }) => source, from: 100 },
    { title: 'SERIAL', text: ({ served }) => served?.serial ?? '-', gives: true, from: 140 },
  ]
}

function isWell({ probed, error, served, newer }: EndpointState): boolean {
  return probed === null || (error === null && served?.trusted === true && newer === null)
}

function stateText({ probed, error, served, newer }: EndpointState): string {
  if (probed === null) return 'not looked at yet'
  if (error !== null) return error
  if (served?.trusted === false) return served.fault ?? 'not trusted'
  return newer === null ? 'ok' : `old: ${newer.serial} is newer`
}
