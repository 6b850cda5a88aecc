/** Appends exchanges until it is killed; says each id only after the store has acknowledged it. */
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { entryOf, intentOf, outcomeOf, resourceOf } from '../support/facts.ts'

const folder = process.argv[2]
if (!folder) throw new Error('which folder?')
const { store } = await openSqliteStore({
  folder,
  now: Date.now() * 1000,
  boot: newExchangeId(),
  software: 'test',
})
await store.closeDeadIntents(Date.now() * 1000, 1)
process.stdout.write('ready\n')

async function work(): Promise<never> {
  for (;;) {
    const id = newExchangeId()
    const bodies = [{ bytes: Buffer.from(`body of ${id}`), repeats: false }]
    await store.append(entryOf([intentOf(id, { bodies })]))
    process.stdout.write(`intent ${id}\n`)
    const resources = [resourceOf(`https://localhost:8443/order/${id}`)]
    await store.append(entryOf([outcomeOf(id)], { resources, keys: [] }))
    process.stdout.write(`outcome ${id}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, work))
