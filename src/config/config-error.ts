/** One thing wrong with a configuration file, with its place. */
export interface ConfigProblem {
  readonly file: string
  /** Both from 1. */
  readonly line: number
  readonly column: number
  /** `cas.pebble.directory`, `relay[0].ca`; empty for the file as a whole. */
  readonly path: string
  /** What is wrong: one line that never repeats a value from the environment. */
  readonly message: string
  /** What to write instead; null where the message says it. */
  readonly instead: string | null
}

/** Told one by one; of the rest their number. A file of another kind would give one for each character. */
const MOST_TOLD = 100

/** The operator's mistake: everything wrong with the file, sorted by line. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
    const told = firstOf(sorted)
    super(told.map(formatProblem).join('\n'))
    this.name = 'ConfigError'
    this.problems = told
  }
}

function firstOf(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const next = problems[MOST_TOLD]
  const left = problems.length - MOST_TOLD
  if (next === undefined || left === 1) return problems
  const more = { ...next, path: '', message: `and ${left} more problems`, instead: 'Mend those above first' }
  return [...problems.slice(0, MOST_TOLD), more]
}

/** `acmetap.yaml:4:3: cas.pebble.directry: unknown key. Did you mean directory?` */
export function formatProblem(problem: ConfigProblem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`
  const subject = problem.path === '' ? '' : `${problem.path}: `
  const instead = problem.instead === null ? '' : `. ${problem.instead}`
  return `${place}: ${subject}${problem.message}${instead}`
}

export type KeyPath = readonly (string | number)[]

/** Where a complaint points to in the file, before it has a line and a column. */
export interface Complaint {
  readonly path: KeyPath
  /** At the key's name or at its value. */
  readonly at: 'key' | 'value'
  readonly message: string
  readonly instead: string | null
}

/** Names of strange keys are cut and made printable, so that a message stays one line. */
export function formatPath(path: KeyPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += `${text === '' ? '' : '.'}${printable(step)}`
  }
  return text
}

function printable(key: string): string {
  const cut = key.length > 64 ? `${key.slice(0, 64)}…` : key
  return /^[\w.-]+…?$/.test(cut) ? cut : JSON.stringify(cut).replace(/[^\x20-\x7e…]/g, '?')
}
