import { UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { LOCAL } from '../local-actor.ts'
import { withEngine } from './backend.ts'
import { finish } from './finish.ts'

interface RenewOptions {
  readonly all?: boolean
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function renewCommand(context: CommandContext) {
  return command('renew', 'renew managed certificates that are due, or those that are named', [
    ['engine renew', 'all that are due'],
    ['engine renew www.example.com --force', 'one, due or not'],
    ['engine renew --all --dry-run', "every one, against the CAs' staging: would it work?"],
    ['engine renew --all --force', 'every one, after a key was lost or a CA asked for it'],
  ])
    .addHelpText(
      'after',
      '\nA running server renews by itself (engine.renew). When each is due: acmetap engine certificates.\nExit code 0: all were issued or not due. 1: at least one was not.',
    )
    .argument('[certificates...]', 'managed certificates, by name; without: all')
    .option('--all', 'all of them: needed with --force, where none is named')
    .option('--force', 'due or not')
    .option('--dry-run', "against the CA's staging; nothing is kept or put anywhere")
    .option('--json', 'events as JSON, one a line')
    .action(async (names: string[], options: RenewOptions, self) => {
      const { all, force, dryRun } = options
      if (all === true && names.length > 0) throw new UsageError('--all and names exclude each other')
      if (names.length === 0 && all !== true && force === true)
        throw new UsageError('--force renews what is not due: name the certificates, or say --all')
      const { config } = configOf(context, self)
      const known = config.engine.certificates.map(({ name }) => name)
      const unknown = names.find((name) => !known.includes(name))
      if (unknown !== undefined) {
        throw new UsageError(
          `${JSON.stringify(unknown)} is no managed certificate; known: ${known.slice(0, 20).join(', ') || 'none'}`,
        )
      }
      const request = {
        certificates: names,
        ...(force === true ? { force } : {}),
        ...(dryRun === true ? { dryRun } : {}),
      }
      await withEngine(context, self, (backend) =>
        finish(context, backend, {
          json: options.json === true,
          begin: (signal) => backend.operations.renew(request, LOCAL, signal),
        }),
      )
    })
}
