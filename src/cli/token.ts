import { expiry } from '../api/schemas/server.ts'
import { ROLES, type Role } from '../audit/token.ts'
import { requireServer } from './backend.ts'
import { UsageError } from './cli-error.ts'
import { type CommandContext, command, configOf } from './command-context.ts'
import { escapeText } from './escape.ts'
import { LOCAL } from './local-actor.ts'
import { renderTable } from './render.ts'
import { writeJson } from './terminal.ts'
import { utcTime } from './time.ts'

interface CreateOptions {
  readonly role: string
  readonly expires?: string
  readonly quiet?: boolean
  readonly json?: boolean
}

export function tokenCommand(context: CommandContext) {
  return command('token', 'tokens for the interface on the admin listener', [
    ['token create dashboard --role viewer', 'who may read'],
    ['token list', 'whose tokens there are'],
    ['token revoke 0a1b2c3d', 'from now on it is none'],
  ])
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context))
}

function createCommand(context: CommandContext) {
  return command('create', 'make a token; it is told once', [
    ['token create dashboard --role viewer', 'one that reads'],
    ['token create ci --role operator --expires 90d', 'one that imports and exports, for 90 days'],
    ['token create ops --role admin --quiet > token', 'the token alone'],
  ])
    .argument('<name>', 'whose it is: stands in the record beside what is asked with it')
    .requiredOption(
      '--role <role>',
      'viewer reads; operator also imports, exports, probes and reloads; admin everything',
    )
    .option('--expires <time>', 'when it ends: 12h, 90d from now, or a time like 2027-01-31T12:00:00Z')
    .option('--quiet', 'print the token and nothing else')
    .option('--json', 'as JSON')
    .action(async (name: string, options: CreateOptions, self) => {
      const { terminal } = context
      const given = { name, role: roleOf(options.role), expires: expiryOf(options.expires) }
      const server = await requireServer(configOf(context, self).config, 'token create')
      const { token, text } = await server.createToken(given, LOCAL)
      if (options.json === true) return writeJson(terminal, { ...token, text })
      terminal.write(`${text}\n`)
      if (options.quiet === true) return
      const ends = token.expires === null ? 'It does not expire' : `It ends ${utcTime(token.expires)}`
      terminal.warn(`Keep it now: it is not told again. ${ends}; its id is ${token.id}.`)
      terminal.warn('Send it as: Authorization: Bearer <token>')
    })
}

function listCommand(context: CommandContext) {
  return command('list', 'whose tokens there are; their texts are nowhere', [
    ['token list', 'all of them'],
    ['token list --json', 'for other programs'],
  ])
    .option('--json', 'as JSON')
    .action(async (options: { readonly json?: boolean }, self) => {
      const { terminal } = context
      const server = await requireServer(configOf(context, self).config, 'token list')
      const tokens = await server.tokens()
      if (options.json === true) return writeJson(terminal, tokens)
      if (tokens.length === 0) return terminal.warn('there is no token')
      const now = terminal.now()
      const table = renderTable(
        terminal,
        [
          { title: 'ID', text: ({ id }) => id },
          { title: 'NAME', text: ({ name }) => name, gives: true },
          { title: 'ROLE', text: ({ role }) => role },
          { title: 'MADE', text: ({ createdAt }) => utcTime(createdAt) },
          {
            title: 'ENDS',
            text: ({ expires }) =>
              expires === null
                ? 'never'
                : expires <= now
                  ? `${utcTime(expires)} (has ended)`
                  : utcTime(expires),
          },
        ],
        tokens,
      )
      terminal.write(table)
    })
}

function revokeCommand(context: CommandContext) {
  return command('revoke', 'make a token one that is not known', [['token revoke 0a1b2c3d', 'by its id']])
    .argument('<id>', 'as token list shows it')
    .action(async (id: string, _options, self) => {
      if (!/^[0-9a-f]{8}$/.test(id)) {
        throw new UsageError('<id> must be 8 hex digits, as token list shows it; never the token itself')
      }
      const server = await requireServer(configOf(context, self).config, 'token revoke')
      await server.revokeToken(id, LOCAL)
      context.terminal.warn(`token ${escapeText(id)} is revoked`)
    })
}

function roleOf(text: string): Role {
  const role = ROLES.find((one) => one === text)
  if (role === undefined) throw new UsageError(`--role must be one of ${ROLES.join(', ')}`)
  return role
}

function expiryOf(text: string | undefined): number | null {
  if (text === undefined) return null
  const read = expiry.safeParse(text)
  if (!read.success) throw new UsageError(`--expires ${read.error.issues[0]?.message}`)
  return read.data
}
