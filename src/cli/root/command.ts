import { type CommandContext, command } from '../command-context.ts'
import { csrCommand } from './csr.ts'
import { exportCommand } from './export.ts'
import { importCommand } from './import.ts'
import { rotateCommand } from './rotate.ts'
import { showCommand } from './show.ts'

export function rootCommand(context: CommandContext) {
  return command('root', 'the roots that clients must trust, and what signs under them', [
    ['root show', 'fingerprint and PEM, to install on clients'],
    ['root csr > acmetap.csr', "ask your own CA, so that clients need no new root; then 'root import'"],
    ['root rotate', 'prepare the next interception root, before the current one ends'],
  ])
    .addCommand(showCommand(context))
    .addCommand(csrCommand(context))
    .addCommand(importCommand(context))
    .addCommand(rotateCommand(context))
    .addCommand(exportCommand(context))
}
