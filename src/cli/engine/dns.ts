import { isIP } from 'node:net'
import type { ShownDnsRegistration } from '../../api/engine-operations.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command, withDefault } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { LOCAL } from '../local-actor.ts'
import { type Column, renderFields, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { whenText } from '../time.ts'
import { withEngine } from './backend.ts'
import { collect } from './given.ts'

export function engineDnsCommand(context: CommandContext) {
  const group = command('dns', 'who may set which name of the own DNS responder (engine.dns)', [
    ['engine dns list', 'all registrations'],
    ['engine dns register', 'make one for a client that knows acme-dns'],
    ['engine dns remove 8e5700ea-a4bf-41c7-8a77-e990661dcc6a', 'end one'],
  ])
  return withDefault(group, listCommand(context), registerCommand(context), removeCommand(context))
}

function listCommand(context: CommandContext) {
  return command('list', 'registrations; their passwords are kept as digests only', [
    ['engine dns list', 'all of them'],
    ['engine dns list --json', 'for other programs'],
  ])
    .option('--utc', 'times in UTC instead of relative')
    .option('--json', 'as JSON')
    .action(async (options: { utc?: boolean; json?: boolean }, self) => {
      const { terminal } = context
      const found = await withEngine(context, self, ({ operations }) => operations.dnsRegistrations())
      if (options.json === true) return writeJson(terminal, found)
      if (found.length === 0)
        return terminal.warn('there is no registration. Make one with: acmetap engine dns register')
      terminal.write(renderTable(terminal, columns(terminal, options.utc === true), found))
    })
}

function registerCommand(context: CommandContext) {
  return command('register', 'make a registration, and tell its password this once', [
    ['engine dns register', 'one that can be set from everywhere'],
    ['engine dns register --from 192.0.2.0/24', 'one that can be set from there only'],
  ])
    .option('--from <network>', 'address or network it may be set from; can be repeated', collect)
    .option('--json', "as JSON, as acme-dns's register answers")
    .action(async (options: { from?: readonly string[]; json?: boolean }, self) => {
      const { terminal } = context
      const allowFrom = (options.from ?? []).map(networkOf)
      const { registration, password } = await withEngine(context, self, ({ operations }) =>
        operations.registerDns(allowFrom, LOCAL),
      )
      const { subdomain, fullDomain, username } = registration
      if (options.json === true) {
        const fulldomain = fullDomain
        return writeJson(terminal, {
          username,
          password,
          fulldomain,
          subdomain,
          allowfrom: registration.allowFrom,
        })
      }
      terminal.write(
        renderFields(terminal, [
          ['subdomain', subdomain],
          ['username', username],
          ['password', password],
          ['may be set from', registration.allowFrom.join(', ') || 'everywhere'],
        ]),
      )
      terminal.write(`\n_acme-challenge.<name>. IN CNAME ${escapeText(fullDomain)}.\n`)
      terminal.warn('the password is told this once, and never again')
    })
}

function removeCommand(context: CommandContext) {
  return command('remove', 'end a registration: its name is answered no more', [
    ['engine dns remove 8e5700ea-a4bf-41c7-8a77-e990661dcc6a', 'by its subdomain'],
  ])
    .argument('<subdomain>', 'as acmetap engine dns list shows it')
    .action(async (subdomain: string, _options, self) => {
      await withEngine(context, self, ({ operations }) => operations.removeDnsRegistration(subdomain, LOCAL))
      context.terminal.write(`${escapeText(subdomain)} is removed\n`)
    })
}

/** `192.0.2.7` is the network of that address alone. */
function networkOf(text: string): string {
  const [address = '', bits] = text.split('/')
  const family = isIP(address)
  const most = family === 4 ? 32 : 128
  if (family !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)))
    return bits === undefined ? `${address}/${most}` : text
  throw new UsageError(`--from ${JSON.stringify(text)} must be an address or a network, like 192.0.2.0/24`)
}

function columns({ now }: Terminal, utc: boolean): Column<ShownDnsRegistration>[] {
  const when = (instant: string | null) => whenText(instant, { now: now(), utc })
  return [
    { title: 'SUBDOMAIN', text: ({ subdomain }) => subdomain },
    { title: 'USERNAME', text: ({ username }) => username, from: 110 },
    { title: 'FROM', text: ({ allowFrom }) => allowFrom.join(' ') || 'everywhere', gives: true },
    { title: 'MADE', text: ({ createdAt }) => when(createdAt) },
    { title: 'SET', text: ({ updatedAt }) => when(updatedAt) },
  ]
}
