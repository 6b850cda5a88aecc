import type { EngineAccount } from './account.ts'
import type { DnsRegistrationStore } from './dns/registration-store.ts'
import type { Job, KeptCertificate, PresentedChallenge } from './job.ts'
import type { ReissueLine, ReissuePlan } from './reissue/plan.ts'
import type { Sealed, SealedPlace } from './sealing.ts'

export interface JobFilter {
  readonly certificate?: string
  /** Only those that have not ended; `own`: and that the engine goes on with by itself. */
  readonly open?: boolean | 'own'
  readonly plan?: string
  /** At most so many, newest first. */
  readonly limit: number
}

/** As much of a job that has not ended as says when it is to be gone on with. */
export type OpenJob = Pick<Job, 'id' | 'notBefore' | 'changedAt'>

/** Jobs of a certificate that have ended, at least: older ones are forgotten, but for those of plans. */
export const ENDED_JOBS_KEPT = 50

/** See {@link EngineStore.forgetBrokered}. */
export const FORGOTTEN_AT_ONCE = 500

/** A sealed value that takes the place of another one. */
export interface Resealed {
  readonly place: SealedPlace
  readonly from: Sealed
  readonly to: Sealed
}

/**
 * What the engine must not forget. Every write is durable when its promise resolves, and rejects where it is not: with
 * EngineError (`input`) where this text says so. What is secret arrives sealed.
 */
export interface EngineStore extends DnsRegistrationStore {
  accounts(): Promise<readonly EngineAccount[]>
  putAccount(account: EngineAccount): Promise<void>
  /** Newest first. */
  jobs(filter: JobFilter): Promise<readonly Job[]>
  /** Every one that has not ended and that the engine goes on with by itself (not `brokered`), oldest first. */
  openJobs(): Promise<readonly OpenJob[]>
  job(id: string): Promise<Job | null>
  /** Rejects where one with this id exists, or one for the same certificate has not ended. */
  addJob(job: Job): Promise<void>
  /** Rejects where there is no such job, or it has ended. Where this one ends, see {@link ENDED_JOBS_KEPT}; brokered ones stay. */
  putJob(job: Job): Promise<void>
  /**
   * Forgets brokered jobs that changed last before these times (µs since 1970), those that have ended and those that have not;
   * {@link FORGOTTEN_AT_ONCE} of either at most, so that nobody waits long. How many.
   */
  forgetBrokered(before: { readonly ended: number; readonly open: number }): Promise<number>
  /** All of them, or those of one job. */
  presented(job?: string): Promise<readonly PresentedChallenge[]>
  addPresented(challenge: PresentedChallenge): Promise<void>
  removePresented(challenge: PresentedChallenge): Promise<void>
  certificates(): Promise<readonly KeptCertificate[]>
  /** Ends the job's issuance: the certificate is kept and the job stands at `issued`, in one transaction. */
  putIssued(job: Job, certificate: KeptCertificate): Promise<void>
  /** The kept certificate of this fingerprint, if there is one, was revoked at `at` (µs since 1970). */
  markRevoked(fingerprint: string, at: number): Promise<void>
  /** Newest first. */
  plans(): Promise<readonly ReissuePlan[]>
  plan(id: string): Promise<ReissuePlan | null>
  putPlan(plan: ReissuePlan): Promise<void>
  /** By number. */
  lines(plan: string): Promise<readonly ReissueLine[]>
  /** All at once; replaces those with the same number. */
  putLines(plan: string, lines: readonly ReissueLine[]): Promise<void>
  /** Every sealed value, with its place. */
  sealed(): Promise<readonly { readonly place: SealedPlace; readonly sealed: Sealed }[]>
  /** All or none. Rejects where one is no longer what it was. */
  reseal(changes: readonly Resealed[]): Promise<void>
  close(): Promise<void>
}
