import { recordedLines, tappedLines } from '../peers/record-and-wire.ts'
import type { AcmeClient } from '../support/peers/client.ts'
import { ALL_CLIENTS } from '../support/peers/clients.ts'
import { type RecordView, recordOf } from '../support/record-view.ts'
import type { Comparison } from '../support/truth/compare.ts'
import { startBrokerWorld } from './broker-world.ts'
import type { Choice, Group } from './cases.ts'
import { compareInventory } from './inventory-check.ts'
import { DOCUMENTED } from './limits.ts'
import { type Case, type Row, rowChallenge, rowOperation } from './row.ts'
import { type Otherwise, runCase } from './run-case.ts'
import { MODES, type Mode, startWorld, type World } from './world.ts'

/** Groups at the same time: clients wait more than they work. */
const AT_ONCE = 6

/** Those that wait longest come first, so that the end is not one client alone. */
const SLOW = ['dehydrated', 'acmetool', 'lego', 'uacme', 'mod_md', 'certbot']

/** What the CA got, held against the record of what was sent to it. */
export interface Wire {
  readonly requests: number
  readonly differences: readonly string[]
}

export async function runMatrix(
  choice: Choice,
  say: (line: string) => void,
): Promise<{ readonly rows: readonly Row[]; readonly wire: Wire; readonly inventory: Comparison }> {
  const rows: Row[] = []
  const began = performance.now()
  const tell = (row: Row): void => {
    rows.push(row)
    const seconds = ((performance.now() - began) / 1000).toFixed(0).padStart(4)
    const { mode, client, challenge, operation, result, reason } = row
    say(`${seconds} s  ${result.padEnd(7)} ${mode} · ${client} · ${challenge} · ${operation}: ${reason}`)
  }
  const passes: Pass[] = []
  for (const [modes, start] of WORLDS) {
    const groups = choice.groups.filter(({ mode }) => modes.includes(mode))
    if (groups.length > 0) passes.push(await runPass(await start(groups), groups, tell))
  }
  return {
    rows: [...sorted(rows, choice), ...(choice.everyone ? documented(choice) : [])],
    wire: {
      requests: passes.reduce((sum, { wire }) => sum + wire.requests, 0),
      differences: passes.flatMap(({ wire }) => wire.differences),
    },
    inventory: passes.map(({ inventory }) => inventory).reduce(both),
  }
}

/** What differs from a mode's own surroundings for a case. */
type Told = (client: AcmeClient, one: Case) => Promise<Otherwise>

interface Place {
  readonly world: World
  /** The CA that acmetap itself is the client of. */
  readonly asItself: string | null
  readonly told: Told
  close(): Promise<void>
}

/** Where acmetap is the ACME server, its own traffic at the CA is another than where it stands between. */
const WORLDS: readonly (readonly [
  modes: readonly Mode[],
  start: (groups: readonly Group[]) => Promise<Place>,
])[] = [
  [
    ['relay', 'intercept', 'sni'],
    async (groups) => {
      const world = await startWorld(MODES.filter((mode) => groups.some((group) => group.mode === mode)))
      return { world, asItself: null, told: async () => ({}), close: () => world.close() }
    },
  ],
  [
    ['broker'],
    async () => {
      const { world, told, close } = await startBrokerWorld(
        ALL_CLIENTS.filter(({ knowsEab }) => knowsEab !== true),
      )
      return {
        world,
        asItself: 'test',
        told: (client, { broker, ...one }) => told(client, { ...one, broker: broker! }),
        close,
      }
    },
  ],
]

interface Pass {
  readonly wire: Wire
  readonly inventory: Comparison
}

async function runPass(
  { world, asItself, told, close }: Place,
  groups: readonly Group[],
  tell: (row: Row) => void,
): Promise<Pass> {
  try {
    const record = await recordOf(world.config)
    const rank = ({ client }: Group): number => (SLOW.indexOf(client.name) + SLOW.length) % SLOW.length
    const waiting = groups.toSorted((a, b) => rank(a) - rank(b))
    const work = async (): Promise<void> => {
      for (let group = waiting.shift(); group; group = waiting.shift())
        await runGroup(world, told, record, group, tell)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    const wire = await compareWithWire(world)
    return { wire, inventory: await compareInventory(world, asItself) }
  } catch (error) {
    throw new Error(`${(error as Error).stack}\nacmetap said:\n${world.acmetap.output().slice(-4000)}`)
  } finally {
    await close()
  }
}

function both(a: Comparison, b: Comparison): Comparison {
  const sum = (member: Exclude<keyof Comparison, 'differences'>) => a[member] + b[member]
  return {
    accounts: sum('accounts'),
    orders: sum('orders'),
    challenges: sum('challenges'),
    certificates: sum('certificates'),
    files: sum('files'),
    revocations: sum('revocations'),
    clients: sum('clients'),
    differences: [...a.differences, ...b.differences],
  }
}

/** As they were asked for, not as they came to an end. */
function sorted(rows: readonly Row[], { groups }: Choice): Row[] {
  return groups.flatMap(({ client, mode }) =>
    rows.filter((row) => row.client === client.name && row.mode === mode),
  )
}

async function runGroup(
  world: World,
  told: Told,
  record: RecordView,
  group: Group,
  tell: (row: Row) => void,
): Promise<void> {
  const missing = await group.client.missing()
  for (const one of group.cases) {
    if (missing === null) {
      const otherwise = await told(group.client, one)
      for await (const row of runCase(world, record, group.client, one, otherwise)) tell(row)
      continue
    }
    for (const operation of one.operations)
      tell({
        mode: group.mode,
        client: group.client.name,
        challenge: rowChallenge(one),
        operation: rowOperation(one, operation),
        result: 'failed',
        reason: missing,
      })
  }
}

async function compareWithWire(world: World): Promise<Wire> {
  const wire = tappedLines(world.tap.exchanges()).toSorted()
  const recorded = (await recordedLines(world)).toSorted()
  const differences = [
    ...without(wire, recorded).map((line) => `only at the CA: ${line}`),
    ...without(recorded, wire).map((line) => `only in the record: ${line}`),
  ]
  return { requests: wire.length, differences }
}

/** What is left of `lines` when every one of `others` has taken an equal one away. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1)
  return lines.filter((line) => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}

function documented({ modes }: Choice): Row[] {
  return DOCUMENTED.flatMap(({ client, reason, proxy }) =>
    modes.map(
      (mode): Row => ({
        mode,
        client,
        challenge: '-',
        operation: '-',
        result: 'documented, not run',
        reason: proxy || mode !== 'intercept' ? reason : `${reason}; it never uses a proxy: use mode sni`,
      }),
    ),
  )
}
