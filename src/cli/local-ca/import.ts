import { CliError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { renderFields } from '../render.ts'
import { readPem } from '../root/authorities.ts'
import { writeJson } from '../terminal.ts'
import { fieldsOf, openConfigured, summary, withFiles } from './configured.ts'

interface ImportOptions {
  readonly root?: string
  readonly unconstrained?: boolean
  readonly json?: boolean
}

export function importCommand(context: CommandContext) {
  return command('import', "take what your own root has signed of 'local-ca csr'; it signs from now on", [
    ['local-ca import internal internal.pem --root root.pem', 'the certificate, and the root clients trust'],
    ['local-ca import internal internal.pem ca.pem --root root.pem', 'with an intermediate of your CA'],
  ])
    .argument('<name>', 'a name under local_cas')
    .argument('<files...>', 'PEM files with the certificate for the request and the intermediates')
    .option('--root <file>', 'PEM file of the root that clients trust')
    .option('--unconstrained', 'take a certificate without name constraints')
    .option('--json', 'as JSON')
    .action(async (name: string, given: readonly string[], options: ImportOptions, self) => {
      const { terminal } = context
      const configured = await openConfigured(context, self, name, true)
      const certificates = given.map((file) => readPem(context, file)).join('\n')
      if (/PRIVATE KEY-----/.test(certificates))
        throw new CliError(
          'one of the files holds a private key',
          'The key of the issuer is here already: give the certificates alone.',
        )
      const { importIssuer } = await import('../../broker/local-ca/import-issuer.ts')
      const issuer = await withFiles(configured, async () =>
        importIssuer(configured.files, configured.settings, await configured.lock(), {
          certificates,
          roots: options.root === undefined ? null : readPem(context, options.root),
          unconstrained: options.unconstrained === true,
          now: terminal.now(),
        }),
      )
      if (options.json === true) return writeJson(terminal, summary(issuer))
      if (issuer.constraints === null)
        terminal.warn(
          'warning: it has no name constraints. Whoever has its key can stand in for any host on every client of this root.',
        )
      terminal.write('imported; a running server takes it up within seconds\n')
      terminal.write(renderFields(terminal, fieldsOf(issuer)))
    })
}
