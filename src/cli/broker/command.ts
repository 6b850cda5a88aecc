import { type CommandContext, command } from '../command-context.ts'
import { drillCommand } from './drill.ts'
import { migrateCommand } from './migrate.ts'
import { ordersCommand } from './orders.ts'
import { statusCommand } from './status.ts'

export function brokerCommand(context: CommandContext) {
  return command(
    'broker',
    'acmetap as an ACME server: its endpoints, where orders go, rehearsals, moving over',
    [
      ['broker status', 'directory URLs, CAs and how each stands'],
      ['broker orders --open', 'what is under way, and where'],
      ['broker drill start --ca letsencrypt --for 10m', 'see what happens when it is down'],
      ['broker migrate --from intercept', 'what to write to move clients here'],
    ],
  )
    .addHelpText('after', '\nAll of it is explained in docs/broker.md.')
    .addCommand(statusCommand(context))
    .addCommand(ordersCommand(context))
    .addCommand(drillCommand(context))
    .addCommand(migrateCommand(context))
}
