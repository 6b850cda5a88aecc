import type { Identifier } from '../../acme/identifier.ts'

/**
 * renew: a managed certificate, with its key as configured. repeat: one that a client obtained, from the request that
 * acmetap saw, under acmetap's own account; the public key stays, the private key is never touched.
 */
export type ReissueWay = 'renew' | 'repeat'

export interface ReissueLine {
  /** From 1. */
  readonly line: number
  /** SHA-256 of the certificate that is to be replaced, hex. */
  readonly fingerprint: string
  readonly names: readonly Identifier[]
  /** Why it was chosen; one line. */
  readonly why: string
  /** Null where it cannot be done: then `cannot` says why and what to do. */
  readonly way: ReissueWay | null
  readonly cannot: string | null
  /** CA it would be obtained from, and name it would be kept under. */
  readonly ca: string | null
  readonly certificate: string | null
  readonly state: 'planned' | 'running' | 'done' | 'failed' | 'skipped'
  readonly job: string | null
  /** Of the certificate that took its place. */
  readonly replacedBy: string | null
  readonly error: string | null
}

export interface ReissuePlan {
  /** UUIDv7. */
  readonly id: string
  /** As it was asked for; empty where `chosen` says how. */
  readonly where: string
  readonly madeBy: string
  /** µs since 1970. */
  readonly madeAt: number
  readonly state: 'planned' | 'running' | 'stopped' | 'done'
  /** Why it was stopped; null otherwise. */
  readonly stoppedBecause: string | null
  /** Seconds between two lines. */
  readonly pace: number
  /** Stops when so many of the last hundred lines (or of all, where there are fewer) failed, in percent. */
  readonly stopAt: number
}
