import { resolve } from 'node:path'
import type { Jwk } from '../../acme/jwk.ts'
import type { Config } from '../../config/schema.ts'
import type { AccountKey } from '../../exchange/resource.ts'
import { requireServer } from '../backend.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { writeJson } from '../terminal.ts'

interface ImportOptions {
  readonly ca?: string
  readonly json?: boolean
}

export function importCommand(context: CommandContext) {
  return command(
    'import',
    "learn account keys from clients' own files; only public keys leave this command",
    [
      ['accounts import /etc/letsencrypt', 'of certbot'],
      ['accounts import ~/.lego/accounts ~/.acme.sh', 'of several clients'],
      ['accounts import ./accounts --ca pebble', 'when the account URL does not tell the CA'],
    ],
  )
    .argument('<path...>', 'files and folders of certbot, lego, acme.sh, dehydrated or Caddy')
    .option('--ca <name>', 'the CA of accounts whose URL is under no relayed host and no directory')
    .option('--json', 'as JSON')
    .action(async (paths: string[], options: ImportOptions, self) => {
      const { terminal } = context
      const { config } = configOf(context, self)
      if (options.ca !== undefined && !Object.hasOwn(config.cas, options.ca)) {
        throw new UsageError(
          `--ca ${JSON.stringify(options.ca)} is not under cas: ${Object.keys(config.cas).join(', ')}`,
        )
      }
      const { readAccountFiles } = await import('./read-account-files.ts')
      const { found, problems } = await readAccountFiles(paths.map((path) => resolve(terminal.folder, path)))
      const keys: AccountKey[] = []
      const troubles = [...problems]
      for (const { account, jwk, thumbprint, from } of found) {
        const ca = caOfAccount(config, account) ?? options.ca
        if (ca === undefined)
          troubles.push(`${from}: ${account} is under no relayed host; name its CA with --ca`)
        else keys.push({ ca, account, jwk: publicPart(jwk), thumbprint, source: 'import' })
      }
      for (const trouble of troubles) terminal.warn(escapeText(trouble))
      if (keys.length === 0) {
        throw new CliError('no account was found', 'Point at the folder where the client keeps its accounts.')
      }
      const server = await requireServer(config, 'accounts import')
      const report = await server.importAccounts(keys)
      if (troubles.length > 0) context.exitWith(1)
      if (options.json === true) return writeJson(terminal, { ...report, problems: troubles })
      terminal.write(`${report.added} new, ${report.known} known before\n`)
    })
}

/** The CA whose relayed host or own directory has the origin of this account URL. */
function caOfAccount(config: Config, account: string): string | undefined {
  if (!URL.canParse(account)) return undefined
  const { host, origin } = new URL(account)
  const relayed = config.relay.find((relay) => relay.host === host)
  if (relayed !== undefined) return relayed.ca
  const own = Object.entries(config.cas).filter(([, ca]) =>
    ca.directory.some((url) => new URL(url).origin === origin),
  )
  return own.length === 1 ? own[0]![0] : undefined
}

function publicPart({ kty, crv, x, y, n, e }: Jwk): Jwk {
  const members = Object.entries({ crv, x, y, n, e }).filter(([, value]) => value !== undefined)
  return { kty, ...Object.fromEntries(members) }
}
