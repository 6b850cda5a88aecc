import type { JobStep } from '../../engine/job.ts'
import type { EngineProgress } from '../../engine/progress.ts'
import { escapeText } from '../escape.ts'
import { clockTime } from '../time.ts'

/** More names than these are counted instead of named. */
const MOST_NAMES = 20

type NameState = Extract<EngineProgress, { kind: 'name' }>['state']

interface JobState {
  readonly certificate: string
  step: JobStep | null
  readonly names: Map<string, { readonly state: NameState; readonly text: string }>
  wait: { readonly until: number; readonly text: string } | null
}

/** What each step means to whoever watches. */
export const STEP_TEXTS: Readonly<Record<JobStep, string>> = {
  created: 'key and request are made',
  ordering: 'ordering',
  ordered: 'ordered; the names are being proved',
  finalizing: 'proved; the certificate is being asked for',
  issued: 'issued',
  deployed: 'put in its place',
  done: 'done',
  failed: 'failed',
}

/** One event as one line. */
export function progressLine(event: EngineProgress): string {
  if (event.kind === 'note')
    return event.certificate === null
      ? escapeText(event.text)
      : `${escapeText(event.certificate)}: ${escapeText(event.text)}`
  const start = escapeText(event.certificate)
  if (event.kind === 'step') return `${start}: ${STEP_TEXTS[event.step] ?? escapeText(event.step)}`
  if (event.kind === 'name') return `${start}: ${escapeText(event.name)}: ${escapeText(event.text)}`
  return `${start}: ${waitText(event)}`
}

function waitText({ until, text }: { readonly until: number; readonly text: string }): string {
  return `waits until ${clockTime(until).slice(0, 8)} UTC: ${escapeText(text)}`
}

/** How everything stands that is under way, as few enough lines to be drawn again and again. */
export class ProgressBoard {
  readonly #jobs = new Map<string, JobState>()
  #ended = 0

  /** Returns the line that is to stay, where the event is one that passes. */
  take(event: EngineProgress): string | null {
    if (event.kind === 'note') return progressLine(event)
    const job = this.#jobs.get(event.job) ?? {
      certificate: event.certificate,
      step: null,
      names: new Map(),
      wait: null,
    }
    this.#jobs.set(event.job, job)
    if (event.kind === 'wait') job.wait = event
    else job.wait = null
    if (event.kind === 'name') job.names.set(event.name, { state: event.state, text: event.text })
    if (event.kind !== 'step') return null
    job.step = event.step
    if (event.step !== 'done' && event.step !== 'failed') return null
    this.#jobs.delete(event.job)
    this.#ended += 1
    return progressLine(event)
  }

  /** Each fits into so many columns. */
  lines(columns: number): string[] {
    const jobs = [...this.#jobs.values()]
    const names = jobs.reduce((sum, job) => sum + job.names.size, 0)
    const shown = jobs.slice(0, MOST_NAMES)
    const lines = shown.flatMap((job) => jobLines(job, jobs.length + names <= MOST_NAMES + 1))
    if (jobs.length > shown.length) lines.push(`and ${jobs.length - shown.length} more`)
    if (this.#ended > 0 && jobs.length > 0) lines.push(`${this.#ended} ended`)
    return lines.map((line) => cutTo(line, columns))
  }
}

function jobLines({ certificate, step, names, wait }: JobState, each: boolean): string[] {
  const stands = wait === null ? (step === null ? 'begins' : (STEP_TEXTS[step] ?? step)) : waitText(wait)
  const head = `${escapeText(certificate)}: ${stands}`
  if (names.size === 0) return [head]
  if (each) {
    return [head, ...[...names].map(([name, { text }]) => `  ${escapeText(name)}  ${escapeText(text)}`)]
  }
  const counts = new Map<NameState, number>()
  for (const { state } of names.values()) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [`${head} (${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')})`]
}

function cutTo(line: string, columns: number): string {
  const characters = [...line]
  return characters.length < columns ? line : `${characters.slice(0, Math.max(1, columns - 2)).join('')}…`
}
