import { type Silence, type SilenceRequest, silenceRequest } from '../../alerts/alert.ts'
import type { Operations } from '../../api/operations.ts'
import { expiry } from '../../api/schemas/server.ts'
import { FilterRefused, instantOf } from '../../audit/inventory/values.ts'
import { closest } from '../../config/keys.ts'
import { requireServer } from '../backend.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { LOCAL } from '../local-actor.ts'
import { writeJson } from '../terminal.ts'

interface SilenceOptions {
  readonly rule?: string
  readonly key?: string
  readonly name?: string
  readonly client?: string
  readonly label?: string
  readonly ca?: string
  readonly for: string
  readonly reason: string
  readonly json?: boolean
}

const MATCHED = ['rule', 'key', 'name', 'client', 'label', 'ca'] as const

export function silenceCommand(context: CommandContext) {
  return command('silence', 'tell nobody of alerts that match all that is given, until the end', [
    ['alerts silence --name .example.com --for 2h --reason "moving servers"', 'about these names'],
    [
      'alerts silence --rule new-names --ca letsencrypt --for 7d --reason "roll-out"',
      'of one rule at one CA',
    ],
    [
      'alerts silence --label cluster-a --for 2026-12-01T06:00:00Z --reason "maintenance"',
      'of these clients',
    ],
  ])
    .option('--rule <rule>', 'of this rule')
    .option('--key <key>', 'one alert of that rule, by its key')
    .option('--name <name>', 'about this name; .example.com takes all names below it too')
    .option('--client <id>', 'of this client')
    .option('--label <label>', 'of clients with this label')
    .option('--ca <name>', 'of this CA')
    .requiredOption('--for <time>', 'how long: 12h, 7d from now, or up to a time like 2027-01-31T12:00:00Z')
    .option('--reason <text>', 'why, for those who wonder', 'not said')
    .option('--json', 'as JSON')
    .action(async (options: SilenceOptions, self) => {
      const { terminal } = context
      const request = requestOf(options)
      const server = await requireServer(configOf(context, self).config, 'alerts silence')
      const silence = await server.silence(request, LOCAL).catch(refused)
      if (options.json === true) return writeJson(terminal, silence)
      terminal.warn(
        `silence ${silence.id} holds until ${silence.until}. Alerts are recorded and listed all the same.`,
      )
      terminal.warn(await quietNow(server, silence))
      terminal.warn(`End it with: acmetap alerts unsilence ${silence.id}`)
    })
}

/** A silence with a slip in it keeps nothing quiet: better seen now than at night. */
async function quietNow({ alerts }: Pick<Operations, 'alerts'>, { id, rule, ca }: Silence): Promise<string> {
  const { items, next } = await alerts.alerts({ state: 'firing', rule, ca, limit: 1000 })
  const quiet = items.filter(({ silenced }) => silenced === id).length
  if (quiet > 0) return `Of what fires now it keeps quiet: ${quiet}${next === null ? '' : ' or more'}.`
  return next === null
    ? 'Nothing that fires now matches it.'
    : 'None of the last 1000 alerts that fire matches it.'
}

function requestOf(options: SilenceOptions): SilenceRequest {
  const matches = Object.fromEntries(
    MATCHED.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  )
  if (Object.keys(matches).length === 0) {
    throw new UsageError(
      `nothing to match: give at least one of ${MATCHED.map((one) => `--${one}`).join(', ')}`,
    )
  }
  const end = expiry.safeParse(options.for)
  if (!end.success)
    throw new UsageError(`--for ${JSON.stringify(options.for)} ${end.error.issues[0]?.message}`)
  const read = silenceRequest.safeParse({ ...matches, until: instantOf(end.data), reason: options.reason })
  if (read.success) return read.data
  const issue = read.error.issues[0]!
  const name = String(issue.path[0] ?? '') as (typeof MATCHED)[number]
  const near =
    issue.code === 'invalid_value' ? closest(options[name] ?? '', issue.values.map(String)) : undefined
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw new UsageError(
    `--${name} ${JSON.stringify(options[name])} ${issue.code === 'invalid_value' ? 'is not known' : issue.message}${hint}`,
  )
}

function refused(error: unknown): never {
  if (!(error instanceof FilterRefused)) throw error
  throw new UsageError(`--${error.filter === 'until' ? 'for' : error.filter} ${error.reason}`)
}
