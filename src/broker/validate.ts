import type { Identifier } from '../acme/identifier.ts'
import type { ProblemDocument } from '../acme/problem.ts'
import type { ChallengeSettings } from './endpoint.ts'
import type { BrokerChallengeType } from './objects.ts'

export interface ValidationRequest {
  /** Without `*.`, which `wildcard` says. */
  readonly identifier: Identifier
  readonly wildcard: boolean
  readonly type: BrokerChallengeType
  readonly token: string
  /** RFC 8555 §8.1. */
  readonly keyAuthorization: string
  readonly settings: ChallengeSettings
  /** Of which CAA must permit one, where settings say so. */
  readonly caaIdentities: readonly string[]
  /** RFC 8657 `accounturi`: the account's URL. */
  readonly accountUrl: string
}

/**
 * Looks, as a CA does, whether the client has made the answer reachable. Null: it has. Otherwise the problem that belongs
 * into the challenge (RFC 8555 §8), in the words that Boulder has for it. Rejects only when it is aborted.
 */
export type Validate = (request: ValidationRequest, signal: AbortSignal) => Promise<ProblemDocument | null>
