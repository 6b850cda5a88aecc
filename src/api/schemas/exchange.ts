/**
 * An exchange as the record tells it: two facts. Facts are never changed but newer ones may have more members, so
 * readers ignore what they do not know, and members that older facts lack are optional.
 */
import { z } from 'zod'

const micros = (description: string) =>
  z.int().meta({ description: `${description} In µs since 1970.`, example: 1_800_000_000_000_000 })
const duration = (description: string) =>
  z
    .number()
    .nullable()
    .meta({ description: `${description} In µs.` })
const digest = () => z.string().meta({ description: 'SHA-256, hex.' })
const identifiers = z.array(z.looseObject({ type: z.string(), value: z.string() }))
const recordedProblem = z
  .looseObject({
    type: z.string(),
    detail: z.string().nullable(),
    subproblems: z.array(z.unknown()),
  })
  .nullable()

const envelope = {
  version: z.int().meta({ description: 'Of the form of facts.' }),
  stream: z.string().meta({ description: 'Id of the record it is in.' }),
  sequence: z.int().meta({ description: 'Its number in the stream, without gaps from 1.' }),
  boot: z.string(),
  exchange: z.string(),
  at: micros('When it was written down.'),
  monotonic: z.number(),
  personal: z.record(z.string(), z.string()).meta({ description: 'Salted digests of personal values.' }),
  previous: digest(),
}

const about = {
  account: z.string().nullable().meta({ description: 'URL.' }),
  order: z.string().nullable().meta({ description: 'URL.' }),
  authorization: z.string().nullable().meta({ description: 'URL.' }),
  challenge: z.string().nullable().meta({ description: 'URL.' }),
  certificate: z.string().nullable().meta({ description: 'URL.' }),
  issuance: z.string().nullable().meta({ description: 'Id of the newOrder exchange that began it.' }),
  identifiers,
}

const deciding = z.looseObject({
  effect: z.enum(['allow', 'deny']),
  rule: z.string().meta({ description: 'Name of a rule, `default`, or one that begins with `policy:`.' }),
})

const verdict = z
  .looseObject({
    decided: deciding,
    would: deciding.meta({ description: 'As if every rule were enforced.' }),
    warnings: z.array(z.looseObject({ rule: z.string(), message: z.string() })),
    names: z
      .array(
        deciding.extend({
          identifier: z.looseObject({ type: z.string(), value: z.string() }),
          message: z.string(),
        }),
      )
      .meta({ description: 'Names that are, or would be, denied: at most 100.' }),
    deniedNames: z.int().meta({ description: 'How many of them there are.' }),
    rules: z
      .array(
        z.looseObject({
          rule: z.string(),
          effect: z.enum(['allow', 'deny', 'warn']),
          mode: z.enum(['observe', 'warn', 'enforce']),
          matched: z.enum(['true', 'false', 'unknown', 'elsewhere', 'expired']),
          because: z.string().nullable(),
        }),
      )
      .meta({ description: 'Rules that could have matched, at most 50.' }),
    read: z.looseObject({}).meta({ description: 'What conditions read beside the request, as it stood.' }),
  })
  .meta({ description: 'What the policy of `policyDigest` made of it; null where none decided.' })

const intent = z.looseObject({
  ...envelope,
  kind: z.literal('intent'),
  parent: z.string().nullable(),
  ...about,
  tenant: z.string(),
  instance: z.string().optional(),
  configDigest: z.string(),
  policyDigest: z.string().nullable(),
  mode: z.string(),
  ca: z.string().nullable(),
  operation: z.string(),
  client: z.looseObject({
    listener: z.string(),
    port: z.int().nullable(),
    userAgent: z.string().nullable(),
    tlsVersion: z.string().nullable(),
    httpVersion: z.string(),
    label: z.string().nullable().optional(),
  }),
  request: z.looseObject({
    method: z.string(),
    authority: z.string().nullable(),
    target: z.string(),
    fields: z.record(z.string(), z.string()),
    bytes: z.int(),
    digest: digest(),
  }),
  jws: z
    .looseObject({
      alg: z.string().nullable(),
      nonce: z.string().nullable(),
      url: z.string().nullable(),
      kid: z.string().nullable(),
      thumbprint: z.string().nullable(),
      verdict: z.string(),
      protected: digest(),
      payload: digest().nullable(),
      signature: digest().nullable(),
      signatureDigest: digest().nullable(),
    })
    .nullable(),
  decision: z.looseObject({
    effect: z.string(),
    rule: z.string().nullable(),
    ambiguities: z.array(z.looseObject({ kind: z.string(), where: z.string() })),
    policy: verdict.nullable().optional(),
  }),
  asked: z
    .looseObject({
      kind: z.enum(['order', 'authorization', 'account', 'finalize', 'revocation', 'keyChange']),
    })
    .nullable()
    .optional()
    .meta({
      description:
        'What the request asks for beyond its identifiers: of a finalize what the CSR says, and so on.',
    }),
})

const outcome = z.looseObject({
  ...envelope,
  kind: z.literal('outcome'),
  ...about,
  outcome: z.enum(['response', 'refused', 'failed', 'unknown', 'notSent']),
  status: z.int().nullable(),
  fields: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  body: z
    .looseObject({ bytes: z.int(), digest: digest().nullable(), stored: digest().nullable() })
    .nullable()
    .meta({ description: '`stored`: the digest its kept form is found under.' }),
  failure: z.looseObject({ cause: z.string(), message: z.string() }).nullable(),
  problem: recordedProblem,
  objectStatus: z.string().nullable(),
  objectError: recordedProblem,
  retryAfter: z.number().nullable().meta({ description: 'Seconds.' }),
  durationTotal: duration('From receipt to outcome.'),
  waited: duration("Spent waiting for a turn under the CA's rates.").optional(),
  source: z.string().nullable().optional().meta({ description: 'ca, cache or shared.' }),
  operation: z.string().nullable().optional(),
  tunnel: z
    .looseObject({ up: z.number(), down: z.number(), duration: z.number(), end: z.string() })
    .nullable()
    .optional(),
  durationCa: duration("From sending to the CA's last byte."),
  spilled: z.boolean(),
})

export const exchange = z.strictObject({
  id: z.string().meta({ example: '019ab001-0000-7000-8000-000000000000' }),
  intent,
  outcome: outcome.nullable().meta({ description: 'Null while it runs.' }),
  personal: z
    .record(z.string(), z.string())
    .meta({ description: 'Personal values that are still kept, by name: clientAddress, contacts …' }),
})
