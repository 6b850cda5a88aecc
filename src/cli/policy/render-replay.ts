import type { Groups, ReplayGroup, ReplayReport, ReplaySample } from '../../policy/replay-report.ts'
import { escapeText } from '../escape.ts'
import { type Column, renderFields, renderProse, renderSection } from '../render.ts'
import type { Terminal } from '../terminal.ts'

const SHOWN_GROUPS = 20

/** What a candidate would have changed; `samples` requests of each rule. Ends in a newline. */
export function renderReplay(terminal: Terminal, report: ReplayReport, samples: number): string {
  const { candidate, before, range, totals, rules, clients, names, unknown, notes } = report
  const { colors } = terminal
  return [
    `${colors.bold(headline(report))}\n\n`,
    renderFields(terminal, [
      [
        'candidate',
        `${candidate.file}, ${candidate.rules} rules, mode ${candidate.mode}, digest ${candidate.digest.slice(0, 12)}`,
      ],
      ['time', `${range.since} to ${range.until}`],
      [
        'counted from',
        range.countedFrom === range.since
          ? null
          : `${range.countedFrom}${range.incomplete ? ', but older facts were removed' : ''}`,
      ],
      [
        'before',
        before
          .map(
            ({ digest, requests }) => `${digest === null ? 'no policy' : digest.slice(0, 12)} (${requests})`,
          )
          .join(', ') || null,
      ],
      ['requests', `${totals.decided}, of them ${totals.orders} orders`],
      ['as before', String(totals.same)],
      [
        'denied now',
        totals.deniedNow === 0
          ? null
          : `${totals.deniedNow} that passed (${totals.deniedInForce} with the modes as they are written)`,
      ],
      ['allowed now', totals.allowedNow === 0 ? null : `${totals.allowedNow} that were denied`],
      ['warned', totals.warned === 0 ? null : String(totals.warned)],
      ['not known', totals.unknown === 0 ? null : `${totals.unknown}, decided as the rules say of unknown`],
      [
        'not judged',
        totals.follows === 0 ? null : `${totals.follows} later requests of orders that are denied now`,
      ],
      ['not asked', totals.notAsked === 0 ? null : `${totals.notAsked} that are refused under every policy`],
      [
        'older',
        totals.withoutAsked === 0
          ? null
          : `${totals.withoutAsked} recorded before policies were: what they asked for in detail is not known`,
      ],
    ]),
    section(terminal, 'by rule', 'RULE', rules),
    ...rules.groups.slice(0, SHOWN_GROUPS).map((group) => renderSamples(terminal, group, samples)),
    section(terminal, 'by client', 'CLIENT', clients),
    section(terminal, 'by name', 'NAME', names),
    section(terminal, 'not known, by condition', 'CONDITION', unknown),
    notes.length === 0 ? '' : '\n',
    ...notes.map((note) => renderProse(terminal, '* ', note)),
  ].join('')
}

function headline({ totals }: ReplayReport): string {
  const { decided, deniedNow, allowedNow } = totals
  if (decided === 0) return 'no request in this time that a policy decides'
  if (deniedNow === 0 && allowedNow === 0) return 'nothing would change'
  const changes = [
    ...(deniedNow === 0 ? [] : [`${deniedNow} of ${decided} requests would be denied that passed`]),
    ...(allowedNow === 0 ? [] : [`${allowedNow} would pass that were denied`]),
  ]
  return changes.join(', ')
}

function section(terminal: Terminal, title: string, key: string, { groups, others }: Groups): string {
  const shown = groups.slice(0, SHOWN_GROUPS)
  const beyond = groups.length - shown.length
  const rest = [
    ...(beyond === 0 ? [] : [`${beyond} more in --json`]),
    ...(others === 0 ? [] : [`${others} requests of others`]),
  ]
  const table = renderSection(terminal, title, columns(terminal, key), shown)
  return rest.length === 0 || table === ''
    ? table
    : `${table}${terminal.colors.dim(`  and ${rest.join(', ')}`)}\n`
}

function columns({ colors }: Terminal, key: string): Column<ReplayGroup>[] {
  const count = (
    title: string,
    of: 'deniedNow' | 'allowedNow' | 'warned' | 'unknown',
    red = false,
  ): Column<ReplayGroup> => ({
    title,
    text: (group) => (group[of] === 0 ? '' : String(group[of])),
    ...(red ? { paint: (text: string) => colors.red(text) } : {}),
  })
  return [
    { title: key, text: (group) => group.key, gives: true },
    count('DENIED NOW', 'deniedNow', true),
    count('ALLOWED NOW', 'allowedNow'),
    count('WARNED', 'warned'),
    count('NOT KNOWN', 'unknown'),
  ]
}

function renderSamples(terminal: Terminal, { key, samples }: ReplayGroup, most: number): string {
  return renderSection(terminal, `for example, ${escapeText(key)}`, SAMPLE_COLUMNS, samples.slice(0, most))
}

const SAMPLE_COLUMNS: Column<ReplaySample>[] = [
  { title: 'AT', text: ({ at }) => at.replace('.000Z', 'Z') },
  { title: 'OPERATION', text: ({ operation }) => operation },
  { title: 'CLIENT', text: ({ client }) => client, gives: true },
  { title: 'NAMES', text: ({ names }) => names.join(' '), gives: true },
  { title: 'BEFORE', text: ({ was }) => was.effect },
  { title: 'NOW', text: ({ now }) => now.effect },
  { title: 'RECORD', text: ({ exchange }) => exchange },
]
