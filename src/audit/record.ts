/**
 * src/audit keeps the record: what was asked, decided, sent and answered, as appended facts that are never
 * changed. It knows no HTTP server and no SQL; the store stands behind {@link RecordStore}.
 *
 * Two facts per exchange: the intent, durable before anything is sent; the outcome, durable before the client
 * is answered. Beside them one fact per event: see `event.ts`.
 */
import type { Asked } from '../exchange/asked.ts'
import type { PolicyVerdict } from '../exchange/decision.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { Learned } from '../exchange/resource.ts'
import type { EventContent } from './event.ts'

export const RECORD_VERSION = 1

/** `event`: what an operator, or acmetap on its own, did beside the exchanges; stands alone. */
export type FactKind = 'intent' | 'outcome' | 'event'

/** A body the fact refers to by the SHA-256 of its bytes (lower-case hex in the content). */
export interface BlobDraft {
  readonly digest: Buffer
  readonly bytes: Buffer
  /** True for bodies that come again and again (directories, certificates): stored once. */
  readonly repeats: boolean
}

/**
 * Personal data of a fact, by name (`clientAddress`, `contacts`, `payload` …). The store keeps the value in one
 * keyed place and writes into the fact only SHA-256(salt ‖ value), so that the value can be erased and the
 * chain still verifies. Equal values of one kind share a salt until they are erased.
 */
export interface PersonalDraft {
  readonly name: string
  readonly kind: 'address' | 'contact' | 'proxyUser' | 'query' | 'body'
  readonly value: Buffer
}

/** A fact before the store has given it a place in the stream. */
export interface FactDraft {
  readonly kind: FactKind
  readonly exchange: ExchangeId
  /** Wall time in µs since 1970 and monotonic time in µs. */
  readonly at: number
  readonly monotonic: number
  /** JSON-serialisable; member names must not collide with the envelope's ({@link FactEnvelope}). */
  readonly content: Distinct<IntentContent> | Distinct<OutcomeContent> | Distinct<EventContent>
  readonly blobs: readonly BlobDraft[]
  readonly personal: readonly PersonalDraft[]
}

/** What the store adds to every fact. `digest` is SHA-256 over the stored JSON text, which holds `previous`. */
export interface FactEnvelope {
  readonly version: number
  /** The instance's id, made at first start. */
  readonly stream: string
  /** Contiguous from 1 within a stream. */
  readonly sequence: number
  readonly boot: string
  readonly kind: FactKind
  readonly exchange: ExchangeId
  readonly at: number
  readonly monotonic: number
  readonly personal: Readonly<Record<string, string>>
  /** Digest (hex) of the fact before it; 64 zeros for the first. */
  readonly previous: string
}

type NameOf<Content> = Content extends unknown ? keyof Content : never
type Distinct<Content> = NameOf<Content> & keyof FactEnvelope extends never ? Content : never

export interface IntentContent {
  readonly parent: ExchangeId | null
  readonly issuance: ExchangeId | null
  readonly tenant: string
  /** The configuration's label of the installation that wrote it: tells merged records apart. */
  readonly instance: string
  readonly configDigest: string
  readonly policyDigest: string | null
  readonly mode: string
  readonly ca: string | null
  readonly operation: string
  readonly client: {
    readonly listener: string
    readonly port: number | null
    readonly userAgent: string | null
    readonly tlsVersion: string | null
    readonly httpVersion: string
    /** In broker: of the account's EAB key, or of the path. Absent in other modes. */
    readonly label?: string | null
  }
  readonly request: {
    readonly method: string
    readonly authority: string | null
    readonly target: string
    readonly fields: Readonly<Record<string, string>>
    readonly bytes: number
    /** SHA-256 of those bytes: the whole body, or its beginning where the request was refused for its size. */
    readonly digest: string
  }
  readonly jws: null | {
    readonly alg: string | null
    readonly nonce: string | null
    readonly url: string | null
    readonly kid: string | null
    readonly thumbprint: string | null
    readonly verdict: string
    /** SHA-256 of each part as it is kept, credentials redacted. The parts are blobs, or under `personal`; a refused request keeps no signature. */
    readonly protected: string
    readonly payload: string | null
    readonly signature: string | null
    readonly signatureDigest: string | null
  }
  readonly account: string | null
  readonly identifiers: readonly { readonly type: string; readonly value: string }[]
  readonly order: string | null
  readonly authorization: string | null
  readonly challenge: string | null
  readonly certificate: string | null
  readonly decision: {
    readonly effect: string
    readonly rule: string | null
    readonly ambiguities: readonly { readonly kind: string; readonly where: string }[]
    /** Of the policy whose digest is `policyDigest`; absent in facts of before there were policies. */
    readonly policy?: RecordedVerdict | null
  }
  /** Absent in facts of before there were policies. */
  readonly asked?: Asked | null
}

export type RecordedVerdict = Omit<PolicyVerdict, 'digest'>

export interface RecordedProblem {
  readonly type: string
  readonly detail: string | null
  readonly subproblems: readonly unknown[]
}

/**
 * `unknown`: the process died before the outcome was written. `notSent`: the intent became durable after the
 * client had been told 503; nothing was sent.
 */
export type OutcomeKind = 'response' | 'refused' | 'failed' | 'unknown' | 'notSent'

export interface OutcomeContent {
  readonly outcome: OutcomeKind
  readonly status: number | null
  readonly fields: Readonly<Record<string, string | readonly string[]>>
  readonly body: null | {
    readonly bytes: number
    readonly digest: string | null
    readonly stored: string | null
  }
  readonly failure: null | { readonly cause: string; readonly message: string }
  /** The answer's own problem document. */
  readonly problem: RecordedProblem | null
  /** `status` of the account, order, authorization or challenge in a successful answer. */
  readonly objectStatus: string | null
  /** The `error` of that order or challenge: why a validation failed (RFC 8555 §7.1.3, §8). */
  readonly objectError: RecordedProblem | null
  /** Seconds, where the answer said `Retry-After` (a date is turned into seconds from the answer's arrival). */
  readonly retryAfter: number | null
  readonly account: string | null
  readonly issuance: ExchangeId | null
  readonly order: string | null
  readonly authorization: string | null
  readonly challenge: string | null
  readonly certificate: string | null
  readonly identifiers: readonly { readonly type: string; readonly value: string }[]
  /** µs: from receipt to outcome, and from sending to the CA's last byte. */
  readonly durationTotal: number | null
  /** µs of it spent waiting for a turn under the CA's rates. */
  readonly waited: number | null
  /** `ca`, or `cache` and `shared` where an equal unsigned request was answered already; null where nothing was. */
  readonly source: string | null
  /** What the answer showed the request to be, where the intent could only say `unrecognised`. */
  readonly operation: string | null
  /** Of an operation `tunnel` that was opened: bytes from the client and to it, µs, and why it ended. */
  readonly tunnel: null | {
    readonly up: number
    readonly down: number
    readonly duration: number
    readonly end: string
  }
  readonly durationCa: number | null
  /** True when the outcome waited in the spill file before it got here. */
  readonly spilled: boolean
}

/** Appended together, atomically, in order; `learned` is stored in the same transaction. */
export interface Entry {
  readonly facts: readonly FactDraft[]
  readonly learned: Learned
}
