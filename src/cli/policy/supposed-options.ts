import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { Operation } from '../../acme/operation.ts'
import { parseDuration } from '../../config/values.ts'
import { messageOf } from '../../exchange/message-of.ts'
import { MODES, type Mode } from '../../exchange/mode.ts'
import { DECIDED_OPERATIONS } from '../../policy/decided-operations.ts'
import type { SupposedRequest } from '../../policy/supposed-request.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, configOf } from '../command-context.ts'
import { parseSince } from '../time.ts'
import { hasConfig } from './candidate.ts'

/** What a request is supposed to be. */
export interface SupposedOptions {
  readonly name?: readonly string[]
  readonly operation?: Operation
  readonly clientAddress?: string
  readonly label?: string
  readonly proxyUser?: string
  readonly account?: string
  readonly contact?: readonly string[]
  readonly externalAccount?: string
  readonly userAgent?: string
  readonly ca?: string
  readonly mode?: Mode
  readonly profile?: string
  readonly validity?: string
  readonly replaces?: boolean
  readonly csr?: string
  readonly at?: string
}

const gathered = (one: string, before: readonly string[] | undefined) => [...(before ?? []), one]

export function addSupposed(command: Command): Command {
  return command
    .option('--name <name>', 'a name or an address that is asked for; as often as wanted', gathered)
    .addOption(
      new Option('--operation <operation>', 'what is asked; without: newOrder, with --csr finalize').choices(
        DECIDED_OPERATIONS,
      ),
    )
    .option('--client-address <address>', 'where the request comes from')
    .option('--label <label>', 'label of the client: its host name in relay, its proxy user in intercept')
    .option('--proxy-user <user>', 'its proxy user')
    .option('--account <url>', "its account: the URL, or the thumbprint of the account's key")
    .option(
      '--contact <url>',
      'a contact of the account: mailto:ops@example.com; as often as wanted',
      gathered,
    )
    .option('--external-account <id>', 'key id of the external account binding')
    .option('--user-agent <text>', 'its User-Agent')
    .option('--ca <name>', 'at which CA; without: the only one of the configuration')
    .addOption(new Option('--mode <mode>', 'how the request comes in; without: relay').choices(MODES))
    .option('--profile <profile>', 'profile of the order')
    .option('--validity <duration>', 'how long the certificate is to be valid: 90d')
    .option('--replaces', 'the order says which certificate it replaces')
    .option('--csr <file>', 'CSR of the finalize, PEM or DER')
    .option('--at <time>', 'when: 2026-12-24T20:00:00Z; without: now')
}

/** Whether any of them was given. */
export function isSupposed(options: SupposedOptions): boolean {
  const { name, operation, csr } = options
  return name !== undefined || operation !== undefined || csr !== undefined
}

/** Throws {@link UsageError}, or {@link CliError} for a CSR that can't be read. */
export async function supposedRequest(
  context: CommandContext,
  self: Command,
  options: SupposedOptions,
): Promise<SupposedRequest> {
  const { terminal } = context
  const csr = options.csr === undefined ? null : await readCsr(resolve(terminal.folder, options.csr))
  const { account, validity } = options
  const isThumbprint = account !== undefined && /^[A-Za-z0-9_-]{43}$/.test(account)
  return {
    operation: options.operation ?? (csr === null ? 'newOrder' : 'finalize'),
    names: options.name ?? csr?.names ?? [],
    at: Math.floor(
      (options.at === undefined ? terminal.now() : parseSince(options.at, terminal.now(), '--at')) / 1000,
    ),
    mode: options.mode ?? 'relay',
    ca: caOf(context, self, options.ca),
    client: present({
      address: options.clientAddress,
      label: options.label,
      proxyUser: options.proxyUser,
      userAgent: options.userAgent,
      account: isThumbprint ? undefined : account,
      thumbprint: isThumbprint ? account : undefined,
      contacts: options.contact,
      externalAccount: options.externalAccount,
    }),
    ...present({
      profile: options.profile,
      validity: validity === undefined ? undefined : durationOf(validity),
      replaces: options.replaces,
      csr: csr?.der,
    }),
  }
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Present<T>
}

function durationOf(text: string): number {
  const duration = parseDuration(text)
  if (duration !== null) return duration
  throw new UsageError(`--validity ${JSON.stringify(text)} is not a duration: write 90d or 12h`)
}

/** The options that say something of the client and were not given: what they would say is not known. */
export function notGiven(options: SupposedOptions): readonly string[] {
  const { clientAddress, label, proxyUser, account, contact, externalAccount, userAgent } = options
  const said = {
    '--client-address': clientAddress,
    '--label': label,
    '--proxy-user': proxyUser,
    '--account': account,
    '--contact': contact,
    '--external-account': externalAccount,
    '--user-agent': userAgent,
  }
  return Object.entries(said)
    .filter(([, value]) => value === undefined)
    .map(([option]) => option)
}

function caOf(context: CommandContext, self: Command, given: string | undefined): string {
  const known = hasConfig(context, self) ? Object.keys(configOf(context, self).config.cas) : []
  if (given !== undefined) {
    if (known.length === 0 || known.includes(given)) return given
    throw new UsageError(`--ca ${JSON.stringify(given)} is not configured; known: ${known.join(', ')}`)
  }
  const [only, ...others] = known
  if (only !== undefined && others.length === 0) return only
  const instead =
    known.length === 0 ? 'give --ca, the name it has in the configuration' : `known: ${known.join(', ')}`
  throw new UsageError(`which CA? --ca is missing; ${instead}`)
}

const MOST_BYTES = 64 << 10

/** Its bytes in base64, and the names it asks for. */
async function readCsr(file: string): Promise<{ readonly der: string; readonly names: readonly string[] }> {
  const der = derOf(file)
  const { readCertificateRequest } = await import('../../acme/certificate-request.ts')
  const request = await readCertificateRequest(der)
  if (request === null)
    throw new CliError(`${file} holds no CSR that can be read`, 'Write one with: openssl req -new …')
  return { der: der.toString('base64'), names: request.names.map(({ value }) => value) }
}

function derOf(file: string): Buffer {
  let bytes: Buffer
  try {
    if (statSync(file).size > MOST_BYTES) throw new CliError(`${file} is too long for a CSR`)
    bytes = readFileSync(file)
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new CliError(`${file} can't be read: ${messageOf(error)}`)
  }
  const pem = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END/.exec(
    bytes.toString('latin1'),
  )
  return pem === null ? bytes : Buffer.from(pem[1]!, 'base64')
}
