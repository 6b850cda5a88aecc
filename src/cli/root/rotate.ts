import { formatDuration, parseDuration } from '../../config/values.ts'
import type { IssuingAuthority } from '../../interception/issuing-authority.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { renderFields } from '../render.ts'
import { writeJson } from '../terminal.ts'
import {
  type Authorities,
  allNames,
  change,
  look,
  mustHaveNames,
  openAuthorities,
  summary,
} from './authorities.ts'

interface RotateOptions {
  readonly activate?: boolean
  readonly now?: boolean
  readonly again?: boolean
  readonly overlap: string
  readonly json?: boolean
}

export function rotateCommand(context: CommandContext) {
  return command('rotate', 'replace the interception root, in two steps, so that no client is surprised', [
    ['root rotate', 'make the next root and publish it beside the current one (root show --pem, /root.pem)'],
    ['root rotate --activate', 'sign with it, once clients had seven days to take it'],
    ['root rotate --activate --overlap 2d', 'once they had two days'],
  ])
    .option('--activate', 'sign with the next root from now on')
    .option('--overlap <time>', 'how long it must have been published', '7d')
    .option('--now', 'with --activate: however short it has been published')
    .option('--again', 'make another next root, in place of the one that is prepared')
    .option('--json', 'as JSON')
    .action(async (options: RotateOptions, self) => {
      const overlap = parseDuration(options.overlap)
      if (overlap === null) {
        throw new UsageError(`--overlap ${JSON.stringify(options.overlap)} is not a time: write 7d or 12h`)
      }
      if (options.now === true && options.activate !== true)
        throw new UsageError('--now goes with --activate')
      if (options.again === true && options.activate === true) {
        throw new UsageError('--again and --activate: name one of them')
      }
      const authorities = await openAuthorities(context, self)
      mustHaveNames(authorities)
      await look(authorities, () => mustBeOwn(authorities))
      if (options.activate === true) await activate(context, authorities, overlap, options)
      else await prepare(context, authorities, overlap, options)
    })
}

async function mustBeOwn({ folder }: Authorities): Promise<void> {
  const current = await folder.readCurrent()
  if (current === null) {
    throw new CliError('there is no interception root yet', 'It is made at the first start: acmetap serve')
  }
  if (!current.own) {
    throw new CliError(
      'acmetap issues under a root of your own CA, which no client needs to change',
      'For a new issuer or other names under it: acmetap root csr',
    )
  }
}

async function prepare(
  { terminal }: CommandContext,
  authorities: Authorities,
  overlap: number,
  options: RotateOptions,
): Promise<void> {
  const { folder, names, now } = authorities
  const { namesNotCovered } = await import('../../interception/name-constraints.ts')
  const known = await look(authorities, () => folder.readNext())
  const missing = known === null ? [] : namesNotCovered(known.permitted, names)
  if (known !== null && missing.length > 0 && options.again !== true) {
    throw new CliError(
      `a next root is prepared already, and does not cover ${missing.join(', ')}`,
      'Make another: acmetap root rotate --again. Clients that took the first one need this one as well.',
    )
  }
  const keep = known !== null && options.again !== true
  const next = keep ? known : await change(authorities, () => folder.createNext(names, now))
  const from = await publishedFor(next, overlap)
  if (options.json === true) {
    return writeJson(terminal, { ...summary(next), made: !keep, activateFrom: from.toISOString() })
  }
  terminal.write(keep ? 'the next root is prepared already\n' : 'the next root is made\n')
  terminal.write(
    renderFields(terminal, [
      ['sha256', next.rootFingerprint],
      ['names', allNames(next.permitted).join(', ')],
      ['notAfter', next.notAfter.toISOString()],
    ]),
  )
  terminal.write(
    'Let every client trust it beside the current one: acmetap root show --pem holds both.\n' +
      'Other instances: acmetap root export --next FILE here, root import --key FILE --next there.\n' +
      `Then, from ${from.toISOString()} on: acmetap root rotate --activate\n`,
  )
}

async function activate(
  { terminal }: CommandContext,
  authorities: Authorities,
  overlap: number,
  options: RotateOptions,
): Promise<void> {
  const { folder, now } = authorities
  const next = await look(authorities, () => folder.readNext())
  if (next === null) throw new CliError('there is no next root', 'Prepare it first: acmetap root rotate')
  const from = await publishedFor(next, overlap)
  if (now < from && options.now !== true) {
    throw new CliError(
      `the next root has not been published for ${formatDuration(overlap)} yet: wait until ${from.toISOString()}`,
      'Clients that did not take it would refuse every connection. If all have it: --now',
    )
  }
  await change(authorities, () => folder.activateNext())
  if (options.json === true) return writeJson(terminal, { ...summary(next), activated: true })
  terminal.write(
    `${next.rootFingerprint} signs from now on; a running server takes it up within 10 seconds.\n` +
      'The one before stays in acmetap root show --pem until its end.\n',
  )
}

async function publishedFor(next: IssuingAuthority, overlap: number): Promise<Date> {
  const { madeAt } = await import('../../interception/issuing-authority.ts')
  return new Date(madeAt(next).getTime() + overlap)
}
