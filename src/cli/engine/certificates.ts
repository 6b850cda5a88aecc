import type { ShownManagedCertificate } from '../../api/engine-operations.ts'
import { type CommandContext, command } from '../command-context.ts'
import { type Column, renderProse, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'
import { withEngine } from './backend.ts'

interface Options {
  readonly utc?: boolean
  readonly json?: boolean
}

export function managedCertificatesCommand(context: CommandContext) {
  return command('certificates', 'managed certificates: how each stands, and when it is renewed', [
    ['engine certificates', 'all of them'],
    ['engine certificates --utc', 'with times instead of distances'],
    ['engine certificates --json', 'for other programs'],
  ])
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (options: Options, self) => {
      const { terminal } = context
      const certificates = await withEngine(context, self, ({ operations }) => operations.certificates())
      if (options.json === true) return writeJson(terminal, certificates)
      if (certificates.length === 0)
        return terminal.warn('there are no managed certificates. Write them under engine.certificates.')
      terminal.write(renderTable(terminal, columns(terminal, options.utc === true), certificates))
      for (const { name, job } of certificates) {
        if (job?.error) terminal.write(renderProse(terminal, '* ', `${name}: ${job.error}`))
      }
    })
}

/** What somebody must know first. */
function standing(
  { managed, fingerprint, notAfter, revokedAt, job }: ShownManagedCertificate,
  now: number,
): string {
  if (!managed) return 'not managed'
  if (job !== null && job.step !== 'done') {
    if (job.step === 'failed') return 'failed'
    return job.failures > 0 ? `trying again (${job.failures})` : 'under way'
  }
  if (fingerprint === null) return 'missing'
  if (revokedAt !== null) return 'revoked'
  return notAfter !== null && Date.parse(notAfter) * 1000 <= now ? 'expired' : 'ok'
}

function columns({ colors, now }: Terminal, utc: boolean): Column<ShownManagedCertificate>[] {
  const at = now()
  const when = (instant: string | null) => whenText(instant, { now: at, utc })
  return [
    { title: 'CERTIFICATE', text: ({ name }) => name, gives: true },
    {
      title: 'STATE',
      text: (one) => standing(one, at),
      paint: (text, one) => {
        const state = standing(one, at)
        return state === 'ok'
          ? colors.green(text)
          : /failed|expired|missing|revoked/.test(state)
            ? colors.red(text)
            : colors.yellow(text)
      },
    },
    { title: 'EXPIRES', text: ({ notAfter }) => when(notAfter) },
    {
      title: 'RENEWAL',
      text: ({ renewal }) =>
        renewal === null ? '-' : `${when(renewal.at)}${renewal.by === 'ari' ? ' (CA)' : ''}`,
    },
    { title: 'NEXT TRY', text: ({ job }) => when(job?.nextAttempt ?? null), from: 100 },
    { title: 'CA', text: ({ ca }) => ca, from: 80 },
    { title: 'NAMES', text: ({ names }) => names.join(' '), gives: true },
  ]
}
