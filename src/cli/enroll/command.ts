import { type Command, Option } from 'commander'
import type { Config } from '../../config/schema.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf, type GlobalOptions } from '../command-context.ts'
import { findConfig } from '../config-file.ts'
import { type Column, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { checkBinding, watchOf } from './binding.ts'
import { type Client, ENROL_MODES, type EnrolMode, FORMATS, type Format, placesOf } from './client.ts'
import { CLIENTS, clientNamed } from './clients.ts'
import { NoSuchFormat, render, renderUndo, undoesAlone } from './formats.ts'
import { enrolmentOf } from './surroundings.ts'

interface Options {
  readonly mode: EnrolMode
  readonly format: Format
  readonly undo?: boolean
  readonly list?: boolean
  readonly proxy?: string
  readonly ca?: string
  readonly root?: string
  readonly endpoint?: string
  readonly label?: string
  readonly eab?: string
  readonly json?: boolean
}

export function enrollCommand(context: CommandContext) {
  return command('enroll', 'print the lines that lead an ACME client through acmetap, or back', [
    ['enroll certbot | ssh host sudo sh', 'enrol one machine'],
    ['enroll certbot --undo | ssh host sudo sh', 'put everything back'],
    [
      'enroll certbot --proxy http://acmetap:3128 --ca letsencrypt --root root.pem',
      'without a configuration',
    ],
    ['enroll cert-manager --format kubernetes', 'for kubectl apply --server-side'],
    [
      'enroll certbot --mode broker --endpoint fleet --eab u2Vq8cJw1mYt5sKfLr0ZbA',
      'to an endpoint of the broker',
    ],
    ['enroll --list', 'the clients it knows'],
  ])
    .argument('[client]', 'one of acmetap enroll --list')
    .addOption(
      new Option(
        '--mode <mode>',
        "how the client comes to acmetap: intercept by its proxy variable, relay by acmetap's own URL, sni by DNS, broker with acmetap as its ACME server",
      )
        .choices(ENROL_MODES)
        .default('intercept'),
    )
    .addOption(new Option('--format <format>', 'what to print').choices(FORMATS).default('shell'))
    .option('--undo', 'the way back instead; for most clients it needs no other option and no configuration')
    .option(
      '--proxy <url>',
      'http://host:port of listener proxy, as the client reaches it; with user@ for a proxy user',
    )
    .option(
      '--ca <name>',
      'a name under cas, a directory URL, or without a configuration a preset such as letsencrypt; needed where there are several CAs',
    )
    .option('--root <file>', 'PEM file of the root to trust, where the data folder is not on this machine')
    .option('--endpoint <name>', 'mode broker: to which endpoint; needed where there are several')
    .option('--label <label>', "mode broker: by the directory of this label of the endpoint's")
    .option('--eab <id>', 'mode broker: key id of the EAB key it registers with')
    .option('--list', 'list the clients')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: Options, self: Command) => {
      if (options.list === true) return list(context.terminal, options.json === true)
      const client = wanted(name)
      if (options.undo === true && undoesAlone(client, options.format)) {
        return printUndo(client, options, context.terminal)
      }
      const reason = client.impossible[options.mode]
      if (reason !== undefined) throw new UsageError(reason)
      checkOptions(client, options)
      const enrolment = await enrolmentOf(options, configIfAny(context, self), context.terminal.folder)
      if (
        enrolment.mode === 'intercept' &&
        enrolment.proxy.scheme === 'https' &&
        client.httpsProxy === 'no'
      ) {
        throw new UsageError(`${client.title} takes no https:// proxy URL: use http://`)
      }
      const text = rendered(() => render(client, enrolment, options.format, options.undo === true))
      if (options.json !== true) return context.terminal.write(text)
      const { roots, proxyRoots, ...told } = enrolment
      writeJson(context.terminal, {
        client: client.name,
        format: options.format,
        undo: options.undo === true,
        ...told,
        roots: [...roots, ...proxyRoots].map(({ sha256 }) => sha256),
        schedule: client.schedule,
        watch: watchOf(client, enrolment, placesOf(client)),
        text,
      })
    })
}

/** Throws {@link UsageError}. */
function checkOptions(client: Client, options: Options): void {
  const { mode, eab } = options
  if (mode === 'broker') {
    for (const name of ['proxy', 'ca'] as const) {
      if (options[name] !== undefined)
        throw new UsageError(`--${name} is not for --mode broker: the endpoint says it`)
    }
    if (eab !== undefined) checkBinding(client)
    return
  }
  for (const name of ['endpoint', 'label', 'eab'] as const) {
    if (options[name] !== undefined) throw new UsageError(`--${name} is for --mode broker only`)
  }
}

/** At the worst hour neither the configuration nor the root may be at hand: this needs neither. */
function printUndo(client: Client, { format, json }: Options, terminal: Terminal): void {
  const text = renderUndo(client, format)
  if (json === true) writeJson(terminal, { client: client.name, format, undo: true, text })
  else terminal.write(text)
}

function wanted(name: string | undefined): Client {
  if (name === undefined) throw new UsageError('enroll needs a client; acmetap enroll --list names them')
  const client = clientNamed(name)
  if (client !== undefined) return client
  throw new UsageError(
    `no client is called ${JSON.stringify(name)}; known: ${CLIENTS.map((one) => one.name).join(', ')}`,
  )
}

/** A configuration says what the options leave out. One that was named must be there and be right. */
function configIfAny(context: CommandContext, self: Command): Config | null {
  const { terminal } = context
  const named = self.optsWithGlobals<GlobalOptions>().config ?? terminal.env.ACMETAP_CONFIG
  if (named === undefined && !hasConfig(terminal)) return null
  return configOf(context, self).config
}

function hasConfig(terminal: Terminal): boolean {
  try {
    findConfig(terminal, undefined)
    return true
  } catch (error) {
    if (error instanceof CliError) return false
    throw error
  }
}

function rendered(make: () => string): string {
  try {
    return make()
  } catch (error) {
    if (error instanceof NoSuchFormat) throw new UsageError(error.message)
    throw error
  }
}

function list(terminal: Terminal, json: boolean): void {
  const rows = CLIENTS.map((client) => ({
    name: client.name,
    title: client.title,
    modes: ENROL_MODES.filter((mode) => client.impossible[mode] === undefined),
    formats: formatsOf(client),
    trust: trustOf(client),
    schedule: client.schedule,
  }))
  if (json) writeJson(terminal, rows)
  else terminal.write(renderTable(terminal, COLUMNS, rows))
}

interface Row {
  readonly name: string
  readonly title: string
  readonly modes: readonly string[]
  readonly formats: readonly string[]
  readonly trust: string
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'CLIENT', text: ({ name }) => name },
  { title: 'WHAT', text: ({ title }) => title, gives: true },
  { title: 'MODES', text: ({ modes }) => modes.join(' ') },
  { title: 'FORMATS', text: ({ formats }) => formats.join(' ') },
  { title: 'TRUST', text: ({ trust }) => trust, gives: true },
]

function formatsOf({ platform, container }: Client): readonly Format[] {
  const machine: readonly Format[] =
    platform === 'kubernetes' ? ['shell'] : ['shell', 'ansible', 'cloud-init']
  return container === null ? machine : [...machine, 'kubernetes']
}

export function trustOf({ name, trust, platform }: Client): string {
  if (platform === 'kubernetes') return 'caBundle of the Issuer'
  if (trust.store) return "the system's store"
  if (trust.bundle === true) return name === 'mod_md' ? 'MDCACertificateFile' : 'httpclient.ssl.ca-file'
  return [...trust.replacing, ...trust.adding].join(', ')
}
