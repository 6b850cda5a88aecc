import { isIP } from 'node:net'
import { problemShortName } from '../acme/problem-types.ts'
import { FIXER_TEXTS } from '../audit/diagnosis/classes.ts'
import type { Diagnosis } from '../audit/diagnosis/diagnosis.ts'
import { renderProse } from './render.ts'
import type { Terminal } from './terminal.ts'

/** What it is about takes its place in the commands of a remedy. */
export interface Subject {
  /** The first of them, where it is a domain name. */
  readonly names: readonly string[]
  /** As the configuration names it: `doctor` then knows what a private CA may reach. */
  readonly ca: string | null
  /** The exchange that shows it. */
  readonly exchange: string | null
}

interface Surroundings {
  /** Spaces before each line. */
  readonly indent: number
  /** What was said, to be quoted. */
  readonly problem: { readonly type: string; readonly detail: string | null } | null
  readonly subject: Subject
  /** The remedy was told already. */
  readonly brief?: boolean
}

/** Why it failed, what was said, what to do and who can do it: one item a line or more. Ends in a newline. */
export function renderDiagnosis(
  terminal: Terminal,
  diagnosis: Diagnosis,
  { indent, problem, subject, brief }: Surroundings,
): string {
  const { red, dim, green } = terminal.colors
  const item = (mark: string, word: string, text: string) =>
    renderProse(terminal, `${' '.repeat(indent)}${mark} ${dim(word.padEnd(4))}  `, text, indent + 8)
  const said = problem === null ? null : saidText(problem)
  const lines = [item(red('└'), 'why', `${diagnosis.cause} (${diagnosis.class})`)]
  if (said !== null) lines.push(item(' ', 'said', said))
  if (brief === true) lines.push(item(' ', 'do', 'as above'))
  else {
    lines.push(item(green('→'), 'do', remedyText(diagnosis, subject)))
    lines.push(item(' ', 'who', FIXER_TEXTS[diagnosis.fixer]))
  }
  return lines.join('')
}

/** The remedy; commands in it name what it is about. */
export function remedyText(
  { remedy }: Pick<Diagnosis, 'remedy'>,
  { names: [name], ca, exchange }: Subject,
): string {
  const isDomain = name !== undefined && isIP(name) === 0 && /^(?:\*\.)?[a-z0-9_][a-z0-9._-]*$/i.test(name)
  const domain = isDomain ? name.replace(/^\*\./, '') : 'NAME'
  const by = isPlain(ca) ? ` --ca ${ca}` : ''
  const shown = isPlain(exchange) ? exchange : 'ID'
  return remedy
    .replace(/\bdoctor domain NAME\b/g, () => `doctor domain ${domain}${by}`)
    .replace(/\b(exchanges show|policy explain) ID\b/g, (_, command) => `${command} ${shown}`)
}

/** No shell reads anything into it. */
function isPlain(text: string | null): text is string {
  return text !== null && /^[a-z0-9][a-z0-9._-]*$/i.test(text)
}

function saidText({ type, detail }: { readonly type: string; readonly detail: string | null }): string {
  const name = problemShortName(type)
  return detail === null ? name : `${name}: ${detail}`
}
