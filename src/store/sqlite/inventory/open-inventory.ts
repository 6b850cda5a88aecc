import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { InventoryCounts } from '../../../audit/inventory/inventory-counts.ts'
import type { InventoryLookups } from '../../../audit/inventory/inventory-lookups.ts'
import type { InventoryProgress, InventoryReader } from '../../../audit/inventory/inventory-reader.ts'
import { FilterRefused } from '../../../audit/inventory/values.ts'
import { StoreRefusal } from '../../refusal.ts'
import { Thread } from '../../thread.ts'
import { wakerOf } from '../../waker.ts'
import { openForReading } from '../connection.ts'
import { databaseFile } from '../folder.ts'
import { lockFolder } from '../lock.ts'
import { inventoryFile, openInventoryForReading } from './inventory-file.ts'
import { InventoryKeeper, type Question } from './inventory-keeper.ts'
import type { Answered, Asked, InventoryData } from './inventory-worker.ts'
import { InventoryQueries } from './queries/inventory-queries.ts'
import { RecordFacts } from './record-facts.ts'
import { State } from './state.ts'

const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './inventory-worker.ts' : './inventory-worker.js',
  import.meta.url,
)

/** ms in which new facts are gathered: each look is a transaction. Whoever asks has all that is there taken in before. */
const WAKING = 100

export interface OpenedInventory {
  readonly reader: InventoryReader
  /** There are new facts. Costs nothing, however often it is called. */
  wake(): void
  /** Begins to make it anew; resolves when it has begun. `progress` tells how far it is. */
  rebuild(): Promise<void>
  close(): Promise<void>
}

/** The inventory of a folder that this process serves from, in a thread of its own. Rejects with StoreRefusal. */
export async function openInventory({ folder }: { readonly folder: string }): Promise<ServedInventory> {
  const data: InventoryData = { file: inventoryFile(folder), record: databaseFile(folder) }
  const thread = await Thread.start(SCRIPT, data)
  // A thread that ended is begun anew with the next question, and looks by itself then.
  const wake = wakerOf(() => thread.call<void>('wake', null), WAKING)
  const ask: Ask = async (name, given) => {
    const answer = await thread.call<Answered>('ask', { name, given } satisfies Asked)
    if ('value' in answer) return answer.value
    throw refusedFilter(answer.refused)
  }
  return {
    reader: readerOf(ask, () => thread.call<InventoryProgress>('progress', null)),
    counts: {
      currentCertificates: questionOf(ask, 'currentCertificates'),
      happeningsAfter: questionOf(ask, 'happeningsAfter'),
    },
    lookups: {
      accountBinding: questionOf(ask, 'accountBinding'),
      namesOfKey: questionOf(ask, 'namesOfKey'),
      hasAccountKey: questionOf(ask, 'hasAccountKey'),
      takenOrders: questionOf(ask, 'takenOrders'),
    },
    wake,
    rebuild: () => thread.call<void>('rebuild', null),
    close: () => thread.close(),
  }
}

/** Of a server: what its metrics count and its policy asks as well. */
export interface ServedInventory extends OpenedInventory {
  readonly lookups: InventoryLookups
  readonly counts: InventoryCounts
}

export interface OfflineOptions {
  /** Told now and then while facts are taken in. */
  readonly onProgress?: (progress: InventoryProgress) => void
}

/**
 * The inventory of a data folder or of a backup's file, for a command without a server, in this thread. A folder that
 * nobody serves from is locked, and its inventory brought up to date. One that a server holds is read as it stands.
 * For a backup, or a folder that can't be written to, an inventory is made in a temporary file, which goes with
 * `close`. Throws {@link StoreRefusal}.
 */
export async function openInventoryOffline(
  place: string,
  { onProgress }: OfflineOptions = {},
): Promise<OpenedInventory> {
  const isFile = statSync(place, { throwIfNoEntry: false })?.isFile() === true
  const record = isFile ? place : databaseFile(place)
  if (isFile) return inTemporaryFile(record, onProgress)
  openForReading(record).close()
  let lock: { release(): void }
  try {
    lock = lockFolder(place)
  } catch (error) {
    if (!(error instanceof StoreRefusal)) throw error
    return (error.reason === 'inUse' ? asItStands(place) : null) ?? inTemporaryFile(record, onProgress)
  }
  try {
    const opened = await upToDate(inventoryFile(place), record, onProgress, () => lock.release())
    if (opened !== null) return opened
  } catch (error) {
    lock.release()
    throw error
  }
  lock.release()
  return inTemporaryFile(record, onProgress)
}

