import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { withEngine } from '../engine/backend.ts'
import { openTarget } from '../output-target.ts'
import { planIdOf } from './plan-id.ts'

export function pickupCommand(context: CommandContext) {
  return command('pickup', 'the certificate that took the place of the one in a line, with its chain', [
    ['reissue pickup 019ab003-0000-7000-8000-00000000b001 3 > fullchain.pem', 'of line 3'],
    ['reissue pickup 019ab003-0000-7000-8000-00000000b001 3 --out fullchain.pem', 'into a new file'],
  ])
    .addHelpText('after', '\nIt has the key of the one before: that file stays where it is.')
    .argument('<plan>', 'its id')
    .argument('<line>', 'number of the line')
    .option('--out <file>', 'a file that does not exist yet; without it, standard output')
    .action(async (word: string, number: string, { out }: { out?: string }, self) => {
      const id = planIdOf(word)
      if (!/^[1-9]\d{0,6}$/.test(number))
        throw new UsageError(
          `${JSON.stringify(number)} is no number of a line; see acmetap reissue show ${id}`,
        )
      const pem = await withEngine(context, self, ({ operations }) => operations.pickup(id, Number(number)))
      if (pem === null)
        throw new CliError(
          `line ${number} has no certificate yet, or is none`,
          `See acmetap reissue show ${id}`,
        )
      const target = openTarget(context.terminal, out)
      await target.write(pem)
      target.finish('the chain, PEM')
    })
}
