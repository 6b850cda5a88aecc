import type { ClientReadiness } from '../../audit/readiness/assess.ts'
import { type Finding, VERDICTS, type Verdict } from '../../audit/readiness/verdict.ts'
import { escapeText } from '../escape.ts'
import { renderProse } from '../render.ts'
import type { Terminal } from '../terminal.ts'

export interface ReadinessReport {
  /** RFC 3339. */
  readonly at: string
  /** The worst first. */
  readonly clients: readonly ClientReadiness[]
  readonly notSeen: readonly string[]
}

const CHECK_TEXTS = {
  schedule: 'renewal',
  renewalInfo: 'renewal information',
  names: 'names',
  reuse: 'authorizations',
  clientAuth: 'clientAuth',
} as const

/** Counts, then each client with what was found, the worst first. */
export function readinessText(report: ReadinessReport, terminal: Terminal, all: boolean): string {
  const { colors } = terminal
  const paint: Record<Verdict, (text: string) => string> = {
    breaks: colors.red,
    'at risk': colors.yellow,
    'not enough seen': colors.dim,
    ready: colors.green,
  }
  const prose = (first: string, text: string, indent?: number) =>
    renderProse(terminal, first, text, indent).trimEnd()
  const lines = [...countLines(report).map((line) => prose('', line, 2)), '']
  for (const one of report.clients) {
    if (!all && one.verdict === 'ready') continue
    const title = prose(`${one.verdict.padEnd(15)}  `, clientTitle(one))
    lines.push(colors.bold(title.replace(one.verdict, paint[one.verdict])))
    lines.push(colors.dim(prose('  ', whichText(one))))
    const horizons = one.horizons.map((horizon) => `${horizonText(horizon)}: ${horizon.verdict}`)
    lines.push(prose('  ', horizons.join('; ')))
    for (const finding of shownFindings(one, all)) {
      const { verdict, reason, evidence } = finding
      // Coloured when the lines are made: colours have no width.
      const told = prose('  ', `${verdict}, ${checkTitle(finding)}: ${reason}`, 4)
      lines.push(told.replace(verdict, paint[verdict]))
      for (const line of evidence) lines.push(colors.dim(prose('      ', line)))
      if (finding.remedy !== null && finding.verdict !== 'ready')
        lines.push(prose('      → ', finding.remedy))
    }
    lines.push('')
  }
  return `${[...lines, ...report.notSeen.map((line) => prose('', line, 2))].join('\n')}\n`
}

export function readinessMarkdown(report: ReadinessReport, all: boolean): string {
  const lines = [
    '# Readiness for shorter certificates',
    '',
    `As of ${report.at}, from the traffic acmetap saw.`,
    '',
    ...countLines(report).map((line) => `- ${line}`),
    '',
    '| client | CA | 64 days | 45 days | verdict |',
    '|---|---|---|---|---|',
  ]
  for (const one of report.clients) {
    const cells = [
      clientTitle(one),
      one.ca ?? '-',
      ...[64, 45].map((days) => verdictAt(one, days)),
      one.verdict,
    ]
    lines.push(`| ${cells.map(markdown).join(' | ')} |`)
  }
  for (const one of report.clients) {
    const findings = shownFindings(one, all)
    if (findings.length === 0) continue
    lines.push('', `## ${markdown(clientTitle(one))}`, '', `${markdown(whichText(one))}`, '')
    for (const finding of findings) {
      lines.push(`- **${finding.verdict}**, ${checkTitle(finding)}: ${markdown(finding.reason)}`)
      for (const line of finding.evidence) lines.push(`  - ${markdown(line)}`)
      if (finding.remedy !== null && finding.verdict !== 'ready')
        lines.push(`  - Do: ${markdown(finding.remedy)}`)
    }
  }
  return `${[...lines, '', '## What cannot be seen', '', ...report.notSeen.map((line) => `- ${line}`)].join('\n')}\n`
}

function countLines({ clients }: ReadinessReport): readonly string[] {
  const horizons = new Map<string, Verdict[]>()
  for (const one of clients) {
    for (const horizon of one.horizons) {
      const title = horizonText(horizon)
      const before = horizons.get(title)
      if (before === undefined) horizons.set(title, [horizon.verdict])
      else before.push(horizon.verdict)
    }
  }
  const lines = [...horizons]
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([title, verdicts]) => {
      const counts = VERDICTS.map((one) => `${verdicts.filter((verdict) => verdict === one).length} ${one}`)
      return `${title}: ${counts.join(', ')}`
    })
  const always = clients.filter(({ findings }) => findings.some(alwaysCounts)).length
  return always === 0 ? lines : [...lines, `whatever the lifetime: ${always} at risk`]
}

/** What asks for attention and belongs to none of the lifetimes that are counted. */
function alwaysCounts({ verdict, lifetime }: Finding): boolean {
  return lifetime === null && (verdict === 'breaks' || verdict === 'at risk')
}

function horizonText({
  lifetime,
  from,
}: {
  readonly lifetime: number
  readonly from: string | null
}): string {
  return from === null ? `${lifetime} days (no date announced)` : `${lifetime} days (from ${from})`
}

function verdictAt({ horizons }: ClientReadiness, days: number): string {
  return horizons.find(({ lifetime }) => lifetime === days)?.verdict ?? '-'
}

function clientTitle({ client, ca }: ClientReadiness): string {
  const program = [client.program, client.version].filter((part) => part !== null).join(' ')
  return [client.host, program === '' ? null : `(${program})`, ca === null ? null : `at ${ca}`]
    .filter((part) => part !== null)
    .join(' ')
}

/** Tells clients apart that come from one address with one program. */
function whichText({ client }: ClientReadiness): string {
  const more = `acmetap clients show ${client.id}`
  return client.account === null ? more : `account ${client.account}: ${more}`
}

function checkTitle({ check, lifetime }: Finding): string {
  return `${CHECK_TEXTS[check]}${lifetime === null ? '' : ` at ${lifetime} days`}`
}

/** What is well, or not known beside the schedule, is left out. */
function shownFindings({ findings }: ClientReadiness, all: boolean): readonly Finding[] {
  if (all) return findings
  return findings.filter(
    ({ verdict, check }) =>
      verdict === 'breaks' ||
      verdict === 'at risk' ||
      (verdict === 'not enough seen' && check === 'schedule'),
  )
}

/** Data as text of one line: no mark-up, no table cell and no HTML of its own. */
function markdown(text: string): string {
  return escapeText(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\`*_{}[\]()#|~!]/g, '\\$&')
}
