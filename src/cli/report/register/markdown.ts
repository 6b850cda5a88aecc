import { escapeText } from '../../escape.ts'
import type { ReportDocument } from './document.ts'

/** As Markdown with tables; data can be no markup. Part by part, for a long one. */
export function* markdownOf({ title, facts, sections }: ReportDocument): Generator<string> {
  yield `# ${text(title)}\n\n`
  for (const [name, value] of facts) yield `- ${text(name)}: ${text(value)}\n`
  for (const section of sections) {
    yield `\n## ${text(section.title)}\n\n${text(section.note)}\n`
    if (section.rows.length === 0) {
      yield '\nNone.\n'
      continue
    }
    yield `\n${row(section.head)}${row(
      section.head.map(() => '---'),
      false,
    )}`
    for (const cells of section.rows) yield row(cells)
  }
}

function row(cells: readonly string[], data = true): string {
  return `| ${cells.map((cell) => (data ? text(cell) : cell)).join(' | ')} |\n`
}

/** One line that means only itself. */
function text(data: string): string {
  return escapeText(data)
    .replace(/[\\`*_[\]<>|~#&]/g, '\\$&')
    .replace(/(^| )([-+]|\d+\.)(?= )/g, '$1\\$2')
}
