import { once } from 'node:events'
import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { ConfigError } from '../../../config/config-error.ts'
import type { PolicyBundle } from '../../../policy/bundle.ts'
import type { PersonalField } from '../../../policy/recorded-facts.ts'
import type { ReplayEvent, ReplayRange } from '../../../policy/replay-report.ts'
import { openForReading } from '../connection.ts'
import { databaseFile } from '../folder.ts'
import type { ReplayData, ReplayMessage } from './replay-worker.ts'

const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './replay-worker.ts' : './replay-worker.js',
  import.meta.url,
)

export interface ReplayRequest extends ReplayRange {
  /** A data folder, or a backup's file. */
  readonly place: string
  readonly bundle: PolicyBundle
  /** Personal fields that the configuration drops. */
  readonly dropped?: readonly PersonalField[]
}

/**
 * What a candidate makes of the recorded history, in a thread of its own: progress, then one report. Reads whether a
 * server runs or not, in short snapshots, and changes nothing. Throws ConfigError for a policy that is none,
 * StoreRefusal where there is no record, and the signal's reason when it is aborted.
 */
export async function* replayRecord(
  { place, bundle, since, until, dropped = [] }: ReplayRequest,
  signal?: AbortSignal,
): AsyncGenerator<ReplayEvent> {
  signal?.throwIfAborted()
  const isFile = statSync(place, { throwIfNoEntry: false })?.isFile() === true
  const record = isFile ? place : databaseFile(place)
  openForReading(record).close()
  const workerData: ReplayData = { record, bundle, since, until, dropped }
  const worker = new Worker(SCRIPT, { workerData })
  const messages = messagesOf(worker)
  const abort = () => void worker.terminate()
  signal?.addEventListener('abort', abort)
  try {
    for await (const message of messages) {
      if (message.kind === 'refused') throw new ConfigError(message.problems)
      if (message.kind === 'failed') throw new Error(message.message)
      yield message
      if (message.kind === 'report') return
    }
    signal?.throwIfAborted()
    throw new Error('the thread of the replay ended before its report')
  } finally {
    signal?.removeEventListener('abort', abort)
    await worker.terminate()
  }
}

/** What the thread says until it ends. Of progress that nobody has asked for yet only the newest is kept. */
async function* messagesOf(worker: Worker): AsyncGenerator<ReplayMessage> {
  let waiting: ReplayMessage[] = []
  let ended = false
  let failure: Error | null = null
  let wake = Promise.withResolvers<void>()
  worker.on('message', (message: ReplayMessage) => {
    waiting = [...waiting.filter(({ kind }) => kind !== 'progress'), message]
    wake.resolve()
  })
  worker.once('error', (error: Error) => {
    failure = error
    wake.resolve()
  })
  once(worker, 'exit').then(
    () => {
      ended = true
      wake.resolve()
    },
    () => wake.resolve(),
  )
  for (;;) {
    const message = waiting.shift()
    if (message !== undefined) yield message
    else if (failure !== null) throw failure
    else if (ended) return
    else {
      await wake.promise
      wake = Promise.withResolvers()
    }
  }
}
