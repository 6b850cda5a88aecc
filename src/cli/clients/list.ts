import { type Client, clientFilter } from '../../audit/inventory/client.ts'
import type { CommandContext } from '../command-context.ts'
import { listCommand } from '../lists/list-command.ts'
import type { Column } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { whenText } from '../time.ts'
import { addExpected, showExpected } from './expected.ts'

export function listClientsCommand(context: CommandContext) {
  return listCommand(context, {
    one: 'client',
    many: 'clients',
    description: 'list who asks for certificates: account, source, program and label; newest first',
    examples: [
      ['clients', 'the last fifty that appeared'],
      ['clients --program CertbotACMEClient', 'by program'],
      ['clients --name .example.com', 'that ordered for these names'],
      ['clients --expected hosts.csv', 'who of these hosts was seen, is silent, was never seen'],
      ['clients --all --json', 'for other programs'],
    ],
    filter: clientFilter,
    page: ({ inventory }, filter) => inventory.clients(filter),
    columns: clientColumns,
    hint: 'Clients appear with their first request through acmetap. Set one up with: acmetap enroll',
    extend: addExpected,
    instead: (self) => showExpected(context, self),
  })
}

export function clientColumns({ colors, now }: Terminal, utc: boolean): Column<Client>[] {
  const clock = { now: now(), utc }
  return [
    { title: 'SEEN', text: ({ lastSeen }) => whenText(lastSeen, clock) },
    { title: 'PROGRAM', text: programText, gives: true },
    { title: 'SOURCE', text: ({ source }) => source ?? '-', gives: true },
    { title: 'LABEL', text: ({ label }) => label ?? '-', gives: true, from: 100 },
    { title: 'ACCOUNT', text: ({ account }) => account?.url ?? '-', gives: true, from: 120 },
    { title: 'MODE', text: ({ modes }) => modes.join(', '), from: 160 },
    { title: 'ORDERS', text: ({ orders }) => String(orders), from: 100 },
    { title: 'CERTS', text: ({ certificates }) => String(certificates) },
    {
      title: 'FAILED 7D',
      text: ({ failures }) => String(failures),
      paint: (text, { failures }) => (failures > 0 ? colors.red(text) : text),
    },
    { title: 'ARI', text: ({ asksRenewalInfo }) => (asksRenewalInfo ? 'asks' : 'no'), from: 160 },
    { title: 'FIRST SEEN', text: ({ firstSeen }) => whenText(firstSeen, clock), from: 160 },
    { title: 'ID', text: ({ id }) => id },
  ]
}

/** The program with its last version. */
function programText({ program, versions }: Client): string {
  const version = versions.at(-1)
  return [program ?? '-', ...(version === undefined ? [] : [version])].join(' ')
}
