import type { BrokerStatus, ShownBrokerCa, ShownDrill, ShownEndpoint } from '../../api/broker-operations.ts'
import { requireServer } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { type Column, renderSection } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'

export function statusCommand(context: CommandContext) {
  return command('status', 'endpoints with their directory URLs, CAs and how each stands, drills', [
    ['broker status', 'of the running server'],
    ['broker status --json', 'for other programs'],
  ])
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (options: { utc?: boolean; json?: boolean }, self) => {
      const { terminal } = context
      const server = await requireServer(configOf(context, self).config, 'broker status')
      const status = await server.broker.status()
      if (options.json === true) return writeJson(terminal, status)
      terminal.write(renderStatus(terminal, status, options.utc === true))
    })
}

export function renderStatus(terminal: Terminal, status: BrokerStatus, utc: boolean): string {
  const { endpoints, cas, drills, openOrders } = status
  const when = (instant: string | null) => whenText(instant, { now: terminal.now(), utc })
  const sections = [
    renderSection(terminal, 'Endpoints', ENDPOINTS, endpoints.flatMap(rowsOf)),
    renderSection(terminal, 'CAs', casColumns(when), cas),
    renderSection(terminal, 'Drills', drillColumns(when), drills),
  ].join('')
  return `${sections.replace(/^\n/, '')}\n${openOrders === 1 ? '1 order is' : `${openOrders} orders are`} open\n`
}

/** A line for each directory: clients with a label are given one of their own. */
interface EndpointRow extends Pick<ShownEndpoint, 'name' | 'directory'> {
  readonly how: string
  readonly cas: string
  readonly open: string
}

function rowsOf({ name, directory, proof, eab, cas, labels, openOrders }: ShownEndpoint): EndpointRow[] {
  const how = `${proof}, EAB ${eab}`
  return [
    { name, directory, how, cas: cas.join(' '), open: String(openOrders) },
    ...labels.map((label) => ({
      name: '',
      directory: label.directory,
      how: `label ${label.name}`,
      cas: '',
      open: '',
    })),
  ]
}

const ENDPOINTS: readonly Column<EndpointRow>[] = [
  { title: 'ENDPOINT', text: ({ name }) => name },
  { title: 'DIRECTORY', text: ({ directory }) => directory },
  { title: 'PROOF', text: ({ how }) => how },
  { title: 'CAS', text: ({ cas }) => cas, gives: true },
  { title: 'OPEN', text: ({ open }) => open },
]

const STATES: Readonly<Record<ShownBrokerCa['state'], string>> = {
  closed: 'good',
  halfOpen: 'tried out',
  open: 'left alone',
}

function casColumns(when: (instant: string | null) => string): Column<ShownBrokerCa>[] {
  return [
    { title: 'CA', text: ({ name }) => name },
    { title: 'KIND', text: ({ kind }) => (kind === 'local' ? 'local' : 'ACME') },
    { title: 'STATE', text: ({ state }) => STATES[state] },
    { title: 'UNTIL', text: ({ until }) => when(until) },
    { title: 'WHY', text: ({ why }) => why ?? '-', gives: true },
  ]
}

function drillColumns(when: (instant: string | null) => string): Column<ShownDrill>[] {
  return [
    { title: 'CA', text: ({ ca }) => ca },
    { title: 'FOR', text: ({ labels }) => labels?.join(' ') ?? 'everybody', gives: true },
    { title: 'ENDS', text: ({ until }) => when(until) },
  ]
}
