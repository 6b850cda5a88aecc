import type { IssueRequest } from '../../api/engine-operations.ts'
import { ISSUE_ONLY } from '../../api/schemas/engine.ts'
import type { Config } from '../../config/schema.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { LOCAL } from '../local-actor.ts'
import type { Terminal } from '../terminal.ts'
import { withEngine } from './backend.ts'
import { finish } from './finish.ts'
import { certifiableName, collect, contacts, keyType, managedName, readPem } from './given.ts'

interface IssueOptions {
  readonly ca?: string
  readonly profile?: string
  readonly keyType?: string
  readonly solver?: string
  readonly preferredChain?: string
  readonly name?: string
  readonly csr?: string
  readonly out?: string
  readonly agreeTerms?: boolean
  readonly contact?: readonly string[]
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function issueCommand(context: CommandContext) {
  return command('issue', 'obtain a certificate now: a managed one by its name, or one for these names', [
    ['engine issue www.example.com', 'a certificate of the configuration, whether it is due or not'],
    ["engine issue shop.example.com '*.shop.example.com' --ca letsencrypt", 'one that is not in it'],
    ['engine issue www.example.com --dry-run', "against the CA's staging: nothing is kept"],
    ['engine issue --csr web.csr --ca pebble --out web.pem', 'for a key that somebody else holds'],
  ])
    .addHelpText(
      'after',
      '\nA single word that is the name of a managed certificate means that certificate; --name makes it a DNS name.\nExit code 0: it was issued. 1: it was not, or is tried again later.',
    )
    .argument('[names...]', 'a managed certificate, or DNS names, wildcards and IP addresses')
    .option('--ca <name>', 'the CA: a name under cas')
    .option('--profile <profile>', 'profile of the CA')
    .option('--key-type <type>', 'ec256, ec384, rsa2048, rsa3072 or rsa4096')
    .option('--solver <name>', 'solver for all names, instead of what engine.challenges says')
    .option('--preferred-chain <name>', 'common name of the root whose chain you want')
    .option('--name <name>', 'name it is kept under; without it the first of its names')
    .option(
      '--csr <file>',
      'request to send instead of one of our own, PEM or DER; its key stays where it is',
    )
    .option('--out <file>', 'file for the chain, where it is kept nowhere else')
    .option('--agree-terms', "you agree to the CA's terms of service")
    .option('--contact <address>', 'contact for a new account; can be repeated', collect)
    .option('--dry-run', "against the CA's staging; nothing is kept or put anywhere")
    .option('--json', 'events as JSON, one a line')
    .action(async (words: string[], options: IssueOptions, self) => {
      const { config } = configOf(context, self)
      const request = requestOf(words, options, config, context.terminal)
      await withEngine(context, self, (backend) =>
        finish(context, backend, {
          json: options.json === true,
          out: options.out,
          begin: (signal) => backend.operations.issue(request, LOCAL, signal),
        }),
      )
    })
}

function requestOf(
  words: readonly string[],
  options: IssueOptions,
  { engine, cas }: Config,
  terminal: Terminal,
): IssueRequest {
  const { ca, profile, solver, preferredChain, agreeTerms, dryRun } = options
  if (ca !== undefined && !Object.hasOwn(cas, ca)) {
    throw new UsageError(
      `--ca ${JSON.stringify(ca)} is no CA under cas; known: ${Object.keys(cas).join(', ') || 'none'}`,
    )
  }
  const given: IssueRequest = {
    ...(ca === undefined ? {} : { ca }),
    ...(profile === undefined ? {} : { profile }),
    ...(solver === undefined ? {} : { solver }),
    ...(preferredChain === undefined ? {} : { preferredChain }),
    ...(options.keyType === undefined ? {} : { keyType: keyType(options.keyType) }),
    ...(options.name === undefined ? {} : { name: managedName(options.name, '--name') }),
    ...(options.csr === undefined
      ? {}
      : { csr: readPem(terminal, options.csr, 'CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST') }),
  }
  const always: IssueRequest = {
    ...(agreeTerms === true ? { agreeTerms } : {}),
    ...(dryRun === true ? { dryRun } : {}),
    ...(options.contact === undefined ? {} : { contact: contacts(options.contact) }),
  }
  const [word] = words
  const managed = words.length === 1 && options.name === undefined && options.csr === undefined
  if (managed && engine.certificates.some(({ name }) => name === word)) {
    const [beside] = ISSUE_ONLY.filter((key) => given[key] !== undefined)
    if (beside === undefined) return { certificate: word!, ...always }
    throw new UsageError(
      `${word} is a managed certificate: the configuration says its ${beside}. For a certificate of its own give --name too`,
    )
  }
  if (word === undefined && given.csr === undefined)
    throw new UsageError('name what it is for: a managed certificate, names, or --csr FILE')
  if (word !== undefined && given.csr !== undefined)
    throw new UsageError('names and --csr exclude each other: the request says what it is for')
  if (given.csr !== undefined && given.keyType !== undefined)
    throw new UsageError('--key-type and --csr exclude each other: the request has its key')
  if (word !== undefined && managed && !word.includes('.') && !word.includes(':')) {
    const known = engine.certificates.map(({ name }) => name)
    throw new CliError(
      `${JSON.stringify(word)} is neither a managed certificate nor a name with a dot in it`,
      known.length === 0
        ? 'There are no managed certificates: engine.certificates'
        : `Managed: ${known.slice(0, 20).join(', ')}`,
    )
  }
  return { ...given, ...always, ...(word === undefined ? {} : { names: words.map(certifiableName) }) }
}
