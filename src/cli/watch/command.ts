import { type CommandContext, command, withDefault } from '../command-context.ts'
import { addCommand, removeCommand } from './change.ts'
import { listEndpointsCommand } from './list.ts'
import { probeEndpointCommand } from './probe.ts'

export function watchCommand(context: CommandContext) {
  const group = command('watch', 'places whose served certificate is looked at every day', [
    ['watch', 'the list, with what was seen last'],
    ['watch add mail.example.com:25/smtp', 'put a place on it; TLS begins there after STARTTLS'],
    ['watch probe www.example.com:443', 'look at a place now, on the list or not'],
  ])
  return withDefault(
    group,
    listEndpointsCommand(context),
    addCommand(context),
    removeCommand(context),
    probeEndpointCommand(context),
  )
}
