import { type CommandContext, command } from '../command-context.ts'
import { withNamedDefault } from '../lists/named-group.ts'
import { channelsCommand } from './channels.ts'
import { alertHistoryCommand } from './history.ts'
import { listAlertsCommand } from './list.ts'
import { showAlertCommand } from './show.ts'
import { silenceCommand } from './silence.ts'
import { silencesCommand } from './silences.ts'
import { testChannelCommand } from './test.ts'
import { unsilenceCommand } from './unsilence.ts'

export function alertsCommand(context: CommandContext) {
  const group = command(
    'alerts',
    'what somebody must be told: what fires, who was told, what is kept quiet',
    [
      ['alerts', 'what is wrong now'],
      ['alerts show 5a1e9d3b7c2f4680', 'one, with its cause, its remedy and its evidence'],
      [
        'alerts silence --name .example.com --for 2h --reason "moving servers"',
        'tell nobody about these names',
      ],
      ['alerts history', 'who was told what, and whether it arrived'],
      ['alerts test ops', 'send a notification to a channel now'],
    ],
  )
  return withNamedDefault(
    group,
    listAlertsCommand(context),
    showAlertCommand(context),
    silenceCommand(context),
    silencesCommand(context),
    unsilenceCommand(context),
    alertHistoryCommand(context),
    channelsCommand(context),
    testChannelCommand(context),
  )
}
