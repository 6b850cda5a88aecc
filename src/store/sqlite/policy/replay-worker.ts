/** The thread of one replay: its own read-only connection, its own compiled candidate. Ends with the report. */
import { parentPort, workerData } from 'node:worker_threads'
import { ConfigError, type ConfigProblem } from '../../../config/config-error.ts'
import { messageOf } from '../../../exchange/message-of.ts'
import type { PolicyBundle } from '../../../policy/bundle.ts'
import { compilePolicy } from '../../../policy/compile.ts'
import { readPolicy } from '../../../policy/read-policy.ts'
import { REPLAYED } from '../../../policy/replay.ts'
import type { ReplayEvent } from '../../../policy/replay-report.ts'
import { openForReading } from '../connection.ts'
import { RecordedPages } from './recorded-pages.ts'
import { type WalkOptions, walkRecord } from './replay-walk.ts'

export interface ReplayData extends Omit<WalkOptions, 'file'> {
  /** The database's file. */
  readonly record: string
  readonly bundle: PolicyBundle
}

export type ReplayMessage =
  | ReplayEvent
  | { readonly kind: 'refused'; readonly problems: readonly ConfigProblem[] }
  | { readonly kind: 'failed'; readonly message: string }

const port = parentPort
if (!port) throw new Error('this file is a worker thread of the store')
const { record, bundle, ...options } = workerData as ReplayData
try {
  const { document, digest } = await readPolicy({ from: bundle })
  const policy = await compilePolicy(document, digest)
  const pages = new RecordedPages(openForReading(record), REPLAYED)
  try {
    for await (const event of walkRecord(pages, policy, { ...options, file: bundle.file })) {
      port.postMessage(event satisfies ReplayMessage)
    }
  } finally {
    pages.close()
  }
} catch (error) {
  const message: ReplayMessage =
    error instanceof ConfigError
      ? { kind: 'refused', problems: error.problems }
      : { kind: 'failed', message: messageOf(error) }
  port.postMessage(message)
}
port.close()
