import { stat } from 'node:fs/promises'
import { type ResourceLimits, Worker } from 'node:worker_threads'
import { ConfigError } from '../config/config-error.ts'
import { messageOf } from '../exchange/message-of.ts'
import type { PolicyBundle } from '../policy/bundle.ts'
import { type PolicyReader, type ReadPolicy, readPolicy } from '../policy/read-policy.ts'
import type { CasesFile } from '../policy/test-cases/parse-cases.ts'
import type { PolicyTestReport } from '../policy/test-cases/result.ts'
import { Slots } from '../policy/webhook-slots.ts'
import { checkBundle, type PolicyCheck, testBundle } from '../policy/workbench.ts'
import type { PolicyAnswer, PolicyJob, PolicyResults } from './policy-worker.ts'

const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './policy-worker.ts' : './policy-worker.js',
  import.meta.url,
)

/** Characters of YAML that are read within some ms, sooner than a thread is there, and the worst of them in a hundred. */
const SMALL = 4 << 10
/** Characters of lists, whose reading lets others in between. */
const SMALL_LISTS = 1 << 20
/** Each takes a processor and some hundred MB. */
const MOST_THREADS = 2
const LIMITS: ResourceLimits = { maxOldGenerationSizeMb: 2_048 }
/** Milliseconds a thread may take, where one of 1,000 rules takes two seconds. */
const DEADLINE = 60_000

const turns = new Slots(MOST_THREADS)
const patient = new AbortController().signal

/** As {@link readPolicy}, without holding this thread: what is long is read in one of its own. */
export const readPolicyAside: PolicyReader = async (order) => {
  const { from } = order
  if (typeof from === 'string' ? await isSmallFile(from) : isSmall(from)) return readPolicy(order)
  const file = typeof from === 'string' ? from : from.file
  return asRead(await inThread({ kind: 'read', order }, file))
}

/** As {@link checkBundle}, likewise. */
export async function checkBundleAside(
  bundle: PolicyBundle,
  now: number,
  cas: readonly string[],
): Promise<PolicyCheck> {
  if (isSmall(bundle)) return checkBundle(bundle, now, { cas })
  return inThread({ kind: 'check', bundle, now, cas }, bundle.file)
}

/** As {@link testBundle}, likewise. */
export async function testBundleAside(
  bundle: PolicyBundle,
  cases: readonly CasesFile[],
): Promise<PolicyTestReport> {
  if (isSmall(bundle) && lengthOf(cases.map(({ text }) => text)) <= SMALL) return testBundle(bundle, cases)
  return inThread({ kind: 'test', bundle, cases }, bundle.file)
}

function isSmall({ text, files }: PolicyBundle): boolean {
  return text.length <= SMALL && lengthOf(Object.values(files)) <= SMALL_LISTS
}

/** How long its lists are, nobody knows yet. What can't be read is told where it is read. */
async function isSmallFile(file: string): Promise<boolean> {
  const size = await stat(file).then(
    (facts) => facts.size,
    () => 0,
  )
  return size <= SMALL
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0)
}

/** A structured clone gives prototypes to what has none: `constructor` is a name as any other. */
function asRead({ bundle, document, ...rest }: ReadPolicy): ReadPolicy {
  const { lists, webhooks } = document
  return {
    ...rest,
    bundle: { ...bundle, files: bare(bundle.files) },
    document: { ...document, lists: bare(lists), webhooks: bare(webhooks) },
  }
}

function bare<T>(members: Readonly<Record<string, T>>): Record<string, T> {
  return Object.assign(Object.create(null), members)
}

/** Rejects with ConfigError for a policy that can't be used, that the thread died of, or that took it too long. */
export async function inThread<K extends PolicyJob['kind']>(
  job: PolicyJob & { readonly kind: K },
  file: string,
  { limits = LIMITS, deadline = DEADLINE }: { limits?: ResourceLimits; deadline?: number } = {},
): Promise<PolicyResults[K]> {
  const answer = await turns.within(patient, () => answerOf(job, file, limits, deadline))
  if (answer.kind === 'refused') throw new ConfigError(answer.problems)
  if (answer.kind === 'failed') throw new Error(answer.message)
  return answer.result as PolicyResults[K]
}

function answerOf(
  job: PolicyJob,
  file: string,
  resourceLimits: ResourceLimits,
  deadline: number,
): Promise<PolicyAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<PolicyAnswer>()
  const died = (message: string, instead: string) =>
    reject(new ConfigError([{ file, line: 1, column: 1, path: '', message, instead }]))
  const worker = new Worker(SCRIPT, { workerData: job, resourceLimits })
  const late = setTimeout(() => {
    const seconds = Math.ceil(deadline / 1_000)
    died(`takes longer than ${seconds} s to read`, 'Divide its lists, or take out rules')
    void worker.terminate()
  }, deadline)
  worker.once('message', resolve)
  worker.once('messageerror', reject)
  worker.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
      died('takes more memory to read than there is', 'Divide its lists, or take out rules')
    else died(`cannot be read, because the thread that reads it failed: ${messageOf(error)}`, 'Try again')
  })
  worker.once('exit', () =>
    died('cannot be read, because the thread that reads it ended before it had', 'Try again'),
  )
  return promise.finally(() => clearTimeout(late))
}
