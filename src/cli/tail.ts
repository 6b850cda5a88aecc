import type { Command } from 'commander'
import { exchangeFilter } from '../audit/inventory/exchange-filter.ts'
import { requireServer } from './backend.ts'
import { UsageError } from './cli-error.ts'
import { type CommandContext, command, configOf } from './command-context.ts'
import { passes } from './exchanges/passes.ts'
import { addFilterOptions, type GivenOptions, givenFilters, readFilters } from './lists/filter-options.ts'
import { renderTimelineEntry } from './timeline.ts'

interface TailOptions {
  readonly from?: string
  readonly json?: boolean
}

/** What can be told of one exchange alone: not whose client or order it is, and it has ended. */
export const TAIL_FILTER = exchangeFilter
  .omit({ client: true, order: true, since: true, until: true })
  .extend({
    account: exchangeFilter.shape.account.meta({ description: 'Of this account: its URL.' }),
    outcome: exchangeFilter.shape.outcome.unwrap().exclude(['running']).optional(),
  })

export function tailCommand(context: CommandContext) {
  const tail = command('tail', 'follow exchanges as they end', [
    ['tail', 'from now on'],
    ['tail --name .example.com --operation newOrder', 'orders for these names'],
    ['tail --status 429', 'what a CA limits'],
    ['tail --from 1200', 'from this sequence number on'],
    ['tail --json', 'one JSON object a line'],
  ])
  return addFilterOptions(tail, TAIL_FILTER)
    .option(
      '--from <sequence>',
      'begin with the exchange whose outcome has this sequence number, or a later one',
    )
    .option('--json', 'one JSON object a line')
    .action(async (options: TailOptions & GivenOptions, self: Command) => {
      const { terminal } = context
      const from = sequenceOf(options.from)
      const filter = readFilters(TAIL_FILTER, givenFilters(TAIL_FILTER, options), terminal.now())
      const { config } = configOf(context, self)
      const server = await requireServer(config, 'tail')
      const ending = new AbortController()
      const end = () => ending.abort()
      process.once('SIGINT', end).once('SIGTERM', end)
      try {
        for await (const exchange of server.tail(from, ending.signal)) {
          if (!passes(exchange, filter)) continue
          terminal.write(
            options.json === true ? `${JSON.stringify(exchange)}\n` : renderTimelineEntry(exchange, terminal),
          )
        }
        if (!ending.signal.aborted) terminal.warn('the server ended')
      } finally {
        process.off('SIGINT', end).off('SIGTERM', end)
      }
    })
}

function sequenceOf(text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new UsageError('--from must be a sequence number, as exchanges show tells it')
}
