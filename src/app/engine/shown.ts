import type {
  JobResult,
  ShownEngineAccount,
  ShownJob,
  ShownManagedCertificate,
} from '../../api/engine-operations.ts'
import type { EngineAccount } from '../../engine/account.ts'
import type { Job, KeptCertificate } from '../../engine/job.ts'
import type { ManagedStatus } from '../../engine/managed/managed-certificates.ts'

/** µs since 1970 as RFC 3339. */
export function moment(micros: number): string {
  return new Date(micros / 1000).toISOString()
}

/** As others may see it: without its key. */
export function shownAccount(account: EngineAccount): ShownEngineAccount {
  const { id, ca, tenant, directory, status, url, thumbprint, contact, externalKeyId, createdAt } = account
  const shown = { id, ca, tenant, directory, status, url, thumbprint, contact, externalKeyId }
  return { ...shown, createdAt: moment(createdAt) }
}

export function isOver({ step }: Job): boolean {
  return step === 'done' || step === 'failed'
}

export function shownJob(job: Job): ShownJob {
  const { id, certificate, reason, ca, identifiers, step, order, failures, notBefore } = job
  return {
    id,
    certificate,
    reason,
    ca,
    identifiers,
    step,
    order,
    error: job.error?.message ?? null,
    failures,
    nextAttempt: notBefore === null || isOver(job) ? null : moment(notBefore),
    createdAt: moment(job.createdAt),
    changedAt: moment(job.changedAt),
  }
}

/** What one attempt has made of it. `kept`: the certificate, where one was issued and is kept. */
export function jobResult(job: Job, kept: KeptCertificate | null, folder: string | null): JobResult {
  const isIssued = job.step === 'done'
  const isOurs = isIssued && kept !== null && kept.job === job.id
  return {
    job: job.id,
    certificate: job.certificate,
    outcome: isIssued ? 'issued' : job.step === 'failed' ? 'failed' : 'waiting',
    fingerprint: isOurs ? kept.fingerprint : null,
    notAfter: isOurs ? moment(kept.notAfter) : null,
    folder: isOurs ? folder : null,
    chain: isIssued ? job.chain : null,
    error: isIssued ? null : (job.error?.message ?? null),
  }
}

export function shownManaged(status: ManagedStatus, folder: string): ShownManagedCertificate {
  const { name, names, ca, kept, renewal, managed, job } = status
  return {
    name,
    names,
    ca,
    fingerprint: kept?.fingerprint ?? null,
    notBefore: kept && moment(kept.notBefore),
    notAfter: kept && moment(kept.notAfter),
    revokedAt: kept?.revokedAt === undefined ? null : moment(kept.revokedAt),
    renewal: renewal && { at: moment(renewal.at), by: renewal.by },
    folder,
    managed,
    job: job && shownJob(job),
  }
}
