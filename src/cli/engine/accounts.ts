import type { EngineOperations, ShownEngineAccount } from '../../api/engine-operations.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, withDefault } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { LOCAL } from '../local-actor.ts'
import { type Column, renderFields, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { persistCommand } from './accounts-persist.ts'
import { statelessCommand } from './accounts-stateless.ts'
import { withEngine } from './backend.ts'
import { collect, contacts } from './given.ts'

export function engineAccountsCommand(context: CommandContext) {
  const group = command('accounts', "acmetap's own accounts at the CAs, one for each", [
    ['engine accounts', 'which there are'],
    ['engine accounts register letsencrypt --agree-terms --contact ops@example.com', 'make or find one'],
    ['engine accounts stateless letsencrypt', 'lines with which a web server answers http-01 by itself'],
    [
      'engine accounts persist www.example.com --ca letsencrypt --issuer letsencrypt.org',
      'the record of dns-persist-01',
    ],
  ])
  return withDefault(
    group,
    listCommand(context),
    registerCommand(context),
    updateCommand(context),
    rollOverCommand(context),
    deactivateCommand(context),
    statelessCommand(context),
    persistCommand(context),
  )
}

interface Json {
  readonly json?: boolean
}

function listCommand(context: CommandContext) {
  return command('list', 'accounts, each with its status and the thumbprint of its key', [
    ['engine accounts list', 'all of them'],
    ['engine accounts list --json', 'for other programs'],
  ])
    .option('--json', 'as JSON')
    .action(async ({ json }: Json, self) => {
      const { terminal } = context
      const accounts = await withEngine(context, self, ({ operations }) => operations.accounts())
      if (json === true) return writeJson(terminal, accounts)
      if (accounts.length === 0)
        return terminal.warn(
          'there is no account yet. It is made when first needed, or with: acmetap engine accounts register CA',
        )
      terminal.write(renderTable(terminal, columns(terminal), accounts))
    })
}

function columns({ colors }: Terminal): Column<ShownEngineAccount>[] {
  return [
    { title: 'CA', text: ({ ca }) => ca },
    { title: 'TENANT', text: ({ tenant }) => tenant ?? '-', from: 100 },
    {
      title: 'STATUS',
      text: ({ status }) => status,
      paint: (text, { status }) => (status === 'valid' ? colors.green(text) : colors.yellow(text)),
    },
    { title: 'URL', text: ({ url }) => url ?? '-', gives: true },
    { title: 'THUMBPRINT', text: ({ thumbprint }) => thumbprint },
    { title: 'CONTACT', text: ({ contact }) => contact.join(' ') || '-', gives: true, from: 100 },
  ]
}

function registerCommand(context: CommandContext) {
  return command('register', 'find the account at a CA, or make it', [
    ['engine accounts register pebble --agree-terms', 'at the CA that is called pebble under cas'],
    ['engine accounts register zerossl --contact ops@example.com --agree-terms', 'with a contact'],
  ])
    .argument('<ca>', 'a name under cas')
    .option('--contact <address>', 'contact for the CA; can be repeated', collect)
    .option('--tenant <label>', 'for clients of this label, where each label has an account of its own')
    .option('--agree-terms', "you agree to the CA's terms of service")
    .option('--json', 'as JSON')
    .action(
      async (
        ca: string,
        options: Json & { contact?: readonly string[]; agreeTerms?: boolean; tenant?: string },
        self,
      ) => {
        const { contact, agreeTerms, tenant } = options
        const given = contact === undefined ? undefined : contacts(contact)
        await changed(context, self, options, (operations) =>
          operations.register(
            {
              ca,
              ...(tenant === undefined ? {} : { tenant }),
              ...(given === undefined ? {} : { contact: given }),
              ...(agreeTerms === true ? { agreeTerms } : {}),
            },
            LOCAL,
          ),
        )
      },
    )
}

function updateCommand(context: CommandContext) {
  return command('update', 'tell the CA other contacts', [
    ['engine accounts update letsencrypt --contact ops@example.com', 'this one and no other'],
    ['engine accounts update letsencrypt --no-contact', 'none'],
  ])
    .argument('<ca>', 'a name under cas')
    .option('--contact <address>', 'contact for the CA; can be repeated', collect)
    .option('--no-contact', 'no contact at all')
    .option('--json', 'as JSON')
    .action(async (ca: string, options: Json & { contact?: readonly string[] | false }, self) => {
      const { contact } = options
      if (contact === undefined || (contact as unknown) === true)
        throw new UsageError('say which: --contact ADDRESS, as often as needed, or --no-contact')
      const given = contact === false ? [] : contacts(contact)
      await changed(context, self, options, (operations) => operations.updateContact(ca, given, LOCAL))
    })
}

function rollOverCommand(context: CommandContext) {
  return command('roll-over', 'give the account a new key; the old one is worth nothing from then on', [
    ['engine accounts roll-over letsencrypt', 'every year, or when the key may be known to others'],
  ])
    .addHelpText(
      'after',
      '\nThe thumbprint changes with the key: lines that answer http-01 by themselves (stateless) must be written again.',
    )
    .argument('<ca>', 'a name under cas')
    .option('--json', 'as JSON')
    .action((ca: string, options: Json, self) =>
      changed(context, self, options, (operations) => operations.rollOver(ca, LOCAL)),
    )
}

function deactivateCommand(context: CommandContext) {
  return command('deactivate', 'end the account at the CA, for good', [
    ['engine accounts deactivate pebble --yes', 'without asking'],
  ])
    .addHelpText(
      'after',
      '\nCertificates stay valid. The CA takes no request of this account any more; the next order makes another one.',
    )
    .argument('<ca>', 'a name under cas')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action(async (ca: string, options: Json & { yes?: boolean }, self) => {
      if (options.yes !== true) await mustAgree(context.terminal, ca)
      await changed(context, self, options, (operations) => operations.deactivate(ca, LOCAL))
    })
}

async function mustAgree(terminal: Terminal, ca: string): Promise<void> {
  if (terminal.ask === undefined) throw new UsageError('this cannot be undone: say --yes')
  const answer = await terminal.ask(`End the account at ${escapeText(ca)} for good? (yes/no) `)
  if (answer.trim().toLowerCase() !== 'yes') throw new CliError('nothing was changed')
}

async function changed(
  context: CommandContext,
  self: Parameters<typeof withEngine>[1],
  { json }: Json,
  change: (operations: EngineOperations) => Promise<ShownEngineAccount>,
): Promise<void> {
  const { terminal } = context
  const account = await withEngine(context, self, ({ operations }) => change(operations))
  if (json === true) return writeJson(terminal, account)
  terminal.write(
    renderFields(terminal, [
      ['ca', account.ca],
      ['tenant', account.tenant],
      ['status', account.status],
      ['url', account.url],
      ['thumbprint', account.thumbprint],
      ['contact', account.contact.join(', ') || 'none'],
      ['external key id', account.externalKeyId],
    ]),
  )
}
