import { keepsOrder, mayPass, waitAfter } from './back-off.ts'
import { cleanUp } from './clean-up.ts'
import { deliver } from './deliver.ts'
import { EngineError } from './engine-error.ts'
import type { Job } from './job.ts'
import type { JobRun } from './job-run.ts'
import { obtain } from './obtain.ts'

/** Attempts at what somebody asked for by command, where every one of them may be gone on with. */
const COMMAND_ATTEMPTS = 8
/** ms to take answers away where the job was stopped. */
const LAST_MOMENTS = 10_000

/**
 * One attempt at a job, from where it stands. Resolves with the job as it then stands in the store: ended, or with what went
 * wrong and when to go on. Whatever happens, its answers to challenges are taken away. Rejects for faults of our own.
 */
export async function goOn(run: JobRun): Promise<Job> {
  try {
    await obtain(run)
    await deliver(run)
  } catch (error) {
    if (!run.signal.aborted) {
      if (!(error instanceof EngineError)) throw error
      await noteFailure(run, error)
    }
  } finally {
    await run.cleaning
    await takeAnswersAway(run)
  }
  return run.job
}

async function noteFailure(run: JobRun, error: EngineError): Promise<void> {
  const { job, parts } = run
  const failures = job.failures + 1
  const why = {
    message: error.message,
    type: error.problem?.type ?? null,
    exchange: error.exchange,
  }
  if (endsJob(job, error, failures)) return run.put({ step: 'failed', error: why, failures, notBefore: null })
  const wait = waitAfter(failures, error, (parts.chance ?? Math.random)())
  const isObtained = job.step === 'issued' || job.step === 'deployed'
  const keeps = job.order === null ? mayPass(error, failures) : keepsOrder(error, failures)
  await run.put({
    ...(isObtained || keeps ? {} : { step: 'created', order: null, announced: null }),
    error: why,
    failures,
    notBefore: parts.clock.now().wall + wait * 1_000_000,
  })
  run.waits(wait, error.message)
}

/**
 * A managed certificate is wanted until the configuration says otherwise. What somebody asked for once ends when asking
 * again would bring the same: he has been told, and nobody else looks after it.
 */
function endsJob({ reason, dryRun, line }: Job, error: EngineError, failures: number): boolean {
  if (dryRun) return true
  if (reason !== 'command' && line === null) return false
  return !mayPass(error, failures) || failures >= COMMAND_ATTEMPTS
}

async function takeAnswersAway(run: JobRun): Promise<void> {
  const { parts, job } = run
  const presented = await parts.store.presented(job.id)
  const limit = run.signal.aborted ? AbortSignal.timeout(LAST_MOMENTS) : null
  for (const { why } of await cleanUp(parts, presented, (text) => run.note(text), limit)) run.note(why)
}
