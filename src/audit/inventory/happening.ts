import { z } from 'zod'
import { failure } from './failure.ts'
import { instant, objectId } from './values.ts'

/**
 * What happened, once, in the order of the facts that showed it: what alert rules are asked about. The inventory keeps
 * those of the last days beside its objects; (`fact`, `n`) names one, and is the same after every rebuild.
 */
const about = {
  /** Sequence number of the fact that showed it; `n` tells apart what one fact showed. */
  fact: z.int(),
  n: z.int(),
  /** When the fact was recorded: of an outcome, when the CA's answer was there. */
  at: instant(),
  exchange: z.string(),
  ca: z.string().nullable(),
  mode: z.string().nullable(),
  operation: z.string().nullable(),
  account: failure.shape.account,
  client: failure.shape.client,
  order: objectId().nullable(),
  /** Names it is about: dns names (a wildcard with its `*.`) and addresses. */
  names: z.array(z.string()),
}

/** A failure of the list of failures, when it was seen first. */
export const failed = z.strictObject({
  kind: z.literal('failed'),
  ...about,
  failure: objectId(),
  /** It is about a validation: a challenge that failed, or an order that is invalid because of one nobody read. */
  validation: z.boolean(),
  /** What showed it: the challenge or authorization, the order's own state, or the answer to the request itself. */
  shownBy: z.enum(['challenge', 'order', 'exchange']),
  challengeType: failure.shape.challengeType,
  outcome: failure.shape.outcome,
  status: failure.shape.status,
  problem: failure.shape.problem,
  diagnosis: failure.shape.diagnosis,
})

/** A rate limit was applied. It is a failure too, and then comes right after it. */
export const limited = z.strictObject({
  kind: z.literal('limited'),
  ...about,
  by: z.enum(['ca', 'acmetap']),
  limit: z.string(),
  key: z.string().nullable(),
  until: instant().nullable(),
  status: z.int().nullable(),
  detail: z.string().nullable(),
})

/** The first exchange of an account that was proved. */
export const accountSeen = z.strictObject({
  kind: z.literal('accountSeen'),
  ...about,
  /** It came about now (201 to newAccount), rather than being known to the CA before. */
  created: z.boolean(),
})

/** The CA took a newOrder and made an order that was not seen before. */
export const ordered = z.strictObject({
  kind: z.literal('ordered'),
  ...about,
  replaces: z.string().nullable(),
  profile: z.string().nullable(),
})

/** A challenge was found valid: `names` holds the one name. */
export const validated = z.strictObject({ kind: z.literal('validated'), ...about })

/** A certificate was seen for the first time in an answer of a CA. */
export const issued = z.strictObject({
  kind: z.literal('issued'),
  ...about,
  fingerprint: z.string(),
  serial: z.string(),
  notBefore: instant(),
  notAfter: instant(),
  /** SHA-256 of its public key. */
  spki: z.string(),
})

/** A request passed though rules of a policy, of effect or mode `warn`, spoke against it. */
export const warned = z.strictObject({
  kind: z.literal('warned'),
  ...about,
  /** SHA-256 (hex) of the policy. */
  policy: z.string().nullable(),
  warnings: z.array(z.strictObject({ rule: z.string(), message: z.string() })),
})

export const happening = z.discriminatedUnion('kind', [
  failed,
  limited,
  accountSeen,
  ordered,
  validated,
  issued,
  warned,
])
export type Happening = z.output<typeof happening>
export type HappeningOf<Kind extends Happening['kind']> = Extract<Happening, { kind: Kind }>
