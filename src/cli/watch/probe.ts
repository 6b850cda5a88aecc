import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type Probed, probe, watchDial } from '../../alerts/watch/probe.ts'
import { rootsWith } from '../../alerts/watch/roots.ts'
import type { WayOut } from '../../ca/dial.ts'
import { egressProxyOf } from '../../ca/egress-proxy.ts'
import { OwnAddresses } from '../../ca/own-addresses.ts'
import { createResolve } from '../../ca/resolve.ts'
import type { Config } from '../../config/schema.ts'
import { CliError } from '../cli-error.ts'
import { type CommandContext, command, type GlobalOptions } from '../command-context.ts'
import { findConfig, openConfig } from '../config-file.ts'
import { escapeText } from '../escape.ts'
import { renderFields } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'
import { placeNamed } from './change.ts'

interface ProbeFlags {
  readonly trust?: string
  readonly json?: boolean
  readonly utc?: boolean
}

export function probeEndpointCommand(context: CommandContext) {
  return command(
    'probe',
    'look at a place now and show what it serves, without a server too; exit code 1 if it does not verify',
    [
      ['watch probe www.example.com:443', 'TLS at once'],
      ['watch probe mail.example.com:25/smtp --json', 'after STARTTLS, for other programs'],
      ['watch probe ldap.internal:389/ldap --trust internal-root.pem', 'under a root of your own'],
    ],
  )
    .argument('<place>', 'host:port or host:port/KIND')
    .option('--trust <file>', 'PEM file of roots to trust besides the usual ones and those of the CAs')
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (word: string, options: ProbeFlags, self: Command) => {
      const { terminal } = context
      const place = placeNamed(word)
      const config = configThereIs(terminal, self.optsWithGlobals<GlobalOptions>().config)
      const files = [...Object.values(config?.cas ?? {}).map(({ trust }) => trust), options.trust]
      const roots = rootsWith(files.filter((file) => file !== undefined).map((file) => read(terminal, file)))
      const probed = await probe(place, { dial: watchDial(wayOutOf(config)), roots })
      if (probed.served?.certificate.trusted !== true) context.exitWith(1)
      const shown = {
        endpoint: place.endpoint,
        served: probed.served?.certificate ?? null,
        error: probed.error,
      }
      if (options.json === true) return writeJson(terminal, shown)
      terminal.write(render(place.endpoint, probed, terminal, options.utc === true))
    })
}

/** Where there is none, straight and by the system's resolver. One that was named must be there. */
function configThereIs(terminal: Terminal, named: string | undefined): Config | null {
  try {
    findConfig(terminal, named)
  } catch (error) {
    if (error instanceof CliError && named === undefined) return null
    throw error
  }
  return openConfig(terminal, named, true).config
}

function wayOutOf(config: Config | null): WayOut {
  return {
    resolve: createResolve(config?.egress.resolvers),
    own: new OwnAddresses(),
    proxy: config === null ? null : egressProxyOf(config.egress),
  }
}

function read(terminal: Terminal, name: string): string {
  const file = resolve(terminal.folder, name)
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function render(endpoint: string, { served, error }: Probed, terminal: Terminal, utc: boolean): string {
  const { colors } = terminal
  if (served === null) return `${endpoint}  ${colors.red(escapeText(error))}\n`
  const { certificate, keyType } = served
  const clock = { now: terminal.now(), utc }
  const verdict = certificate.trusted ? colors.green('verifies') : colors.red('does not verify')
  return `${endpoint}  ${verdict}\n${renderFields(terminal, [
    ['because', certificate.fault],
    ['names', certificate.names.join(', ')],
    ['expires', `${whenText(certificate.notAfter, clock)} (${certificate.notAfter})`],
    ['begins', certificate.notBefore],
    ['issuer', certificate.issuer],
    ['serial', certificate.serial],
    ['sha256', certificate.fingerprint],
    ['key', keyType],
    ...certificate.chain.map((subject, at) => [at === 0 ? 'chain' : '', subject] as const),
  ])}`
}
