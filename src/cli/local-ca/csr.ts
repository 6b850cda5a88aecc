import { type CommandContext, command } from '../command-context.ts'
import { writeJson } from '../terminal.ts'
import { openConfigured, withFiles } from './configured.ts'

export function csrCommand(context: CommandContext) {
  return command('csr', 'print a request for an issuer under your own root, which may be offline', [
    ['local-ca csr internal > internal.csr', 'the request; what to do with it goes to standard error'],
  ])
    .argument('<name>', 'a name under local_cas')
    .option('--json', 'as JSON, with the extensions for OpenSSL')
    .action(async (name: string, options: { readonly json?: boolean }, self) => {
      const { terminal } = context
      const configured = await openConfigured(context, self, name, true)
      const { requestIssuer } = await import('../../broker/local-ca/create-local-ca.ts')
      const { opensslExtensions } = await import('../../broker/local-ca/openssl-extensions.ts')
      const { request, scope } = await withFiles(configured, async () =>
        requestIssuer(configured.files, configured.settings, await configured.lock()),
      )
      const extensions = opensslExtensions(scope.subtrees)
      if (options.json === true) return writeJson(terminal, { request, extensions })
      terminal.write(request)
      for (const line of instructions(name, extensions)) terminal.warn(line)
    })
}

function instructions(name: string, extensions: string): string[] {
  return [
    '',
    'Let your root sign this with these extensions, all of them: an import without them is refused.',
    'With OpenSSL, where root.pem and root.key are your root:',
    '',
    `cat > ${name}.ext <<'END'`,
    ...extensions.trimEnd().split('\n'),
    'END',
    `openssl x509 -req -in ${name}.csr -CA root.pem -CAkey root.key -days 1825 -sha256 \\`,
    `  -extfile ${name}.ext -out ${name}.pem`,
    '',
    'Then, with the intermediates of your CA as further files where it has any:',
    `acmetap local-ca import ${name} ${name}.pem --root root.pem`,
  ]
}
