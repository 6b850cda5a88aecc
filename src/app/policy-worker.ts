/** The thread that reads one policy, or does with it what takes as long, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { ConfigError, type ConfigProblem } from '../config/config-error.ts'
import { messageOf } from '../exchange/message-of.ts'
import type { PolicyBundle } from '../policy/bundle.ts'
import { type ReadingOrder, type ReadPolicy, readPolicy } from '../policy/read-policy.ts'
import type { CasesFile } from '../policy/test-cases/parse-cases.ts'
import type { PolicyTestReport } from '../policy/test-cases/result.ts'
import { checkBundle, type PolicyCheck, testBundle } from '../policy/workbench.ts'

export type PolicyJob =
  | { readonly kind: 'read'; readonly order: ReadingOrder }
  | {
      readonly kind: 'check'
      readonly bundle: PolicyBundle
      readonly now: number
      readonly cas: readonly string[]
    }
  | { readonly kind: 'test'; readonly bundle: PolicyBundle; readonly cases: readonly CasesFile[] }

/** By kind of the job. */
export interface PolicyResults {
  readonly read: ReadPolicy
  readonly check: PolicyCheck
  readonly test: PolicyTestReport
}

export type PolicyAnswer =
  | { readonly kind: 'done'; readonly result: PolicyResults[PolicyJob['kind']] }
  | { readonly kind: 'refused'; readonly problems: readonly ConfigProblem[] }
  | { readonly kind: 'failed'; readonly message: string }

const port = parentPort
if (!port) throw new Error('this file is a worker thread of the server')
port.postMessage(await answer(workerData as PolicyJob))

async function answer(job: PolicyJob): Promise<PolicyAnswer> {
  try {
    return { kind: 'done', result: await resultOf(job) }
  } catch (error) {
    if (error instanceof ConfigError) return { kind: 'refused', problems: error.problems }
    return { kind: 'failed', message: messageOf(error) }
  }
}

function resultOf(job: PolicyJob): Promise<PolicyResults[PolicyJob['kind']]> {
  if (job.kind === 'read') return readPolicy(job.order)
  if (job.kind === 'test') return testBundle(job.bundle, job.cases)
  return checkBundle(job.bundle, job.now, { cas: job.cas })
}