async function inTemporaryFile(
  record: string,
  onProgress: OfflineOptions['onProgress'],
): Promise<OpenedInventory> {
  const folder = mkdtempSync(join(tmpdir(), 'acmetap-inventory-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const opened = await upToDate(inventoryFile(folder), record, onProgress, remove)
    if (opened !== null) return opened
  } catch (error) {
    remove()
    throw error
  }
  remove()
  throw new StoreRefusal(
    'io',
    `can't make an inventory of ${record} in ${dirname(folder)}: see its space and rights.`,
  )
}

/** Null when the inventory can't be written there. */
async function upToDate(
  file: string,
  record: string,
  onProgress: OfflineOptions['onProgress'],
  release: () => void,
): Promise<OpenedInventory | null> {
  const keeper = new InventoryKeeper(file, openForReading(record))
  let told = performance.now()
  const takeIn = async () => {
    while (keeper.step()) {
      if (onProgress && performance.now() - told > 200) {
        told = performance.now()
        onProgress(keeper.progress())
      }
      await setImmediate()
    }
  }
  await takeIn()
  if (keeper.pause !== null) {
    keeper.close()
    return null
  }
  return {
    reader: readerOf(
      (name, given) => keeper.ask(name, given),
      async () => keeper.progress(),
    ),
    wake() {
      // Nobody writes the record.
    },
    async rebuild() {
      await keeper.rebuild()
      await takeIn()
    },
    async close() {
      keeper.close()
      release()
    },
  }
}

/** What the server has made of it so far; null where it has made nothing of this record that could be read. */
function asItStands(folder: string): OpenedInventory | null {
  const record = openForReading(databaseFile(folder))
  try {
    const facts = new RecordFacts(record)
    const inventory = openInventoryForReading(inventoryFile(folder), facts)
    const state = new State(inventory)
    const queries = new InventoryQueries(inventory, record)
    return {
      reader: readerOf(
        async (name, given) => {
          const question = queries[name] as (...given: readonly unknown[]) => Promise<unknown>
          return question.apply(queries, [...given])
        },
        async () => ({
          projected: state.position().sequence,
          recorded: facts.last(),
          rebuilding: state.rebuildUntil() !== null,
          fault: null,
        }),
      ),
      wake() {
        // The server takes in what it records.
      },
      async rebuild() {
        throw new StoreRefusal(
          'inUse',
          `another acmetap is using the data folder ${folder}; ask it to rebuild.`,
        )
      },
      async close() {
        inventory.close()
        record.close()
      },
    }
  } catch {
    record.close()
    return null
  }
}

type Ask = (name: Question, given: readonly unknown[]) => Promise<unknown>

function questionOf<Name extends Question>(ask: Ask, name: Name) {
  return (...given: Parameters<(InventoryReader & InventoryCounts & InventoryLookups)[Name]>) =>
    ask(name, given) as ReturnType<(InventoryReader & InventoryCounts & InventoryLookups)[Name]>
}

function readerOf(ask: Ask, progress: () => Promise<InventoryProgress>): InventoryReader {
  const question = <Name extends Question>(name: Name) => questionOf(ask, name)
  return {
    exchanges: question('exchanges'),
    accounts: question('accounts'),
    clients: question('clients'),
    orders: question('orders'),
    order: question('order'),
    challenges: question('challenges'),
    certificates: question('certificates'),
    certificate: question('certificate'),
    certificatePem: question('certificatePem'),
    failures: question('failures'),
    rateLimits: question('rateLimits'),
    summary: question('summary'),
    progress,
  }
}

/** As it was thrown in the thread: its message begins with the filter's name. */
function refusedFilter(message: string): FilterRefused {
  const colon = message.indexOf(': ')
  return new FilterRefused(message.slice(0, colon), message.slice(colon + 2))
}
