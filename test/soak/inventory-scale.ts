import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { databaseFile } from '../../src/store/sqlite/folder.ts'
import { inventoryFile } from '../../src/store/sqlite/inventory/inventory-file.ts'
import { type OpenedInventory, openInventory } from '../../src/store/sqlite/inventory/open-inventory.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite/open.ts'
import { entryOf } from '../support/facts.ts'
import { generate, type Issuance } from './inventory-scale/generate.ts'
import { told } from './inventory-scale/measure.ts'
import type { MeasuredProcess } from './inventory-scale/measure-process.ts'
import { Oracle } from './inventory-scale/oracle.ts'
import { quantile, type Soak, type SoakOptions, type SoakReport } from './soak.ts'

const MEASURE = new URL('./inventory-scale/measure-process.ts', import.meta.url).pathname
/** Entries that are on their way to the store at a time. */
const AT_ONCE = 32
/** Up to so many exchanges everything is compared with what was generated. */
const COMPARED = 50_000
const INGESTED = 6_000
/** What is written to compare rates is of the last minutes, as what comes in is. */
const INGESTED_DAYS = 0.005
const ROUNDS = 7

const LIMITS = { page: 100, summary: 300, start: 2_000, memory: 300 * 2 ** 20, ingest: 0.9 }

export const inventoryScale: Soak = {
  proves: `the inventory of a large record: pages p95 under ${LIMITS.page} ms, summary ${LIMITS.summary} ms, start ${LIMITS.start / 1000} s, memory 300 MB; complete; the record is written as fast as an empty one`,
  unit: 'exchanges',
  size: 2_000_000,
  run,
}

async function run({ size, seed, progress }: SoakOptions): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-inventory-scale-'))
  const figures: Record<string, number | string> = {}
  const failures: string[] = []
  const late: string[] = []
  const until = Date.now() * 1000
  try {
    const oracle = size <= COMPARED ? new Oracle() : null
    const store = await openStore(folder)
    const variants = await fill(store, size, seed, until, oracle, progress)
    Object.assign(figures, variants)
    const inventory = await openInventory({ folder })
    const began = performance.now()
    const facts = await takenIn(inventory, progress)
    const seconds = (performance.now() - began) / 1000
    figures['facts taken in per second'] = Math.round(facts / seconds)
    figures['inventory, MB'] = await megabytes(inventoryFile(folder))
    figures['record, MB'] = await megabytes(databaseFile(folder))
    if (oracle) failures.push(...(await oracle.compare(inventory.reader)))
    await inventory.close()
    await store.close()
    progress('measuring answers in a process of its own')
    const measured = await measureApart(folder)
    const { pages, summaries, slowest, emptyPages, start, rss, highest } = measured
    figures.pages = told(pages)
    figures.summaries = told(summaries)
    figures['start to the first answer, ms'] = Math.round(start)
    figures['memory, MB'] = Math.round(rss / 2 ** 20)
    figures['memory at its highest, MB'] = Math.round(highest / 2 ** 20)
    for (const says of slowest) progress(`slow: ${says}`)
    for (const says of emptyPages) progress(`far: ${says}`)
    require(late, quantile(pages, 0.95) < LIMITS.page, `pages p95 ${quantile(pages, 0.95).toFixed(0)} ms`)
    require(late, Math.max(...summaries) <
      LIMITS.summary, `a summary took ${Math.max(...summaries).toFixed(0)} ms`)
    require(late, start < LIMITS.start, `the first answer took ${start.toFixed(0)} ms`)
    require(late, highest < LIMITS.memory, `memory ${Math.round(highest / 2 ** 20)} MB`)
    progress('writing to the large record and to an empty one')
    const large = await openStore(folder)
    const ratio = await ingestRatio(large, folder, seed, Math.min(INGESTED, size / 40), figures)
    require(late, ratio >= LIMITS.ingest, `ingest ${ratio.toFixed(2)} of the empty store's`)
    await large.close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return { figures, failures, late }
}

