import { type Delivery, deliveryFilter } from '../../alerts/notification.ts'
import type { CommandContext } from '../command-context.ts'
import { listCommand } from '../lists/list-command.ts'
import type { Column } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { whenText } from '../time.ts'

export function alertHistoryCommand(context: CommandContext) {
  const list = listCommand(context, {
    one: 'notification',
    many: 'notifications',
    description: 'who was told what, and what became of it, newest first',
    examples: [
      ['alerts history', 'the last fifty'],
      ['alerts history --state waiting', 'what a channel has not taken yet, and why'],
      ['alerts history --kind heartbeat', 'signs of life, which are left out otherwise'],
      ['alerts history --channel ops --all --json', 'for other programs'],
    ],
    filter: deliveryFilter,
    page: ({ alerts }, filter) => alerts.deliveries(filter),
    columns,
    none: 'nobody was told anything yet',
    hint: 'Channels are named under alerts.channels; try one with: acmetap alerts test NAME',
  })
  return list.name('history')
}

function columns({ colors, now }: Terminal, utc: boolean): Column<Delivery>[] {
  const clock = { now: now(), utc }
  return [
    { title: 'MADE', text: ({ notification }) => whenText(notification.made, clock) },
    { title: 'CHANNEL', text: ({ notification }) => notification.channel },
    { title: 'KIND', text: ({ notification }) => notification.kind },
    { title: 'WHAT', text: ({ notification }) => notification.title, gives: true },
    { title: 'ALERTS', text: ({ notification }) => String(notification.count), from: 100 },
    {
      title: 'STATE',
      text: ({ state }) => state,
      paint: (text, { state }) => (state === 'delivered' ? text : colors.red(text)),
    },
    { title: 'TRIES', text: ({ attempts }) => String(attempts), from: 100 },
    { title: 'NEXT', text: ({ next }) => whenText(next, clock), from: 120 },
    { title: 'ERROR', text: ({ error }) => error ?? '', gives: true, from: 120 },
  ]
}
