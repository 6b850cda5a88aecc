import { type CommandContext, command } from '../command-context.ts'
import { withNamedDefault } from '../lists/named-group.ts'
import { listFailuresCommand } from './list.ts'
import { showFailureCommand } from './show.ts'

export function failuresCommand(context: CommandContext) {
  const group = command('failures', 'what went wrong, why, and what to do about it', [
    ['failures', 'of the last 7 days: what fails most, then the newest'],
    ['failures www.example.com', 'for this name'],
    ['failures show 0123456789abcdef', 'one in full'],
  ])
  return withNamedDefault(group, listFailuresCommand(context), showFailureCommand(context))
}
