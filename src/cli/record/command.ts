import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { verifyCommand } from './verify.ts'

export function recordCommand(context: CommandContext): Command {
  return new Command('record').description('the record itself').addCommand(verifyCommand(context))
}
