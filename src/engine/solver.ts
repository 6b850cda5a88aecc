/**
 * src/engine is acmetap's own ACME client. It sends nothing itself: every request passes the stages that everybody's
 * requests pass, so that it is decided and recorded. A solver makes the answer to a challenge reachable.
 */
import type { Identifier } from '../acme/identifier.ts'

export const CHALLENGE_TYPES = [
  'http-01',
  'tls-alpn-01',
  'dns-01',
  'dns-account-01',
  'dns-persist-01',
] as const
export type ChallengeType = (typeof CHALLENGE_TYPES)[number]

/** All that is needed to answer one challenge, and to take the answer away again, by this process or another. */
export interface Attempt {
  /** Of the authorization: without `*.`, which `wildcard` says. */
  readonly identifier: Identifier
  readonly wildcard: boolean
  readonly type: ChallengeType
  /** URL of the challenge. */
  readonly url: string
  /** RFC 8555 §8.3; empty for dns-persist-01. */
  readonly token: string
  /** RFC 8555 §8.1: token and thumbprint; empty for dns-persist-01. */
  readonly keyAuthorization: string
  readonly accountUrl: string
  /** draft-ietf-acme-dns-persist: names of the CA, of which the record holds one. Empty for all others. */
  readonly issuerDomainNames: readonly string[]
}

export interface SolverContext {
  /** Aborted when the engine stops or the job is given up. */
  readonly signal: AbortSignal
  /** One line for people who watch: `TXT record published at ns1.example.net`. No secrets. */
  readonly progress: (text: string) => void
  /** One line for those who do not watch too: it goes into the log. Without it: `progress`. */
  readonly warn?: (text: string) => void
}

/** Rejects with {@link import('./engine-error.ts').EngineError}: what could not be done, where, and what to do. */
export interface Solver {
  /** In the configuration. */
  readonly name: string
  readonly types: readonly ChallengeType[]
  /** Binds what it listens on, where that must not wait for the first challenge. */
  listen?(): Promise<{ readonly address: string; readonly port: number }>
  /** Repeating it does no harm. */
  present(attempt: Attempt, context: SolverContext): Promise<void>
  /** Resolves when the CA can see it. Left out where that is the case once it is presented. */
  ready?(attempt: Attempt, context: SolverContext): Promise<void>
  /** Takes the answer away; resolves too where there is none. Needs nothing but the attempt: it may run after a kill. */
  cleanUp(attempt: Attempt, context: SolverContext): Promise<void>
  close?(): Promise<void>
}
