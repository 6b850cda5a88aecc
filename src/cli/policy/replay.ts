import type { ReplayEvent, ReplayProgress, ReplayReport } from '../../policy/replay-report.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { durationText, parseSince } from '../time.ts'
import { policyFile, readCandidate } from './candidate.ts'
import { renderReplay } from './render-replay.ts'

interface ReplayOptions extends PlaceOptions {
  readonly file?: string
  readonly since: string
  readonly until?: string
  readonly samples: string
  readonly json?: boolean
}

const MOST_SAMPLES = 20

export function replayPolicyCommand(context: CommandContext) {
  const replay = command(
    'replay',
    'decide the recorded history again by a candidate: what it would have changed, for whom, by which rule',
    [
      ['policy replay --since 30d --file new.yaml', 'the last month'],
      ['policy replay --since 2026-11-01 --until 2026-12-01', 'November, by the configured policy'],
      ['policy replay --file new.yaml --data backup.sqlite', 'over a backup'],
      ['policy replay --file new.yaml --json', 'for other programs'],
    ],
  )
  return addPlace(replay)
    .option('--file <policy>', 'the candidate; without: the policy that the configuration names')
    .option('--since <time>', 'since 24h, 30d, or a time like 2026-01-31T12:00:00Z', '30d')
    .option('--until <time>', 'until then, written as for --since')
    .option('--samples <count>', `show so many requests of each rule, 0 to ${MOST_SAMPLES}`, '3')
    .option('--json', 'as JSON, with all samples')
    .action(async (options: ReplayOptions, self) => {
      const { terminal } = context
      const range = rangeOf(options, terminal)
      const samples = samplesOf(options.samples)
      const candidate = await readCandidate(context, policyFile(context, self, options.file))
      const { usable } = await import('../../policy/workbench.ts')
      // What is wrong with it is said here, with every line, before anything is read.
      await usable(candidate)
      const ending = new AbortController()
      const end = () => ending.abort()
      process.once('SIGINT', end).once('SIGTERM', end)
      try {
        const report = await withPlace(context, self, options, ({ operations }) =>
          followed(terminal, operations.policies.replay(candidate, range, ending.signal)),
        )
        if (report === null) throw new CliError('ended before the end of the record; there is no report')
        if (options.json === true) return writeJson(terminal, report)
        terminal.write(renderReplay(terminal, report, samples))
      } finally {
        process.off('SIGINT', end).off('SIGTERM', end)
      }
    })
}

function rangeOf({ since, until }: ReplayOptions, terminal: Terminal) {
  const now = terminal.now()
  const range = {
    since: Math.floor(parseSince(since, now) / 1000),
    until: until === undefined ? null : Math.floor(parseSince(until, now, '--until') / 1000),
  }
  if (range.until !== null && range.until <= range.since)
    throw new UsageError('--until must be later than --since')
  return range
}

function samplesOf(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) <= MOST_SAMPLES) return Number(text)
  throw new UsageError(`--samples must be a number from 0 to ${MOST_SAMPLES}`)
}

/** µs between two lines about how far it is. */
const TELL_EVERY = 1_000_000

/** The report; null where it was ended before. Says now and then how far it is. */
async function followed(
  terminal: Terminal,
  events: AsyncIterable<ReplayEvent>,
): Promise<ReplayReport | null> {
  const begun = terminal.now()
  let told = begun
  for await (const event of events) {
    if (event.kind === 'report') return event.report
    const now = terminal.now()
    if (now - told < TELL_EVERY) continue
    told = now
    terminal.warn(progressText(event, now - begun))
  }
  return null
}

/** `12000 of 480000 facts (2 %), 800 requests decided, at 2026-11-03T…, 9.0 s left`; it took `micros` so far. */
export function progressText({ done, total, decided, at }: ReplayProgress, micros: number): string {
  const share = total === 0 ? 100 : Math.floor((done / total) * 100)
  const left = done === 0 ? '' : `, ${durationText((micros / done) * (total - done))} left`
  return `${done} of ${total} facts (${share} %), ${decided} requests decided${at === null ? '' : `, at ${at}`}${left}`
}
