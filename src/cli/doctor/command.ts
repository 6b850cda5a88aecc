import { resolve } from 'node:path'
import type { Command } from 'commander'
import { PRESETS } from '../../config/presets.ts'
import { directoryFault } from '../../config/values.ts'
import { connectServer } from '../backend.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command, type GlobalOptions } from '../command-context.ts'
import { openConfig } from '../config-file.ts'
import { clientNamed } from '../enroll/clients.ts'
import { readCertificates } from '../enroll/surroundings.ts'
import { escapeText } from '../escape.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { examineClientSide } from './client-side.ts'
import type { Finding, Findings } from './finding.ts'
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
      ['doctor', 'on the server: configuration, data, root, listeners, CAs, sinks'],
      ['doctor --ca letsencrypt --client certbot', "on a client's machine, with the variables it has"],
      ['doctor --proxy http://acmetap:3128 --ca https://ca/directory --root root.pem', 'naming everything'],
    ],
  )
    .option('--proxy <url>', 'look from a client, through this proxy')
    .option('--ca <url>', 'look from a client, for this directory URL (or the name of a preset)')
    .option('--root <file>', 'PEM file of the root that it should be')
    .option('--client <name>', 'as this client reads variables and roots; one of acmetap enroll --list')
    .option('--json', 'as JSON')
    .action(async (options: Options, self: Command) => {
      const { terminal } = context
      const asClient = [options.proxy, options.ca, options.client].some((one) => one !== undefined)
      const findings = asClient ? await clientSide(options, terminal) : await serverSide(context, self)
      if (findings.failed) context.exitWith(1)
      if (options.json === true) return writeJson(terminal, { ok: !findings.failed, findings: findings.all })
      for (const finding of findings.all) terminal.write(render(finding, terminal))
    })
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

function directoriesOf(ca: string | undefined): readonly string[] {
  if (ca === undefined) throw new UsageError('--ca must name the directory URL the client uses')
  if (Object.hasOwn(PRESETS, ca)) return PRESETS[ca as keyof typeof PRESETS].directories
  const fault = directoryFault(ca)
  if (fault !== null) throw new UsageError(`--ca ${fault}`)
  return [ca]
}

function serverSide({ terminal }: CommandContext, self: Command): Promise<Findings> {
  const named = self.optsWithGlobals<GlobalOptions>().config
  return examineServerSide({
    load: () => openConfig(terminal, named, true),
    server: connectServer,
    now: terminal.now(),
  })
}

function render({ state, says, remedy }: Finding, { colors }: Terminal): string {
  const word = { ok: colors.green('ok  '), fail: colors.red('FAIL'), note: colors.yellow('note') }[state]
  const advice = remedy === null ? '' : `      ${escapeText(remedy)}\n`
  return `${word}  ${escapeText(says)}\n${advice}`
}
