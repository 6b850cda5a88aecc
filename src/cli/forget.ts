import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Forgotten } from '../audit/keeping.ts'
import type { Config } from '../config/schema.ts'
import { connectServer } from './backend.ts'
import { CliError, UsageError } from './cli-error.ts'
import { type CommandContext, command, configOf } from './command-context.ts'
import { escapeText } from './escape.ts'
import { giveToOwner } from './give-to-owner.ts'
import { LOCAL } from './local-actor.ts'
import { type Terminal, writeJson } from './terminal.ts'

interface ForgetOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function forgetCommand(context: CommandContext) {
  return command('forget', "erase a person's address, contact or proxy user from the record", [
    ['forget jane.doe@example.org --dry-run', 'count what there is of it'],
    ['forget 192.0.2.7', 'asks, then erases it from the running server or from the data folder'],
    ['forget ward-7 --yes', 'without asking: a proxy user'],
  ])
    .addHelpText(
      'after',
      '\nWhat was asked of the CAs stays, without the value, and the chain still verifies. Copies elsewhere stay as well:\nbackups, what sinks have written, what the CAs know. See docs/privacy.md.',
    )
    .argument('<value>', 'an address, a contact (with or without mailto: or tel:), or a proxy user')
    .option('--dry-run', 'count only')
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action(async (value: string, options: ForgetOptions, self) => {
      const { terminal } = context
      const { config } = configOf(context, self)
      if (value.trim() === '')
        throw new UsageError('name whom to forget: an address, a contact or a proxy user')
      const server = await connectServer(config)
      const forget = async (dry: boolean) => {
        if (server !== null) return server.forget(value, LOCAL, dry)
        const { forgetOffline } = await import('../app/keeping-offline.ts')
        const forgotten = await forgetOffline(config, value, LOCAL, dry)
        if (!dry) giveToOwner(config.data)
        return forgotten
      }
      if (options.dryRun !== true && options.yes !== true) {
        const found = await forget(true)
        if (!isNothing(found)) await mustAgree(terminal, found, value)
      }
      const forgotten = await forget(options.dryRun === true)
      const copies = copiesIn(config)
      if (options.json === true) {
        return writeJson(terminal, { ...forgotten, dryRun: options.dryRun === true, copies })
      }
      terminal.write(
        isNothing(forgotten)
          ? `${escapeText(value)}: nothing of it is in the record\n`
          : `${told(forgotten, value)} ${options.dryRun === true ? 'would be erased' : 'erased'}\n`,
      )
      terminal.write('Not reached: backups, what sinks have written, logs, and what the CAs know\n')
      for (const file of copies) {
        terminal.write(`A copy of the record from before is in ${escapeText(file)}: remove it by hand\n`)
      }
    })
}

async function mustAgree(terminal: Terminal, found: Forgotten, value: string): Promise<void> {
  if (terminal.ask === undefined) {
    throw new UsageError('this cannot be undone: say --yes, or --dry-run to see what there is')
  }
  terminal.write(`${told(found, value)} would be erased. This cannot be undone.\n`)
  const answer = await terminal.ask('Erase it? (yes/no) ')
  if (answer.trim().toLowerCase() !== 'yes') throw new CliError('nothing was erased')
}

function isNothing({ values, bodies }: Forgotten): boolean {
  return values === 0 && bodies === 0
}

function told({ values, bodies, kinds }: Forgotten, value: string): string {
  const named = kinds.filter((kind) => kind !== 'body').map((kind) => NAMES[kind] ?? kind)
  const of = named.length === 0 ? '' : ` (${named.join(', ')})`
  return `${escapeText(value)}: ${values} ${values === 1 ? 'value' : 'values'}${of} and ${bodies} ${bodies === 1 ? 'body' : 'bodies'}`
}

const NAMES: Readonly<Record<string, string>> = {
  address: 'address',
  contact: 'contact',
  proxyUser: 'proxy user',
  query: 'search',
  alert: 'alerts and messages',
}

/** Databases that upgrades and restores put aside in the data folder. */
function copiesIn({ data }: Config): string[] {
  if (!existsSync(data)) return []
  return readdirSync(data)
    .filter((name) => /^(?:acmetap|alerts)\.sqlite\..*(?:backup|replaced|damaged)/.test(name))
    .map((name) => join(data, name))
}
