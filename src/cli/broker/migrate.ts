import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { CreatedEabKey } from '../../api/broker-operations.ts'
import type { EngineOperations } from '../../api/engine-operations.ts'
import type { RecordOperations } from '../../api/operations.ts'
import { everyPage } from '../../audit/inventory/every-page.ts'
import type { Page } from '../../audit/inventory/values.ts'
import { type LoadedConfig, parseConfig } from '../../config/load.ts'
import { withBackend } from '../backend.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { withEab } from '../eab/backend.ts'
import { escapeText } from '../escape.ts'
import { LOCAL } from '../local-actor.ts'
import { type Column, renderProse, renderSection } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { migratedConfig } from './migrated-config.ts'
import { type Direct, type Migration, type Move, proposeMigration } from './migration.ts'
import { type MigrationRecords, migrationRecords } from './migration-records.ts'

interface Options {
  readonly from?: 'relay' | 'intercept'
  readonly endpoint: string
  readonly out?: string
  readonly create?: boolean
  readonly json?: boolean
}

export function migrateCommand(context: CommandContext) {
  return command('migrate', 'what to write to move clients from relay or intercept to the broker', [
    ['broker migrate', 'look: who can move, with which names'],
    ['broker migrate --from intercept --out ./moving', 'and write the configuration and DNS records'],
    ['broker migrate --create --out ./moving', 'once the endpoint is there: make the EAB keys, too'],
  ])
    .addOption(new Option('--from <mode>', 'only clients seen in this mode').choices(['relay', 'intercept']))
    .option('--endpoint <name>', 'name of the endpoint they move to', 'fleet')
    .option('--out <folder>', 'write acmetap.yaml, records.zone and with --create eab-keys.json there')
    .option('--create', 'make the EAB keys, which the endpoint must be in the configuration for')
    .option('--json', 'as JSON')
    .action(async (options: Options, self) => {
      const { terminal } = context
      const loaded = configOf(context, self)
      if (!/^[a-z][a-z0-9-]{0,31}$/.test(options.endpoint))
        throw new UsageError(
          '--endpoint must be 1 to 32 lower-case letters, digits or hyphens, first a letter',
        )
      if (options.create === true && options.out === undefined && options.json !== true)
        throw new UsageError('--create needs --out: MAC keys go into a file that only you can read')
      const folder = options.out === undefined ? null : resolve(terminal.folder, options.out)
      if (folder !== null && options.create === true) refuseKeys(folder)
      const found = await withBackend(loaded.config, context.application, async (backend) => ({
        migration: await read(backend.operations, options, loaded),
        accounts:
          backend.kind === 'server' ? await accountsOf(backend.operations) : new Map<string, string>(),
      }))
      const { migration, accounts } = found
      const records = migrationRecords(migration, loaded.config, accounts)
      const proposed =
        migration.cas.length === 0 ? null : proposal(loaded, options.endpoint, migration, terminal)
      const keys =
        options.create === true ? await create(context, self, loaded, options.endpoint, migration) : []
      if (folder !== null) write(folder, proposed?.text ?? null, records, keys)
      if (options.json === true)
        return writeJson(terminal, {
          ...migration,
          endpoint: options.endpoint,
          configuration: proposed?.text ?? null,
          warnings: proposed?.warnings ?? [],
          records,
          ...(options.create === true ? { keys } : {}),
        })
      tell(terminal, migration, records, options)
      for (const line of proposed?.warnings ?? []) terminal.warn(escapeText(line))
    })
}

async function read(
  { inventory }: Pick<RecordOperations, 'inventory'>,
  { from }: Options,
  { config }: LoadedConfig,
): Promise<Migration> {
  return proposeMigration({
    clients: await all((page) => inventory.clients(page)),
    certificates: await all((page) => inventory.certificates(page)),
    from: from === undefined ? ['relay', 'intercept'] : [from],
    cas: Object.keys(config.cas),
  })
}

async function all<T>(
  fetch: (paging: { readonly limit: number; readonly cursor?: string }) => Promise<Page<T>>,
): Promise<T[]> {
  const found: T[] = []
  for await (const { items } of everyPage(fetch)) found.push(...items)
  return found
}

/** Of a server whose engine is open; without one the records say what is missing. */
async function accountsOf(operations: object): Promise<ReadonlyMap<string, string>> {
  if (!('engine' in operations)) return new Map()
  const { engine } = operations as { engine: EngineOperations }
  const accounts = await engine.accounts().catch(() => [])
  return new Map(
    accounts.flatMap(({ ca, url, status, tenant }) =>
      url !== null && status === 'valid' && tenant === null ? [[ca, url]] : [],
    ),
  )
}

