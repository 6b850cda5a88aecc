/**
 * A job is one certificate on its way: a durable value that says how far it is. Whoever finds one after a kill goes on
 * where it stands. Whatever cannot be repeated at the CA is announced in the store before it is sent.
 */
import type { Identifier } from '../acme/identifier.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import { EngineError } from './engine-error.ts'
import type { Sealed } from './sealing.ts'
import type { Attempt } from './solver.ts'

/** RSA by bits, ECDSA by curve. */
export const CERTIFICATE_KEY_TYPES = ['ec256', 'ec384', 'rsa2048', 'rsa3072', 'rsa4096'] as const
export type CertificateKeyType = (typeof CERTIFICATE_KEY_TYPES)[number]

export const JOB_REASONS = [
  'first',
  'changed',
  'renewal',
  'forced',
  'command',
  'reissue',
  'brokered',
] as const
/**
 * first: none was ever obtained. changed: names or key type of the configuration are others now. brokered: a client of
 * acmetap's wants it, and whoever serves that client goes on with it.
 */
export type JobReason = (typeof JOB_REASONS)[number]

export const JOB_STEPS = [
  /** Key and request are kept; nothing was sent. */
  'created',
  /** newOrder is about to be sent, or was: without `order` its answer is not known. */
  'ordering',
  /** The order's URL is known; authorizations are being worked on. */
  'ordered',
  /** finalize is about to be sent, or was. */
  'finalizing',
  /** The chain is kept and was checked against order and key. */
  'issued',
  /** It lies where it belongs, hooks have run. */
  'deployed',
  'done',
  'failed',
] as const
export type JobStep = (typeof JOB_STEPS)[number]

export interface Job {
  /** UUIDv7. */
  readonly id: string
  /** Name of the managed certificate, or what a command gave as its name. */
  readonly certificate: string
  readonly reason: JobReason
  /** Line of a reissue plan, or null. */
  readonly line: { readonly plan: string; readonly line: number } | null
  readonly ca: string
  /** Id of an EngineAccount. */
  readonly account: string
  readonly identifiers: readonly Identifier[]
  readonly profile: string | null
  /** RFC 9773 §5: certificate id of the one it replaces; null where none, or where the CA would not have it. */
  readonly replaces: string | null
  /** Common name of the topmost certificate of the chain that is preferred; null for the CA's default. */
  readonly preferredChain: string | null
  /** Name of the solver for all its names; null: as the configuration has it for each. */
  readonly solver: string | null
  /** At the CA's staging: the certificate is neither kept nor deployed. */
  readonly dryRun: boolean
  /** DER, base64url: what finalize carries. Null as long as a client has not sent it. */
  readonly csr: string | null
  /**
   * PKCS #8 PEM of the certificate's key, sealed; null where somebody else holds it, and once the job has ended: the
   * certificate that is kept has it, and nobody needs that of one that was given up.
   */
  readonly key: Sealed | null
  readonly step: JobStep
  /** Exchange under which newOrder or finalize was announced last: the record says what became of it. */
  readonly announced: string | null
  /** Of the order, once it is known. */
  readonly order: string | null
  /** PEM, leaf first, once it was downloaded. */
  readonly chain: string | null
  /** Why the last attempt failed, or why it ended; one line without secrets. */
  readonly error: JobError | null
  /** Attempts that failed so far; after each the next one waits longer. */
  readonly failures: number
  /** Not to be gone on with before, µs since 1970; null: at once. */
  readonly notBefore: number | null
  /** µs since 1970. */
  readonly createdAt: number
  readonly changedAt: number
  /** For whom; absent where acmetap itself wants it. */
  readonly brokered?: Brokered
}

/** A job whose certificate a client of acmetap's wants: the client has the key, and sends the request late. */
export interface Brokered {
  /** Id of the broker's order. */
  readonly order: string
  /** Whose account at the CA orders it; null: the one that all share. */
  readonly tenant: string | null
  /** Exchange of the client, which requests to the CA belong to. */
  readonly parent: ExchangeId
}

/** A job of which nothing was sent. */
export const NOT_BEGUN = {
  step: 'created',
  announced: null,
  order: null,
  chain: null,
  error: null,
  failures: 0,
  notBefore: null,
} as const satisfies Partial<Job>

export interface JobError {
  readonly message: string
  /** `urn:ietf:params:acme:error:…`, where the CA said so. */
  readonly type: string | null
  /** Exchange of the record in which it showed. */
  readonly exchange: string | null
}

/** An answer to a challenge that was, or may have been, made reachable: noted before, taken away after. */
export interface PresentedChallenge {
  readonly job: string
  readonly attempt: Attempt
  /** Name of the solver in the configuration. */
  readonly solver: string
  /** µs since 1970. */
  readonly presentedAt: number
}

/** A certificate that is kept by the engine: the newest of a name, until the next one takes its place. */
export interface KeptCertificate {
  /** Name of the managed certificate. */
  readonly certificate: string
  readonly ca: string
  readonly account: string
  readonly identifiers: readonly Identifier[]
  readonly profile: string | null
  readonly chain: string
  readonly key: Sealed | null
  /** RFC 9773 §4.1; null where it has none. */
  readonly ariId: string | null
  readonly fingerprint: string
  /** µs since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly job: string
  readonly issuedAt: number
  /** When acmetap had it revoked; absent where it was not. */
  readonly revokedAt?: number
}

/** Nothing is done for it any more. */
export function hasEnded({ step }: Pick<Job, 'step'>): boolean {
  return step === 'done' || step === 'failed'
}

/** What finalize carries. Throws EngineError (`input`) for a job whose client has not sent it. */
export function requestOf({ id, csr }: Pick<Job, 'id' | 'csr'>): string {
  if (csr === null) throw new EngineError('input', `the job ${id} has no certificate request yet`)
  return csr
}
