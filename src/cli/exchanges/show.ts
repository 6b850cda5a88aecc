import { isExchangeId } from '../../exchange/exchange-id.ts'
import { withRecords } from '../backend.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { addPlaces, type PlaceOptions, placesOf } from '../places.ts'
import { writeJson } from '../terminal.ts'
import { diagnosisOf } from './diagnosis-of.ts'
import { bodiesOf, renderExchange } from './render-exchange.ts'

interface ShowOptions extends PlaceOptions {
  readonly bodies?: boolean
  readonly json?: boolean
}

export function showCommand(context: CommandContext) {
  const show = command('show', 'show one exchange in full, with what went wrong and what to do', [
    ['exchanges show 0198c0de-…', 'by the id in Acmetap-Exchange or in the list'],
    ['exchanges show 0198c0de-… --bodies', 'with what was sent and answered'],
  ])
  return addPlaces(show)
    .argument('<id>', 'the exchange id')
    .option('--bodies', 'also the protected header, the payload and the answer, as far as they are kept')
    .option('--json', 'as JSON')
    .action(async (id: string, options: ShowOptions, self) => {
      if (!isExchangeId(id))
        throw new UsageError('an exchange id is a UUIDv7 in lower case; acmetap exchanges lists them')
      const data = placesOf(options, context.terminal)
      const places = { config: () => configOf(context, self).config, data }
      const shown = await withRecords(places, context.application, async (reader) => {
        const exchange = await reader.exchange(id)
        if (exchange === null) return null
        const bodies =
          options.bodies === true
            ? await bodiesOf(exchange, (digest) => reader.body(exchange.id, digest))
            : []
        return { exchange, bodies }
      })
      if (shown === null)
        throw new CliError(`there is no exchange ${id} in this record`, 'List them with: acmetap exchanges')
      const { exchange, bodies } = shown
      if (options.json === true) {
        const texts = bodies.map(({ name, bytes }) => [name, bytes?.toString('base64') ?? null])
        const shownAs = { ...exchange, diagnosis: diagnosisOf(exchange) }
        return writeJson(
          context.terminal,
          options.bodies === true ? { ...shownAs, bodies: Object.fromEntries(texts) } : shownAs,
        )
      }
      context.terminal.write(renderExchange(context.terminal, exchange, bodies))
    })
}
