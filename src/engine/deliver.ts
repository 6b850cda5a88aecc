import type { JobRun } from './job-run.ts'
import { keptCertificate, keyOfJob } from './keep-certificate.ts'

/** Puts a certificate that is kept where it belongs; the job is done then. Nothing happens for one that has ended. */
export async function deliver(run: JobRun): Promise<void> {
  const { parts, signal } = run
  if (run.job.step === 'issued') {
    const progress = (text: string) => run.note(text)
    const key = keyOfJob(run.job, parts.sealing)
    await parts.deploy(run.job, keptCertificate(run), key, { signal, progress })
    await run.put({ step: 'deployed' })
  }
  if (run.job.step !== 'deployed') return
  await parts.failPoint('job.done', 'before')
  await run.put({ step: 'done', error: null, failures: 0, notBefore: null })
  await parts.failPoint('job.done', 'after')
}
