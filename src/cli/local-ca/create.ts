import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { renderFields } from '../render.ts'
import { writeJson } from '../terminal.ts'
import { fieldsOf, openConfigured, summary, withFiles } from './configured.ts'

interface CreateOptions {
  readonly next?: boolean
  readonly activate?: boolean
  readonly json?: boolean
}

export function createCommand(context: CommandContext) {
  return command('create', 'make a root and an issuer under it', [
    ['local-ca create internal', 'the first; it signs from now on'],
    ['local-ca create internal --next', 'the next: install its root on clients before it signs'],
    ['local-ca create internal --activate', 'what --next made signs from now on'],
  ])
    .argument('<name>', 'a name under local_cas')
    .option('--next', 'make the next root and issuer, beside those that sign')
    .option('--activate', 'let those sign that --next made')
    .option('--json', 'as JSON')
    .action(async (name: string, options: CreateOptions, self) => {
      const { terminal } = context
      if (options.next === true && options.activate === true)
        throw new UsageError('--next and --activate: name one of them')
      const configured = await openConfigured(context, self, name, options.activate !== true)
      const { files, settings } = configured
      const { activateIssuer, createIssuer, waitingIssuer } = await import(
        '../../broker/local-ca/create-local-ca.ts'
      )
      const issuer = await withFiles(configured, async () => {
        if (options.activate === true) return await activateIssuer(files)
        const current = await files.current()
        if (current !== null && options.next !== true)
          throw new CliError(
            `the local CA ${name} has an issuer already: ${files.issuerFile(current)}`,
            `For the next one, whose root clients need too: acmetap local-ca create ${name} --next`,
          )
        if (options.next === true && (await waitingIssuer(files)) !== null)
          throw new CliError(
            `the next issuer of ${name} is made already`,
            `When clients have its root: acmetap local-ca create ${name} --activate`,
          )
        return await createIssuer(files, settings, await configured.lock(), terminal.now())
      })
      const waits = (await files.current()) !== issuer.generation
      if (options.json === true) return writeJson(terminal, { ...summary(issuer), waits, pem: issuer.root })
      terminal.write(
        waits
          ? `made; it signs after: acmetap local-ca create ${name} --activate\n`
          : 'it signs from now on; a running server takes it up within seconds\n',
      )
      terminal.write(renderFields(terminal, fieldsOf(issuer)))
      if (options.activate === true) return
      const { NameScope } = await import('../../broker/local-ca/name-scope.ts')
      for (const line of new NameScope(settings.names, settings.networks).notExpressed)
        terminal.warn(`note: its name constraints permit more than ${line}`)
      terminal.write(`\nClients must trust this root; its key is kept nowhere.\n${issuer.root}`)
    })
}
