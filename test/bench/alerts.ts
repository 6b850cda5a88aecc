/**
 * `node test/bench/alerts.ts [--size N] [--json FILE]`: happenings evaluated in a second, through the databases as they
 * are: read from the inventory, judged by every rule, written in batches that are synced. One thread. Asserts nothing.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { AlertsKeeper } from '../../src/store/sqlite/alerts/alerts-keeper.ts'
import { evaluationOf } from '../../src/store/sqlite/alerts/evaluation.ts'
import { HappeningWorld, type Happens } from '../support/alerts/happening-world.ts'
import { alertSettings } from '../support/alerts/settings.ts'

const { values } = parseArgs({
  options: { size: { type: 'string', default: '20000' }, json: { type: 'string' } },
})
const SETTINGS = alertSettings({
  channels: [{ name: 'ops', webhook: { url: 'https://hooks.example.net/' } }],
})

interface Load {
  readonly name: string
  readonly of: (n: number, at: number) => Happens
}

const LOADS: readonly Load[] = [
  { name: 'each a new alert', of: (n, at) => ({ kind: 'failed', name: `h${n}.example.com`, at }) },
  { name: 'repeats of 50 alerts', of: (n, at) => ({ kind: 'failed', name: `h${n % 50}.example.com`, at }) },
  {
    name: 'fails, then is well',
    of: (n, at) => ({ kind: n % 2 ? 'validated' : 'failed', name: `h${n >> 1}.example.com`, at }),
  },
  { name: 'well, nothing fires', of: (n, at) => ({ kind: 'validated', name: `h${n}.example.com`, at }) },
]

interface Row {
  readonly load: string
  readonly happenings_per_second: number
  readonly cpu_us: number
  readonly notifications: number
}

async function measure({ name, of }: Load, size: number): Promise<Row> {
  const world = await HappeningWorld.create()
  const keeper = new AlertsKeeper({ folder: world.folder, settings: SETTINGS, evaluationOf })
  const evaluate = () => {
    while (keeper.step());
  }
  try {
    evaluate()
    const at = Date.now()
    world.happen(Array.from({ length: 1000 }, (_, n) => of(n, at)))
    evaluate()
    world.happen(Array.from({ length: size }, (_, n) => of(1000 + n, at)))
    const used = process.cpuUsage()
    const began = performance.now()
    evaluate()
    const seconds = (performance.now() - began) / 1000
    const { user, system } = process.cpuUsage(used)
    const { evaluated, fault } = keeper.progress()
    if (fault !== null || evaluated !== world.facts)
      throw new Error(`${name}: ${fault ?? 'not all evaluated'}`)
    return {
      load: name,
      happenings_per_second: Math.round(size / seconds),
      cpu_us: Math.round((user + system) / size),
      notifications: keeper.news,
    }
  } finally {
    keeper.close()
    await world.remove()
  }
}

const rows: Row[] = []
for (const load of LOADS) rows.push(await measure(load, Number(values.size)))
const table = new Table({
  head: ['load', 'happenings/s', 'CPU µs each', 'notifications'],
  style: { head: [], border: [] },
})
for (const row of rows) table.push([row.load, row.happenings_per_second, row.cpu_us, row.notifications])
console.log(table.toString())
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`)
