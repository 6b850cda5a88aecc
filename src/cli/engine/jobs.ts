import type { ShownJob } from '../../api/engine-operations.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { type Column, renderProse, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'
import { withEngine } from './backend.ts'
import { managedName } from './given.ts'

interface Options {
  readonly certificate?: string
  readonly open?: boolean
  readonly limit: string
  readonly utc?: boolean
  readonly json?: boolean
}

export function jobsCommand(context: CommandContext) {
  return command('jobs', 'certificates on their way: how far each is, and why it waits, newest first', [
    ['engine jobs', 'the last fifty'],
    ['engine jobs --open', 'those that have not ended'],
    ['engine jobs --certificate www.example.com', 'of one certificate'],
  ])
    .option('--certificate <name>', 'of this certificate')
    .option('--open', 'only those that have not ended')
    .option('--limit <number>', 'at most so many, 1 to 1000', '50')
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (options: Options, self) => {
      const { terminal } = context
      const { certificate, open } = options
      const limit = /^\d{1,4}$/.test(options.limit) ? Number(options.limit) : 0
      if (limit < 1 || limit > 1000) throw new UsageError('--limit must be a number from 1 to 1000')
      const jobs = await withEngine(context, self, ({ operations }) =>
        operations.jobs({
          limit,
          ...(open === true ? { open } : {}),
          ...(certificate === undefined ? {} : { certificate: managedName(certificate, '--certificate') }),
        }),
      )
      if (options.json === true) return writeJson(terminal, jobs)
      if (jobs.length === 0)
        return terminal.warn(
          options.open === true
            ? 'nothing is under way. What has ended: acmetap engine jobs'
            : 'there is no such job. Begin one with: acmetap engine issue',
        )
      terminal.write(renderTable(terminal, columns(terminal, options.utc === true), jobs))
      for (const { certificate: name, error } of jobs) {
        if (error !== null) terminal.write(renderProse(terminal, '* ', `${name}: ${error}`))
      }
    })
}

function columns({ colors, now }: Terminal, utc: boolean): Column<ShownJob>[] {
  const when = (instant: string | null) => whenText(instant, { now: now(), utc })
  return [
    { title: 'CERTIFICATE', text: ({ certificate }) => certificate, gives: true },
    { title: 'WHY', text: ({ reason }) => reason },
    {
      title: 'STEP',
      text: ({ step }) => step,
      paint: (text, { step }) =>
        step === 'done' ? colors.green(text) : step === 'failed' ? colors.red(text) : colors.yellow(text),
    },
    { title: 'FAILURES', text: ({ failures }) => (failures === 0 ? '' : String(failures)), from: 90 },
    { title: 'NEXT TRY', text: ({ nextAttempt }) => when(nextAttempt) },
    { title: 'CHANGED', text: ({ changedAt }) => when(changedAt) },
    { title: 'CA', text: ({ ca }) => ca, from: 100 },
    { title: 'ID', text: ({ id }) => id },
  ]
}
