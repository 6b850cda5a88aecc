import { type CommandContext, command } from '../command-context.ts'
import { writeJson } from '../terminal.ts'
import {
  type Authorities,
  allNames,
  alsoNames,
  change,
  mustHaveNames,
  openAuthorities,
} from './authorities.ts'

interface CsrOptions {
  readonly also?: readonly string[]
  readonly json?: boolean
}

export function csrCommand(context: CommandContext) {
  return command('csr', 'print a request for your own CA, so that acmetap issues under a root clients have', [
    ['root csr > acmetap.csr', 'the request; what to do with it goes to standard error'],
    ['root csr --also acme.example.net > acmetap.csr', 'with a host of a CA that comes later'],
  ])
    .option('--also <names...>', 'hosts to permit besides those of intercept.cas')
    .option('--json', 'as JSON, with the extensions for OpenSSL')
    .action(async (options: CsrOptions, self) => {
      const { terminal } = context
      const authorities = await openAuthorities(context, self)
      mustHaveNames(authorities)
      const also = await alsoNames(options.also)
      const { names } = authorities
      const wanted = {
        dns: [...new Set([...names.dns, ...also.dns])],
        ips: [...new Set([...names.ips, ...also.ips])],
      }
      const { makeSigningRequest, opensslExtensions } = await import('../../interception/signing-request.ts')
      const key = await change(authorities, () => pendingKey(authorities))
      const request = await makeSigningRequest(key, wanted, authorities.config.instance)
      const extensions = opensslExtensions(wanted)
      if (options.json === true) {
        return writeJson(terminal, { names: allNames(wanted), request, extensions })
      }
      terminal.write(request)
      for (const line of instructions(extensions, options.also ?? [])) terminal.warn(line)
    })
}

/** The key of an earlier request that nothing was imported for serves again: what was signed for it stays good. */
async function pendingKey({ folder }: Authorities): Promise<string> {
  const known = await folder.readPending()
  if (known !== null) return known
  const { makeRequestKey } = await import('../../interception/signing-request.ts')
  const key = await makeRequestKey()
  await folder.writePending(key)
  return key
}

function instructions(extensions: string, also: readonly string[]): string[] {
  const words = also.length === 0 ? '' : ` --also ${also.join(' ')}`
  return [
    '',
    'Let your CA sign this with these extensions, all of them: an import without them is refused.',
    'With OpenSSL, where root.pem and root.key are your CA:',
    '',
    "cat > acmetap.ext <<'END'",
    ...extensions.trimEnd().split('\n'),
    'END',
    'openssl x509 -req -in acmetap.csr -CA root.pem -CAkey root.key -days 365 -sha256 \\',
    '  -extfile acmetap.ext -out acmetap.pem',
    '',
    'Then, with the intermediates of your CA as further files where it has any:',
    `acmetap root import acmetap.pem --root root.pem${words}`,
  ]
}
