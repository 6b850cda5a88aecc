import type { JobResult } from '../../api/engine-operations.ts'
import { escapeText } from '../escape.ts'
import { type Column, renderProse, renderTable } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { microsOf, relativeTime } from '../time.ts'

/** How each ended, and what went wrong. Ends in a newline; empty where there was nothing to do. */
export function renderResults(terminal: Terminal, results: readonly JobResult[]): string {
  if (results.length === 0) return ''
  const failed = results.filter(({ error }) => error !== null)
  return [
    renderTable(terminal, columns(terminal), results),
    failed.length === 0 ? '' : '\n',
    ...failed.map(({ certificate, error }) =>
      renderProse(terminal, `${terminal.colors.bold(escapeText(certificate))}: `, error ?? '', 2),
    ),
  ].join('')
}

function columns({ colors, now }: Terminal): Column<JobResult>[] {
  const paints = { issued: colors.green, skipped: colors.dim, waiting: colors.yellow, failed: colors.red }
  return [
    { title: 'CERTIFICATE', text: ({ certificate }) => certificate, gives: true },
    {
      title: 'OUTCOME',
      text: ({ outcome }) => outcome,
      paint: (text, { outcome }) => (paints[outcome] ?? String)(text),
    },
    {
      title: 'EXPIRES',
      text: ({ notAfter }) => (notAfter === null ? '-' : relativeTime(microsOf(notAfter), now())),
    },
    { title: 'FINGERPRINT', text: ({ fingerprint }) => fingerprint?.slice(0, 16) ?? '-', from: 80 },
    { title: 'FILES', text: ({ folder }) => folder ?? '-', gives: true },
  ]
}

/** 0 where nothing is left to be wished for. */
export function exitCodeOf(results: readonly JobResult[]): number {
  return results.every(({ outcome }) => outcome === 'issued' || outcome === 'skipped') ? 0 : 1
}
