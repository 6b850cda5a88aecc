import { describe } from '../../audit/diagnosis/describe.ts'
import type { Diagnosis } from '../../audit/diagnosis/diagnosis.ts'
import type { Correlation, Failure } from '../../audit/inventory/failure.ts'
import { clientText, shortNames, whatText } from '../describe-inventory.ts'
import { cutMiddle, escapeText } from '../escape.ts'
import { renderProse } from '../render.ts'
import { renderDiagnosis, type Subject } from '../render-diagnosis.ts'
import type { Terminal } from '../terminal.ts'
import { whenText } from '../time.ts'

const MOST_GROUPS = 8

/** What fails most, with what to do about each. `count` says of how many failures. Ends in a newline. */
export function renderGroups(
  terminal: Terminal,
  groups: readonly Correlation[],
  failures: readonly Failure[],
  count: string,
): string {
  const { bold, red } = terminal.colors
  const parts = [`${bold('what fails most')}  ${count}\n`]
  if (groups.length === 0) parts.push('\nnothing that several of them have in common\n')
  const told = new Set<string>()
  for (const group of groups.slice(0, MOST_GROUPS)) {
    const examples = failures.filter(({ id }) => group.examples.includes(id))
    const last = whenText(group.last, { now: terminal.now(), utc: false })
    const times = group.names > 1 && group.failures > group.names ? `; ${group.failures} failures` : ''
    parts.push(`\n${red('■')} ${renderProse(terminal, '', `${group.says}${times}; the last ${last}`, 2)}`)
    const diagnosis = describe(group.class, commonDetails(examples))
    parts.push(
      renderDiagnosis(terminal, diagnosis, {
        indent: 2,
        problem: null,
        subject: subjectOf(examples),
        brief: seen(told, diagnosis),
      }),
    )
    if (group.examples[0] !== undefined)
      parts.push(
        `    ${terminal.colors.dim('e.g.')}  acmetap failures show ${escapeText(group.examples[0])}\n`,
      )
  }
  if (groups.length > MOST_GROUPS)
    parts.push(`\nand ${groups.length - MOST_GROUPS} more: acmetap failures --groups --json\n`)
  return parts.join('')
}

/** What one of them alone says must not be told of all. */
function commonDetails(examples: readonly Failure[]): Readonly<Record<string, string>> {
  const [first, ...others] = examples.map(({ diagnosis }) => diagnosis.details)
  const shared = ([name, value]: [string, string]) => others.every((details) => details[name] === value)
  return Object.fromEntries(Object.entries(first ?? {}).filter(shared))
}

/** One stands for all, but for the CA, which may be another's. */
function subjectOf([first, ...others]: readonly Failure[]): Subject {
  if (first === undefined) return { names: [], ca: null, exchange: null }
  const { names, ca, exchange } = first
  return { names, ca: others.every((one) => one.ca === ca) ? ca : null, exchange }
}

/** Failures in words, as they come; a remedy that was told above is not told again. Ends in a newline. */
export function renderFailures(terminal: Terminal, failures: readonly Failure[], utc: boolean): string {
  const { bold, dim } = terminal.colors
  const told = new Set<string>()
  const title = failures.length === 1 ? 'the newest failure' : 'the newest failures'
  const parts = [`${bold(title)}\n`]
  for (const failure of failures) {
    const { diagnosis, problem } = failure
    const when = whenText(failure.at, { now: terminal.now(), utc })
    const width = Math.min(terminal.columns, 120) - when.length - failure.id.length - 6
    const what = cutMiddle(whatOf(failure, width), Math.max(20, width))
    parts.push(`\n${when}  ${bold(what)}  ${dim(escapeText(failure.id))}\n`)
    parts.push(
      renderDiagnosis(terminal, diagnosis, {
        indent: 2,
        problem,
        subject: failure,
        brief: seen(told, diagnosis),
      }),
    )
  }
  const first = failures[0]!
  const name = first.names[0]
  parts.push(`\n${dim('One in full:')}  acmetap failures show ${escapeText(first.id)}\n`)
  if (name !== undefined && first.order !== null)
    parts.push(`${dim('Step by step:')} acmetap orders show ${escapeText(first.order)}\n`)
  return parts.join('')
}

/** The names, what failed, and as much of who asked as has room. */
function whatOf(failure: Failure, width: number): string {
  const { names, client, mode } = failure
  const what = escapeText(`${shortNames(names)}  ${whatText(failure)}`)
  const who = client === null ? [] : [clientText(client), ...shorter(client, mode)]
  const asked = who.flatMap((one) => (one === null ? [] : [`${what}  by ${escapeText(one)}`]))
  return asked.find((text) => [...text].length <= width) ?? what
}

/** The label first, where it is the client's own: in relay it is acmetap's host. */
function shorter(client: NonNullable<Failure['client']>, mode: Failure['mode']): readonly (string | null)[] {
  const label = mode === 'relay' ? null : client.label
  return [label, clientText({ ...client, label: null }), client.program, client.source]
}

function seen(told: Set<string>, { class: name, remedy }: Diagnosis): boolean {
  const key = JSON.stringify([name, remedy])
  if (told.has(key)) return true
  told.add(key)
  return false
}
