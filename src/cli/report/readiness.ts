import type { Command } from 'commander'
import { assess, type ClientReadiness, NOT_SEEN } from '../../audit/readiness/assess.ts'
import { histories, type ReadinessReader } from '../../audit/readiness/collect.ts'
import { caKind } from '../../audit/readiness/horizon.ts'
import { VERDICTS } from '../../audit/readiness/verdict.ts'
import type { Config } from '../../config/schema.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { type ReadinessReport, readinessMarkdown, readinessText } from './readiness-render.ts'

interface ReadinessOptions extends PlaceOptions {
  readonly json?: boolean
  readonly format?: string
  readonly all?: boolean
}

const TELL_EVERY = 2_000_000

export function readinessCommand(context: CommandContext): Command {
  const readiness = command(
    'readiness',
    'who breaks when certificates live 64 and 45 days, from what the traffic showed',
    [
      ['report readiness', 'what asks for attention, by client'],
      ['report readiness --all', 'the ready ones too'],
      ['report readiness --format markdown > readiness.md', 'for a page'],
    ],
  )
  return addPlace(readiness)
    .option('--format <format>', 'text or markdown', 'text')
    .option('--all', 'every check of every client')
    .option('--json', 'as JSON, with every check of every client')
    .action(async (options: ReadinessOptions, self: Command) => {
      const { terminal } = context
      const { format = 'text' } = options
      if (format !== 'text' && format !== 'markdown') {
        throw new UsageError(`--format ${JSON.stringify(format)} is not known; known: text, markdown`)
      }
      // A record from elsewhere is judged by the URLs in it alone.
      const cas = options.data === undefined ? configOf(context, self).config.cas : {}
      const report = await withPlace(context, self, options, ({ operations }) =>
        readinessOf(operations.inventory, cas, terminal),
      )
      if (options.json === true) return writeJson(terminal, report)
      if (report.clients.length === 0) return terminal.warn('no client with an account has been seen yet')
      terminal.write(
        format === 'markdown'
          ? readinessMarkdown(report, options.all === true)
          : readinessText(report, terminal, options.all === true),
      )
    })
}

async function readinessOf(
  inventory: ReadinessReader,
  cas: Config['cas'],
  { now, warn }: Terminal,
): Promise<ReadinessReport> {
  const clients: ClientReadiness[] = []
  let told = now()
  for await (const history of histories(inventory)) {
    const { account } = history.client
    const preset = account !== null && Object.hasOwn(cas, account.ca) ? cas[account.ca]!.preset : undefined
    clients.push(assess(history, caKind(preset, account?.url ?? null)))
    if (now() - told < TELL_EVERY) continue
    told = now()
    warn(`${clients.length} clients so far`)
  }
  clients.sort(
    (a, b) =>
      VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict) ||
      (a.client.host < b.client.host ? -1 : a.client.host > b.client.host ? 1 : 0),
  )
  return { at: new Date(now() / 1000).toISOString(), clients, notSeen: NOT_SEEN }
}
