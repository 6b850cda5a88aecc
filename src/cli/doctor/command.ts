import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Findings } from '../../audit/diagnosis/finding.ts'
import { PRESETS } from '../../config/presets.ts'
import { directoryFault } from '../../config/values.ts'
import { connectServer } from '../backend.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, type GlobalOptions } from '../command-context.ts'
import { findConfig, openConfig } from '../config-file.ts'
import { clientNamed } from '../enroll/clients.ts'
import { readCertificates } from '../enroll/surroundings.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { examineClientSide } from './client-side.ts'
import { domainCommand } from './domain/command.ts'
import { renderFinding } from './render-finding.ts'
import { examineServerSide } from './server-side.ts'

interface Options {
  readonly proxy?: string
  readonly ca?: string
  readonly root?: string
  readonly client?: string
  readonly json?: boolean
}

export function doctorCommand(context: CommandContext) {
  return command(
    'doctor',
    'find what stands between a client and its CA, or ails the server; exit code 1 if anything does',
    [
      ['doctor', 'on the server: configuration, policy, data, root, listeners, CAs, sinks'],
      ['doctor --ca letsencrypt --client certbot', "on a client's machine, with the variables it has"],
      ['doctor --proxy http://acmetap:3128 --ca https://ca/directory --root root.pem', 'naming everything'],
      ['doctor domain www.example.org', 'anywhere: look at a name as a CA does before it issues'],
    ],
  )
    .option('--proxy <url>', 'look from a client, through this proxy')
    .option('--ca <url>', 'look from a client, for this directory URL (or the name of a preset)')
    .option('--root <file>', 'PEM file of the root that it should be')
    .option('--client <name>', 'read variables and roots as this client does; one of acmetap enroll --list')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      "\nWith --proxy, --ca or --client it looks from a client's machine, else at the server. Run it with the client's\nvariables: /etc/acmetap/clients/NAME/run acmetap doctor … Without Node there: curl -fsS http://PROXY/doctor.sh | sh",
    )
    .action(async (options: Options, self: Command) => {
      const { terminal } = context
      const asClient = [options.proxy, options.ca, options.client].some((one) => one !== undefined)
      const findings = asClient ? await clientSide(options, terminal) : await serverSide(context, self)
      if (findings.failed) context.exitWith(1)
      if (options.json === true) return writeJson(terminal, { ok: !findings.failed, findings: findings.all })
      for (const finding of findings.all) terminal.write(renderFinding(finding, terminal))
    })
    .addCommand(domainCommand(context))
}

async function clientSide(options: Options, terminal: Terminal): Promise<Findings> {
  const client = options.client === undefined ? null : clientNamed(options.client)
  if (client === undefined)
    throw new UsageError(`no client is called ${JSON.stringify(options.client)}; see acmetap enroll --list`)
  return examineClientSide({
    proxy: options.proxy,
    directories: directoriesOf(options.ca),
    roots: options.root === undefined ? null : readCertificates(resolve(terminal.folder, options.root)),
    client,
    variables: terminal.env,
    now: terminal.now() / 1000,
  })
}

/** Presets of CAs that everybody installs for himself name no directory. */
const WITH_DIRECTORY = new Map<string, readonly string[]>(
  Object.entries(PRESETS)
    .map(([name, { directories }]) => [name, directories] as const)
    .filter(([, directories]) => directories.length > 0),
)

function directoriesOf(ca: string | undefined): readonly string[] {
  if (ca === undefined)
    throw new UsageError(
      `--ca must say which CA the client uses: a directory URL or a preset (${[...WITH_DIRECTORY.keys()].join(', ')})`,
    )
  const preset = WITH_DIRECTORY.get(ca)
  if (preset !== undefined) return preset
  const fault = directoryFault(ca)
  if (fault !== null) throw new UsageError(`--ca ${fault}`)
  return [ca]
}

function serverSide({ terminal }: CommandContext, self: Command): Promise<Findings> {
  const named = self.optsWithGlobals<GlobalOptions>().config
  return examineServerSide({
    load: () => openConfig(terminal, serverConfig(terminal, named), true),
    server: connectServer,
    now: terminal.now(),
  })
}

/** On a client's machine there is none: then the options that are missing are the advice. */
function serverConfig(terminal: Terminal, named: string | undefined): string {
  try {
    return findConfig(terminal, named)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    throw new CliError(
      error.message,
      "On the server: name it with --config FILE. On a client's machine: acmetap doctor --ca URL --client NAME",
    )
  }
}
