import { requireServer } from './backend.ts'
import { UsageError } from './cli-error.ts'
import { type CommandContext, command, configOf } from './command-context.ts'
import { renderTimelineEntry } from './timeline.ts'

interface TailOptions {
  readonly from?: string
  readonly json?: boolean
}

export function tailCommand(context: CommandContext) {
  return command('tail', 'follow exchanges as they end', [
    ['tail', 'from now on'],
    ['tail --from 1200', 'from this sequence number on'],
    ['tail --json', 'one JSON object a line'],
  ])
    .option('--from <sequence>', 'begin with the exchange whose intent has this sequence number')
    .option('--json', 'one JSON object a line')
    .action(async (options: TailOptions, self) => {
      const { terminal } = context
      const from = sequenceOf(options.from)
      const { config } = configOf(context, self)
      const server = await requireServer(config, 'tail')
      const ending = new AbortController()
      const end = () => ending.abort()
      process.once('SIGINT', end).once('SIGTERM', end)
      try {
        for await (const exchange of server.tail(from, ending.signal)) {
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
