/** Appends exchanges while a sink follows them into a file that rotates, until it is killed. */
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { createSinks } from '../../../src/audit/sinks/sinks.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { entryOf, intentOf, outcomeOf } from '../../support/facts.ts'

const folder = process.argv[2]
if (!folder) throw new Error('which folder?')
const clock = systemClock()
const { store, reader, positions } = await openSqliteStore({
  folder,
  now: clock.now().wall,
  boot: newExchangeId(),
  software: 'test',
})
await store.closeDeadIntents(clock.now().wall, 1)
const sinks = await createSinks(
  [
    {
      name: 'file',
      format: 'json',
      from: 'start',
      file: { path: join(folder, 'audit.json'), rotate: 30_000, keep: 1000 },
    },
  ],
  reader,
  positions,
  {
    stdout: new PassThrough(),
    clock,
    report: (event) => process.stderr.write(`${JSON.stringify(event)}\n`),
    version: '1',
    hostOfCa: () => null,
    pauses: { batch: 5, shortest: 5, longest: 10 },
  },
)
process.stdout.write('ready\n')

async function work(): Promise<never> {
  for (;;) {
    const id = newExchangeId()
    await store.append(entryOf([intentOf(id)]))
    await store.append(entryOf([outcomeOf(id)]))
    sinks.wake()
    process.stdout.write(`outcome ${id}\n`)
  }
}

await Promise.all(Array.from({ length: 4 }, work))
