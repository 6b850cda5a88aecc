import type { ShownBrokerOrder } from '../../api/broker-operations.ts'
import { requireServer } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { wholeNumber } from '../given-values.ts'
import { type Column, renderProse, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'

interface Options {
  readonly endpoint?: string
  readonly ca?: string
  readonly open?: boolean
  readonly limit: string
  readonly utc?: boolean
  readonly json?: boolean
}

export function ordersCommand(context: CommandContext) {
  return command(
    'orders',
    'orders of clients: which CA serves each, where it was tried before, newest first',
    [
      ['broker orders', 'the last fifty'],
      ['broker orders --open', 'those that have not ended'],
      ['broker orders --ca zerossl', 'served by one CA'],
    ],
  )
    .option('--endpoint <name>', 'of this endpoint')
    .option('--ca <name>', 'served by this CA')
    .option('--open', 'only those that have not ended')
    .option('--limit <number>', 'at most so many, 1 to 1000', '50')
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (options: Options, self) => {
      const { terminal } = context
      const { endpoint, ca, open } = options
      const limit = wholeNumber(options.limit, '--limit', 1000)
      const server = await requireServer(configOf(context, self).config, 'broker orders')
      const orders = await server.broker.orders({
        limit,
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(ca === undefined ? {} : { ca }),
        ...(open === true ? { open } : {}),
      })
      if (options.json === true) return writeJson(terminal, orders)
      if (orders.length === 0) return terminal.warn('there is no such order')
      terminal.write(renderTable(terminal, columns(terminal, options.utc === true), orders))
      for (const { id, left, error } of orders) {
        for (const { ca: other, why } of left)
          terminal.write(renderProse(terminal, `${id}  `, `left ${other}: ${why}`))
        if (error !== null) terminal.write(renderProse(terminal, `${id}  `, error))
      }
    })
}

function columns({ now }: Terminal, utc: boolean): Column<ShownBrokerOrder>[] {
  const when = (instant: string | null) => whenText(instant, { now: now(), utc })
  return [
    { title: 'ORDER', text: ({ id }) => id },
    {
      title: 'NAMES',
      text: ({ identifiers }) => identifiers.map(({ value }) => value).join(' '),
      gives: true,
    },
    { title: 'LABEL', text: ({ label }) => label ?? '-' },
    { title: 'STATUS', text: ({ status }) => status },
    { title: 'CA', text: ({ ca }) => ca },
    { title: 'CHANGED', text: ({ changedAt }) => when(changedAt) },
    { title: 'ENDPOINT', text: ({ endpoint }) => endpoint, from: 110 },
  ]
}
