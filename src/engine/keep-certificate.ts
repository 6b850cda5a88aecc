import { type LeafFacts, readCertificateChain } from '../acme/certificate.ts'
import type { CheckedCertificate } from './check-certificate.ts'
import { EngineError } from './engine-error.ts'
import type { Job, KeptCertificate } from './job.ts'
import type { JobRun, SignedRun } from './job-run.ts'
import type { Sealing } from './sealing.ts'

/** The certificate is durable, and the job stands at `issued`; a rehearsal is done with that, and keeps nothing. */
export async function keepCertificate(
  { run }: SignedRun,
  { chain, leaf }: CheckedCertificate,
): Promise<void> {
  const { failPoint, store, sealing } = run.parts
  const fresh = { chain, error: null, failures: 0, notBefore: null }
  await failPoint('certificate.stored', 'before')
  if (run.job.dryRun) await run.put({ ...fresh, step: 'done' })
  else {
    const issued = run.changed({ ...fresh, step: 'issued' })
    await store.putIssued(issued, keptOf(issued, leaf, sealing))
    run.stands(issued)
  }
  await failPoint('certificate.stored', 'after')
}

/** What is kept of a job that stands at `issued` or later. */
export function keptCertificate({ job, parts }: JobRun): KeptCertificate {
  const read = job.chain === null ? null : readCertificateChain(Buffer.from(job.chain))
  if (read === null) throw new EngineError('input', `the chain of the job ${job.id} cannot be read any more`)
  return keptOf(job, read.leaf, parts.sealing)
}

/** PKCS #8 PEM of a job's key; null where somebody else holds it. */
export function keyOfJob({ id, key }: Job, sealing: Sealing): string | null {
  return key === null ? null : sealing.open(key, { table: 'job', id, column: 'key' })
}

function keptOf(job: Job, leaf: LeafFacts, sealing: Sealing): KeptCertificate {
  const { certificate, ca, account, identifiers, profile } = job
  const key = keyOfJob(job, sealing)
  return {
    certificate,
    ca,
    account,
    identifiers,
    profile,
    chain: job.chain!,
    key: key === null ? null : sealing.seal(key, { table: 'certificate', id: certificate, column: 'key' }),
    ariId: leaf.ariId,
    fingerprint: leaf.fingerprint,
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    job: job.id,
    issuedAt: job.changedAt,
  }
}
