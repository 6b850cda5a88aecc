import type { Job, KeptCertificate } from './job.ts'
import type { SolverContext } from './solver.ts'

/**
 * Puts a certificate where it belongs and runs the hooks. `key`: PKCS #8 PEM, or null where somebody else holds it. Repeating
 * it does no harm. Rejects with EngineError (`deploy`).
 */
export type Deploy = (
  job: Job,
  certificate: KeptCertificate,
  key: string | null,
  context: SolverContext,
) => Promise<void>
