/** What can be asked of the engine. Every value survives JSON; keys never leave. */
import type { Identifier } from '../acme/identifier.ts'
import type { Actor } from '../audit/event.ts'
import type { EngineAccountStatus } from '../engine/account.ts'
import type { CertificateKeyType, JobReason, JobStep } from '../engine/job.ts'
import type { EngineProgress } from '../engine/progress.ts'
import type { ReissueLine, ReissuePlan } from '../engine/reissue/plan.ts'

export interface ShownEngineAccount {
  readonly id: string
  readonly ca: string
  /** Label of the clients it orders for, where they have one of their own. */
  readonly tenant: string | null
  readonly directory: string
  readonly status: EngineAccountStatus
  readonly url: string | null
  readonly thumbprint: string
  readonly contact: readonly string[]
  readonly externalKeyId: string | null
  /** RFC 3339. */
  readonly createdAt: string
}

export interface ShownJob {
  readonly id: string
  readonly certificate: string
  readonly reason: JobReason
  readonly ca: string
  readonly identifiers: readonly Identifier[]
  readonly step: JobStep
  readonly order: string | null
  readonly error: string | null
  readonly failures: number
  /** RFC 3339; null: as soon as possible, or it has ended. */
  readonly nextAttempt: string | null
  readonly createdAt: string
  readonly changedAt: string
}

/** A managed certificate and how it stands. */
export interface ShownManagedCertificate {
  readonly name: string
  readonly names: readonly string[]
  readonly ca: string
  /** Null while none was obtained. */
  readonly fingerprint: string | null
  readonly notBefore: string | null
  readonly notAfter: string | null
  /** When acmetap had it revoked; null where it did not. */
  readonly revokedAt: string | null
  /** When it is to be renewed, RFC 3339, and by whose word; null while there is none. */
  readonly renewal: { readonly at: string; readonly by: 'ari' | 'lifetime' } | null
  /** Folder of its files. */
  readonly folder: string
  /** Still in the configuration. */
  readonly managed: boolean
  readonly job: ShownJob | null
}

export interface IssueRequest {
  /** A managed certificate by its name; the members below then stay out. */
  readonly certificate?: string
  /** One that is not in the configuration. */
  readonly names?: readonly string[]
  /** Its name; without it the first of its names. */
  readonly name?: string
  readonly ca?: string
  readonly profile?: string
  readonly keyType?: CertificateKeyType
  readonly solver?: string
  readonly preferredChain?: string
  /** Agree to the CA's terms for a new account. */
  readonly agreeTerms?: boolean
  readonly contact?: readonly string[]
  /** PEM of a request to send instead of one of our own; its key stays with its owner. */
  readonly csr?: string
  /** Against the CA's staging; nothing is kept or deployed. */
  readonly dryRun?: boolean
}

export interface RenewRequest {
  /** Names of managed certificates; empty: all that are due. */
  readonly certificates: readonly string[]
  /** Due or not. */
  readonly force?: boolean
  readonly dryRun?: boolean
}

export interface RevokeRequest {
  /** Name of a managed certificate, a fingerprint, a serial number, or PEM. */
  readonly certificate: string
  /** RFC 5280 §5.3.1: 0, 1, 3, 4, 5 or 9. */
  readonly reason?: number
  readonly ca?: string
  /** PEM of the certificate's key: signs instead of the account (RFC 8555 §7.6). */
  readonly key?: string
}

/** How a job of a request ended. */
export interface JobResult {
  readonly job: string | null
  readonly certificate: string
  /** skipped: it was not due. waiting: it failed for now and is tried again by the server. */
  readonly outcome: 'issued' | 'skipped' | 'failed' | 'waiting'
  readonly fingerprint: string | null
  readonly notAfter: string | null
  /** Where its files are; null where there are none. */
  readonly folder: string | null
  /** PEM, where it is kept nowhere else. */
  readonly chain: string | null
  readonly error: string | null
}

/** What is told while something runs: progress, and the results as the last event. */
export type EngineEvent = EngineProgress | { readonly kind: 'end'; readonly results: readonly JobResult[] }

export interface AccountRequest {
  readonly ca: string
  /** Label of clients that have an account of their own. */
  readonly tenant?: string
  readonly contact?: readonly string[]
  readonly agreeTerms?: boolean
}

export interface PlanRequest {
  /** Which certificates: `name~*.example.com and expires<14d`. */
  readonly where: string
}

export interface ShownPlan extends ReissuePlan {
  readonly lines: readonly ReissueLine[]
}

export type ReissueEvent =
  | EngineProgress
  | { readonly kind: 'line'; readonly line: ReissueLine }
  | { readonly kind: 'end'; readonly plan: ShownPlan }

/** Who may set a name of the own DNS responder. Its password is told once, when it is made. */
export interface ShownDnsRegistration {
  readonly subdomain: string
  /** The subdomain in the zone: the target for the CNAME. */
  readonly fullDomain: string
  readonly username: string
  readonly allowFrom: readonly string[]
  /** RFC 3339. */
  readonly createdAt: string
  /** Null while no value was set. */
  readonly updatedAt: string | null
}

export interface CreatedDnsRegistration {
  readonly registration: ShownDnsRegistration
  readonly password: string
}

/** Rejects with OperationRefused for what was asked wrongly; what the CA or a solver says is told as an event's error. */
export interface EngineOperations {
  accounts(): Promise<readonly ShownEngineAccount[]>
  /** Finds or makes the account. */
  register(request: AccountRequest, actor: Actor): Promise<ShownEngineAccount>
  updateContact(ca: string, contact: readonly string[], actor: Actor): Promise<ShownEngineAccount>
  /** RFC 8555 §7.3.5. */
  rollOver(ca: string, actor: Actor): Promise<ShownEngineAccount>
  deactivate(ca: string, actor: Actor): Promise<ShownEngineAccount>
  certificates(): Promise<readonly ShownManagedCertificate[]>
  jobs(filter: {
    readonly certificate?: string
    readonly open?: boolean
    readonly limit: number
  }): Promise<readonly ShownJob[]>
  /** An abort leaves what was begun to be gone on with. */
  issue(request: IssueRequest, actor: Actor, signal: AbortSignal): AsyncIterable<EngineEvent>
  renew(request: RenewRequest, actor: Actor, signal: AbortSignal): AsyncIterable<EngineEvent>
  revoke(request: RevokeRequest, actor: Actor): Promise<{ readonly fingerprint: string; readonly ca: string }>
  plans(): Promise<readonly ReissuePlan[]>
  plan(id: string): Promise<ShownPlan | null>
  makePlan(request: PlanRequest, actor: Actor): Promise<ShownPlan>
  applyPlan(id: string, actor: Actor, signal: AbortSignal): AsyncIterable<ReissueEvent>
  /** PEM chain of a line that is done. */
  pickup(plan: string, line: number): Promise<string | null>
  dnsRegistrations(): Promise<readonly ShownDnsRegistration[]>
  /** `allowFrom`: networks (CIDR) it may be set from; empty: from everywhere. */
  registerDns(allowFrom: readonly string[], actor: Actor): Promise<CreatedDnsRegistration>
  removeDnsRegistration(subdomain: string, actor: Actor): Promise<void>
}
