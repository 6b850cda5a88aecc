import type { Problem } from '../acme/response-objects.ts'

/**
 * problem: the CA refused, with a problem document. refused: acmetap itself refused (policy, rates); nothing was sent.
 * network: no answer. protocol: the CA answered what no CA should. solver: an answer to a challenge could not be made
 * reachable. invalid: the CA looked at the answer and did not like it. mismatch: the certificate is not what was asked
 * for. deploy: it could not be put where it belongs. input: what was asked for cannot be done. aborted: it was stopped.
 */
export const ENGINE_FAULTS = [
  'problem',
  'refused',
  'network',
  'protocol',
  'solver',
  'invalid',
  'mismatch',
  'deploy',
  'input',
  'aborted',
] as const
export type EngineFault = (typeof ENGINE_FAULTS)[number]

export interface EngineErrorDetails {
  readonly problem?: Problem | null
  /** HTTP status of the answer. */
  readonly status?: number | null
  /** Seconds, as the CA asked for; already within bounds. */
  readonly retryAfter?: number | null
  /** Exchange in which it showed. */
  readonly exchange?: string | null
  /** Value of each `Link` field's link, but for index, up and next: of a limit's page, say. */
  readonly links?: readonly string[]
  /** The name it is about, as in the order. */
  readonly name?: string | null
}

/** What went wrong, in one line for people: what, where, what to do. Never holds a secret. */
export class EngineError extends Error {
  readonly fault: EngineFault
  readonly problem: Problem | null
  readonly status: number | null
  readonly retryAfter: number | null
  readonly exchange: string | null
  readonly links: readonly string[]
  readonly identifier: string | null

  constructor(fault: EngineFault, message: string, details: EngineErrorDetails = {}) {
    super(message)
    this.name = 'EngineError'
    this.fault = fault
    this.problem = details.problem ?? null
    this.status = details.status ?? null
    this.retryAfter = details.retryAfter ?? null
    this.exchange = details.exchange ?? null
    this.links = details.links ?? []
    this.identifier = details.name ?? null
  }
}
