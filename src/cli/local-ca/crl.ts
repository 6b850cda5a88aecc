import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { openConfigured, withFiles } from './configured.ts'

export function crlCommand(context: CommandContext) {
  return command('crl', 'print the revocation list, as the server made it last', [
    ['local-ca crl internal | openssl crl -noout -text', 'PEM'],
    ['local-ca crl internal --issuer 1 > old.crl.pem', 'of an earlier issuer'],
  ])
    .argument('<name>', 'a name under local_cas')
    .option('--issuer <number>', 'of which issuer (default: the one that signs)')
    .action(async (name: string, options: { readonly issuer?: string }, self) => {
      const configured = await openConfigured(context, self, name, false)
      const { files } = configured
      const { listName } = await import('../../broker/local-ca/issuer-files.ts')
      const { pemOf } = await import('../../broker/local-ca/authority-certificate.ts')
      if (options.issuer !== undefined && !/^[1-9]\d{0,5}$/.test(options.issuer))
        throw new UsageError(`--issuer: ${JSON.stringify(options.issuer)} is no number of an issuer`)
      const list = await withFiles(configured, async () => {
        const generation = options.issuer === undefined ? await files.current() : Number(options.issuer)
        if (generation === null) return null
        return await readFile(join(files.path, listName(name, generation))).catch(
          (error: NodeJS.ErrnoException) => {
            if (error.code === 'ENOENT') return null
            throw error
          },
        )
      })
      if (list === null)
        throw new CliError(
          `there is no revocation list of ${name} yet`,
          'A running server makes it within a minute: acmetap serve',
        )
      context.terminal.write(pemOf(list, 'X509 CRL'))
    })
}
