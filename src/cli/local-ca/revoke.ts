import { Option } from 'commander'
import { LOCAL_REASONS, type LocalRevocation } from '../../api/local-ca-operations.ts'
import { requireServer } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { LOCAL } from '../local-actor.ts'
import { writeJson } from '../terminal.ts'

interface RevokeOptions {
  readonly reason: LocalRevocation['reason']
  readonly json?: boolean
}

export function revokeCommand(context: CommandContext) {
  return command('revoke', 'revoke a certificate of a local CA', [
    ['local-ca revoke internal 5f3a9c0b7d214e6f8a1b2c3d4e5f6071', "a serial of 'local-ca list'"],
    ['local-ca revoke internal 5f3a… --reason keyCompromise', 'with the reason, which the list tells'],
  ])
    .argument('<name>', 'a name under local_cas')
    .argument('<serial>', 'its serial number in hex')
    .addOption(new Option('--reason <reason>', 'why').choices(LOCAL_REASONS).default('unspecified'))
    .option('--json', 'as JSON')
    .action(async (name: string, serial: string, options: RevokeOptions, self) => {
      const { terminal } = context
      const { config } = configOf(context, self)
      const { localCa } = await requireServer(config, 'local-ca revoke')
      const revoked = await localCa.revoke({ ca: name, serial, reason: options.reason }, LOCAL)
      if (options.json === true) return writeJson(terminal, revoked)
      terminal.write(`revoked, and in the revocation list: ${revoked.serial}\n`)
    })
}