function require(late: string[], holds: boolean, otherwise: string): void {
  if (!holds) late.push(otherwise)
}

function openStore(folder: string): Promise<SqliteStore> {
  return openSqliteStore({ folder, now: Date.now() * 1000, boot: newExchangeId(), software: 'soak' })
}

async function fill(
  { store }: SqliteStore,
  size: number,
  seed: number,
  until: number,
  oracle: Oracle | null,
  progress: (line: string) => void,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const under = new Set<Promise<void>>()
  let exchanges = 0
  let toldAt = performance.now()
  for (const issuance of generate(size, seed, until)) {
    oracle?.take(issuance)
    exchanges += issuance.facts.length / 2
    counts[issuance.variant] = (counts[issuance.variant] ?? 0) + 1
    const appended = store.append(entryOf(issuance.facts)).finally(() => under.delete(appended))
    under.add(appended)
    if (under.size >= AT_ONCE) await Promise.race(under)
    if (performance.now() - toldAt > 15_000) {
      toldAt = performance.now()
      progress(`${exchanges} exchanges written`)
    }
  }
  await Promise.all(under)
  return { exchanges, ...counts }
}

/** Resolves with the number of facts when all are in the inventory. */
async function takenIn({ reader, wake }: OpenedInventory, progress: (line: string) => void): Promise<number> {
  wake()
  for (let rounds = 0; ; rounds++) {
    const { projected, recorded, fault } = await reader.progress()
    if (fault !== null) throw new Error(`the inventory stands still: ${fault}`)
    if (projected === recorded) return projected
    if (rounds % 150 === 149) progress(`${projected} of ${recorded} facts taken in`)
    await sleep(100)
  }
}

async function measureApart(folder: string): Promise<MeasuredProcess> {
  const { stdout } = await promisify(execFile)(process.execPath, [MEASURE, folder], { maxBuffer: 2 ** 26 })
  return JSON.parse(stdout) as MeasuredProcess
}

/** Exchanges per second into the large record, of those into an empty one; both with an inventory that follows. */
async function ingestRatio(
  large: SqliteStore,
  folder: string,
  seed: number,
  size: number,
  figures: Record<string, number | string>,
): Promise<number> {
  const besides = join(folder, 'empty')
  const empty = await openStore(besides)
  const inventories = [await openInventory({ folder }), await openInventory({ folder: besides })]
  const rates: Record<'large' | 'empty', number[]> = { large: [], empty: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, { store }, inventory] of [
      ['large', large, inventories[0]!],
      ['empty', empty, inventories[1]!],
    ] as const) {
      const until = Date.now() * 1000
      const facts = [...generate(size, seed + 100 + round, until, INGESTED_DAYS)]
      rates[name].push(await ingest(store.append.bind(store), inventory, facts))
      await takenIn(inventory, () => undefined)
    }
  }
  for (const inventory of inventories) await inventory.close()
  await empty.close()
  figures['ingest into the large record, exchanges/s'] = Math.round(quantile(rates.large, 0.5))
  figures['ingest into an empty one, exchanges/s'] = Math.round(quantile(rates.empty, 0.5))
  return quantile(rates.large, 0.5) / quantile(rates.empty, 0.5)
}

async function ingest(
  append: SqliteStore['store']['append'],
  inventory: OpenedInventory,
  issuances: readonly Issuance[],
): Promise<number> {
  const entries = issuances.flatMap(({ facts }) =>
    facts.flatMap((fact, index) => (index % 2 === 0 ? [entryOf([fact]), entryOf([facts[index + 1]!])] : [])),
  )
  const under = new Set<Promise<void>>()
  const began = performance.now()
  for (const entry of entries) {
    const appended = append(entry).finally(() => under.delete(appended))
    under.add(appended)
    inventory.wake()
    if (under.size >= AT_ONCE) await Promise.race(under)
  }
  await Promise.all(under)
  return entries.length / 2 / ((performance.now() - began) / 1000)
}

async function megabytes(file: string): Promise<number> {
  return Math.round((await stat(file)).size / 2 ** 20)
}
