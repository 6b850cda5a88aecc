import { type CommandContext, command } from '../command-context.ts'
import { verifyCommand } from './verify.ts'

export function recordCommand(context: CommandContext) {
  return command('record', 'the record itself', [
    ['record verify', 'see that nothing in it was changed'],
  ]).addCommand(verifyCommand(context))
}
