import { isIP } from 'node:net'
import { problemShortName } from '../acme/problem-types.ts'
import type { Diagnosis } from '../audit/diagnosis/diagnosis.ts'
import { FIXER_TEXTS } from './describe-inventory.ts'
import { renderProse } from './render.ts'
import type { Terminal } from './terminal.ts'

interface Surroundings {
  /** Spaces before each line. */
  readonly indent: number
  /** What was said, to be quoted. */
  readonly problem: { readonly type: string; readonly detail: string | null } | null
  /** It is about: a name that stands alone takes its place in commands. */
  readonly names: readonly string[]
  /** The remedy was told already. */
  readonly brief?: boolean
}

/** Why it failed, what was said, what to do and who can do it: one item a line or more. Ends in a newline. */
export function renderDiagnosis(
  terminal: Terminal,
  diagnosis: Diagnosis,
  { indent, problem, names, brief }: Surroundings,
): string {
  const { red, dim, green } = terminal.colors
  const item = (mark: string, word: string, text: string) =>
    renderProse(terminal, `${' '.repeat(indent)}${mark} ${dim(word.padEnd(4))}  `, text, indent + 8)
  const said = problem === null ? null : saidText(problem)
  const lines = [item(red('└'), 'why', `${diagnosis.cause} (${diagnosis.class})`)]
  if (said !== null) lines.push(item(' ', 'said', said))
  if (brief === true) lines.push(item(' ', 'do', 'as above'))
  else {
    lines.push(item(green('→'), 'do', remedyText(diagnosis, names)))
    lines.push(item(' ', 'who', FIXER_TEXTS[diagnosis.fixer]))
  }
  return lines.join('')
}

/** The remedy; commands in it name what it is about. */
export function remedyText({ remedy }: Pick<Diagnosis, 'remedy'>, names: readonly string[]): string {
  const [name] = names
  if (name === undefined || isIP(name) !== 0 || !/^(?:\*\.)?[a-z0-9._-]+$/i.test(name)) return remedy
  return remedy.replace(/\bdoctor domain NAME\b/g, `doctor domain ${name.replace(/^\*\./, '')}`)
}

function saidText({ type, detail }: { readonly type: string; readonly detail: string | null }): string {
  const name = problemShortName(type)
  return detail === null ? name : `${name}: ${detail}`
}
