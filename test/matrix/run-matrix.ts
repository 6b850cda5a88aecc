import { recordedLines, tappedLines } from '../peers/record-and-wire.ts'
import { type RecordView, recordOf } from '../support/record-view.ts'
import type { Choice, Group } from './cases.ts'
import { DOCUMENTED } from './limits.ts'
import { type Row, rowOperation } from './row.ts'
import { runCase } from './run-case.ts'
import { startWorld, type World } from './world.ts'

/** Groups at the same time: clients wait more than they work. */
const AT_ONCE = 6

/** Those that wait longest come first, so that the end is not one client alone. */
const SLOW = ['dehydrated', 'lego', 'uacme', 'mod_md', 'certbot']

export async function runMatrix(choice: Choice, say: (line: string) => void): Promise<Row[]> {
  const rows: Row[] = []
  const began = performance.now()
  const tell = (row: Row): void => {
    rows.push(row)
    const seconds = ((performance.now() - began) / 1000).toFixed(0).padStart(4)
    const { mode, client, challenge, operation, result, reason } = row
    say(`${seconds} s  ${result.padEnd(7)} ${mode} · ${client} · ${challenge} · ${operation}: ${reason}`)
  }
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
    await compareWithWire(world, say)
  } finally {
    await world.close()
  }
  return [...sorted(rows, choice), ...(choice.everyone ? documented(choice) : [])]
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

/** @throws Error where the CA got other requests than those recorded. */
async function compareWithWire(world: World, say: (line: string) => void): Promise<void> {
  const wire = tappedLines(world.tap.exchanges()).toSorted()
  const recorded = (await recordedLines(world)).toSorted()
  const lost = wire.filter((line) => !recorded.includes(line))
  const invented = recorded.filter((line) => !wire.includes(line))
  if (lost.length + invented.length > 0 || wire.length !== recorded.length)
    throw new Error(
      [
        `the record and what the CA got differ (${recorded.length} and ${wire.length} requests)`,
        ...lost.slice(0, 10).map((line) => `only at the CA: ${line}`),
        ...invented.slice(0, 10).map((line) => `only in the record: ${line}`),
      ].join('\n'),
    )
  say(`the CA got ${wire.length} requests; the record holds the same, with the same answers`)
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
