import { EngineError } from '../../../engine/engine-error.ts'
import type { EngineStore } from '../../../engine/engine-store.ts'
import { messageOf } from '../../../exchange/message-of.ts'
import { StoreRefusal } from '../../refusal.ts'
import { Thread } from '../../thread.ts'
import type { StoreFaults } from '../faults.ts'
import { createFolder } from '../folder.ts'
import { type EngineQuestion, openEngineDatabase } from './engine-database.ts'
import { engineFile } from './engine-file.ts'
import type { AskedOfEngine, EngineData } from './engine-worker.ts'

const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './engine-worker.ts' : './engine-worker.js',
  import.meta.url,
)

export interface EngineStoreOptions {
  readonly folder: string
  /**
   * thread: one of its own, for a server, whose event loop no commit may hold up. here: in the thread that calls, for a
   * command that has nothing else to do and wants to begin at once. Left out: thread.
   */
  readonly where?: 'thread' | 'here'
  /** For tests only. */
  readonly faults?: StoreFaults
}

/**
 * What the engine keeps in a data folder; an empty database is made where there is none. The caller holds the folder's
 * lock: one process at a time. Rejects with {@link StoreRefusal}.
 */
export async function openEngineStore({
  folder,
  where = 'thread',
  faults,
}: EngineStoreOptions): Promise<EngineStore> {
  try {
    createFolder(folder)
    return where === 'here' ? openHere(folder, faults ?? null) : await openThread(folder, faults ?? null)
  } catch (error) {
    if (error instanceof StoreRefusal) throw error
    throw new StoreRefusal('io', `can't open ${engineFile(folder)}: ${messageOf(error)}`, { cause: error })
  }
}

async function openThread(folder: string, faults: StoreFaults | null): Promise<EngineStore> {
  const data: EngineData = { folder, faults: faults?.control ?? null }
  const thread = await Thread.start(SCRIPT, data)
  return storeOf(
    (name, given) => thread.call('ask', { name, given } satisfies AskedOfEngine),
    () => thread.close(),
  )
}

function openHere(folder: string, faults: StoreFaults | null): EngineStore {
  const { answers, close } = openEngineDatabase(folder, faults)
  let closed = false
  return storeOf(
    async (name, given) => {
      if (closed) throw new Error('the store is closed')
      const answer = answers[name] as (...given: readonly unknown[]) => unknown
      return answer(...given) as never
    },
    async () => {
      if (closed) return
      closed = true
      close()
    },
  )
}

type Ask = <T>(name: EngineQuestion, given: readonly unknown[]) => Promise<T>

function storeOf(ask: Ask, close: () => Promise<void>): EngineStore {
  const asker =
    <Name extends EngineQuestion>(name: Name) =>
    async (...given: Parameters<EngineStore[Name]>): Promise<Awaited<ReturnType<EngineStore[Name]>>> => {
      try {
        return await ask<Awaited<ReturnType<EngineStore[Name]>>>(name, given)
      } catch (error) {
        if ((error as { code?: unknown } | null)?.code === 'refused')
          throw new EngineError('input', messageOf(error))
        throw error
      }
    }
  return {
    accounts: asker('accounts'),
    putAccount: asker('putAccount'),
    jobs: asker('jobs'),
    openJobs: asker('openJobs'),
    job: asker('job'),
    addJob: asker('addJob'),
    putJob: asker('putJob'),
    forgetBrokered: asker('forgetBrokered'),
    presented: asker('presented'),
    addPresented: asker('addPresented'),
    removePresented: asker('removePresented'),
    certificates: asker('certificates'),
    putIssued: asker('putIssued'),
    markRevoked: asker('markRevoked'),
    plans: asker('plans'),
    plan: asker('plan'),
    putPlan: asker('putPlan'),
    lines: asker('lines'),
    putLines: asker('putLines'),
    registrations: asker('registrations'),
    addRegistration: asker('addRegistration'),
    putRegistration: asker('putRegistration'),
    removeRegistration: asker('removeRegistration'),
    sealed: asker('sealed'),
    reseal: asker('reseal'),
    close,
  }
}
