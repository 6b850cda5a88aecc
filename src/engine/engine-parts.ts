import type { Clock } from '../exchange/clock.ts'
import type { AcmeSession } from './acme-session.ts'
import type { Deploy } from './deploy.ts'
import type { FailPoint } from './durable-step.ts'
import type { EngineAccounts } from './engine-accounts.ts'
import type { EngineStore } from './engine-store.ts'
import type { Job } from './job.ts'
import type { PreflightRequest } from './preflight/preflight.ts'
import type { OnProgress } from './progress.ts'
import type { FindRecordedRequest } from './recorded-request.ts'
import type { Sealing } from './sealing.ts'
import type { SolverContext } from './solver.ts'
import type { SolverFor, SolverNamed } from './solver-for.ts'
import type { Turns } from './turns.ts'

/**
 * Looks, before a CA is told to validate, whether it would refuse for certain. Rejects with EngineError (`solver`) where it
 * would.
 */
export type LookBefore = (
  ca: string,
  request: Omit<PreflightRequest, 'issuer'>,
  context: SolverContext,
) => Promise<void>

export interface EngineParts {
  readonly store: EngineStore
  readonly sealing: Sealing
  readonly accounts: EngineAccounts
  readonly session: (ca: string) => AcmeSession
  readonly solverFor: SolverFor
  readonly solverNamed: SolverNamed
  /** Left out: nobody looks. */
  readonly lookBefore?: LookBefore
  readonly deploy: Deploy
  /** By account and names; what shares accounts shares them. Left out: turns of its own. */
  readonly turns?: Turns
  readonly findRecorded: FindRecordedRequest
  readonly clock: Clock
  readonly failPoint: FailPoint
  /** Told of a job as it stands when an attempt at it is over; must not throw. */
  readonly onAttempt?: (job: Job) => void
  /** Told of every job's progress. */
  readonly onProgress: OnProgress
  /** From 0 up to 1: stretches waits. Math.random without it. */
  readonly chance?: () => number
  /** Milliseconds; rejects with EngineError (`aborted`). For tests. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}