/** Read again as config check reads it: what is told is what a start takes. */
function proposal(
  { config, file }: LoadedConfig,
  endpoint: string,
  migration: Migration,
  { env }: Terminal,
): { readonly text: string; readonly warnings: readonly string[] } {
  const text = migratedConfig(readFileSync(file, 'utf8'), config, endpoint, migration)
  const { warnings } = parseConfig(text, file, { env, readFiles: false })
  return { text, warnings }
}

async function create(
  context: CommandContext,
  self: Command,
  { config }: LoadedConfig,
  endpoint: string,
  { moves }: Migration,
): Promise<readonly CreatedEabKey[]> {
  if (!config.broker.some(({ name }) => name === endpoint))
    throw new CliError(
      `there is no endpoint ${endpoint} in the configuration yet, so no key can be for it`,
      'Run this without --create first, put the proposed configuration in place, and reload.',
    )
  return withEab(context, self, async ({ operations }) => {
    const known = new Set(
      (await operations.eabKeys()).filter(({ state }) => state === 'usable').map(({ label }) => label),
    )
    const made: CreatedEabKey[] = []
    for (const { label, names, how } of moves) {
      if (how !== 'eab' || known.has(label)) continue
      made.push(await operations.createEabKey({ label, names, endpoints: [endpoint] }, LOCAL))
    }
    return made
  })
}

const KEYS = 'eab-keys.json'

/** Before any is made: what is told once must have a place to go. */
function refuseKeys(folder: string): void {
  const file = join(folder, KEYS)
  if (!existsSync(file)) return
  throw new CliError(
    `${file} is there already, and may hold keys that are told nowhere else`,
    'Name another folder.',
  )
}

function write(
  folder: string,
  configuration: string | null,
  { proof, caa, notes }: MigrationRecords,
  keys: readonly CreatedEabKey[],
): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const put = (name: string, text: string, mode: number, flag = 'w') =>
    writeFileSync(join(folder, name), text, { mode, flag })
  if (keys.length > 0) put(KEYS, `${JSON.stringify(keys, null, 2)}\n`, 0o600, 'wx')
  if (configuration !== null) put('acmetap.yaml', configuration, 0o640)
  const comments = notes.map((line) => `; ${line}`)
  put('records.zone', `${[...comments, ...proof, ...caa].join('\n')}\n`, 0o644)
}

function tell(
  terminal: Terminal,
  migration: Migration,
  records: MigrationRecords,
  { endpoint, out, create: made }: Options,
) {
  const { moves, direct } = migration
  if (moves.length === 0 && direct.length === 0)
    return terminal.warn('the inventory holds no client that came by relay or intercept')
  const text = [
    renderSection(
      terminal,
      `Clients that would move to ${endpoint}`,
      MOVES,
      moves.filter(({ how }) => how !== 'stays'),
    ),
    renderSection(
      terminal,
      'Clients that stay, for now',
      STAYING,
      moves.filter(({ how }) => how === 'stays'),
    ),
    renderSection(terminal, 'Still go direct', DIRECT, direct),
  ].join('')
  terminal.write(text.replace(/^\n/, ''))
  if (out === undefined) {
    terminal.write(`\n${[...records.proof, ...records.caa].map((line) => `${escapeText(line)}\n`).join('')}`)
    terminal.warn('with --out FOLDER the configuration and these records are written')
  } else {
    terminal.warn(
      `acmetap.yaml${made === true ? ', eab-keys.json' : ''} and records.zone are in ${escapeText(out)}; acmetap.yaml belongs in the place of the old one, for its paths count from there`,
    )
  }
  for (const note of records.notes) terminal.warn(renderProse(terminal, '* ', note).trimEnd())
}

const MOVES: readonly Column<Move>[] = [
  { title: 'LABEL', text: ({ label }) => label },
  { title: 'WHO', text: ({ who }) => who.join(', '), gives: true },
  { title: 'BY', text: ({ how }) => (how === 'eab' ? 'EAB key' : 'label') },
  { title: 'CAS', text: ({ cas }) => cas.join(' ') },
  { title: 'CERTIFICATES', text: ({ certificates }) => String(certificates) },
  { title: 'NAMES', text: ({ names }) => names.join(' '), gives: true },
]

const STAYING: readonly Column<Move>[] = [
  { title: 'LABEL', text: ({ label }) => label },
  { title: 'WHO', text: ({ who }) => who.join(', '), gives: true },
  { title: 'WHY', text: ({ why }) => why ?? '-' },
]

const DIRECT: readonly Column<Direct>[] = [
  { title: 'HOST', text: ({ host }) => host },
  { title: 'NAMES', text: ({ names }) => names.join(' '), gives: true },
  { title: 'FILE', text: ({ path }) => path, gives: true },
  { title: 'WHY', text: ({ why }) => why },
]
