import { recordedLines, tappedLines } from '../peers/record-and-wire.ts'
import { type RecordView, recordOf } from '../support/record-view.ts'
import type { Comparison } from '../support/truth/compare.ts'
import type { Choice, Group } from './cases.ts'
import { compareInventory } from './inventory-check.ts'
import { DOCUMENTED } from './limits.ts'
import { type Row, rowOperation } from './row.ts'
import { runCase } from './run-case.ts'
import { startWorld, type World } from './world.ts'

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
  let wire: Wire
  let inventory: Comparison
  const world = await startWorld(choice.modes)
  try {
    const record = await recordOf(world.config)
    const rank = ({ client }: Group): number => (SLOW.indexOf(client.name) + SLOW.length) % SLOW.length
    const waiting = choice.groups.toSorted((a, b) => rank(a) - rank(b))
    const work = async (): Promise<void> => {
      for (let group = waiting.shift(); group; group = waiting.shift())
        await runGroup(world, record, group, tell)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    wire = await compareWithWire(world)
    inventory = await compareInventory(world)
  } finally {
    await world.close()
  }
  return { rows: [...sorted(rows, choice), ...(choice.everyone ? documented(choice) : [])], wire, inventory }
}

/** As they were asked for, not as they came to an end. */
function sorted(rows: readonly Row[], { groups }: Choice): Row[] {
  return groups.flatMap(({ client, mode }) =>
    rows.filter((row) => row.client === client.name && row.mode === mode),
  )
}

async function runGroup(
  world: World,
  record: RecordView,
  group: Group,
  tell: (row: Row) => void,
): Promise<void> {
  const missing = await group.client.missing()
  for (const one of group.cases) {
    if (missing === null) {
      for await (const row of runCase(world, record, group.client, one)) tell(row)
      continue
    }
    for (const operation of one.operations)
      tell({
        mode: group.mode,
        client: group.client.name,
        challenge: one.challenge,
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
