/** Policies: what is asked about them and answered. As in `policy-operations.ts`, which is the contract. */
import { z } from 'zod'
import { OPERATIONS } from '../../acme/operation.ts'
import { identifier, instant, moment, word } from '../../audit/inventory/values.ts'
import { POLICY_MODES } from '../../exchange/decision.ts'
import { MODES } from '../../exchange/mode.ts'
import type { PolicyBundle } from '../../policy/bundle.ts'
import type { SupposedRequest } from '../../policy/supposed-request.ts'

/** Bytes of a body: a policy with long lists. */
export const POLICY_BODY_LIMIT = 24 << 20
const LONGEST_POLICY = 1 << 20
const LONGEST_LIST = 16 << 20

const effect = z.enum(['allow', 'deny'])
const ruleEffect = z.enum(['allow', 'deny', 'warn'])
const policyMode = z.enum(POLICY_MODES)
const digest = z.string().meta({ description: 'SHA-256 (hex) of the policy and its lists.' })
const truth = z.enum(['true', 'false', 'unknown', 'elsewhere', 'none']).meta({
  description:
    'unknown: what it asks is not known. elsewhere: it is asked at another request of the same issuance. none: such requests never have what it is about.',
})

/** Text alone: nothing on the server is read for a caller. */
export const bundle = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .max(1024)
      .default('policy.yaml')
      .meta({ description: 'How messages call it. It is not opened.' }),
    text: z.string().max(LONGEST_POLICY).meta({ description: 'The policy: YAML.' }),
    files: z
      .record(z.string().max(1024), z.string().max(LONGEST_LIST))
      .default({})
      .meta({ description: 'Text of each file its lists name, by the path as it is written there.' }),
  })
  .transform((given): PolicyBundle => given)

export const checkWanted = z.strictObject({ policy: bundle })

const supposedClient = z.strictObject({
  address: z.string().max(64).optional(),
  label: word.optional(),
  proxyUser: word.optional(),
  userAgent: word.optional(),
  account: word.optional().meta({ description: 'URL.' }),
  thumbprint: word.optional().meta({ description: 'RFC 7638, of the account key.' }),
  contacts: z.array(word).max(100).optional().meta({ description: 'URLs: mailto:…' }),
  externalAccount: word.optional().meta({ description: 'Key id of the external account binding.' }),
})

const supposed = z
  .strictObject({
    operation: z.enum(OPERATIONS).default('newOrder'),
    names: z.array(z.string().min(1).max(300)).max(1000).default([]),
    at: moment.optional().meta({ description: 'RFC 3339; now where it is left out.' }),
    mode: z.enum(MODES).default('relay'),
    ca: word.meta({ description: 'As the configuration names it.' }),
    client: supposedClient.default({}),
    profile: word.optional(),
    validity: z.number().min(0).optional().meta({ description: 'Milliseconds.' }),
    replaces: z.boolean().optional(),
    csr: z
      .base64()
      .max(64 << 10)
      .optional()
      .meta({ description: 'DER, base64: the CSR of a finalize.' }),
  })
  .transform((given): SupposedRequest => {
    const { at, client, ...rest } = given
    const time = at === undefined ? Date.now() : at / 1000
    return { ...without(rest), at: time, client: without(client) } as SupposedRequest
  })

/** Members that are undefined are left out. */
function without(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined))
}

export const explainWanted = z.strictObject({
  request: supposed,
  policy: bundle.optional().meta({ description: 'A candidate; without: the policy in force.' }),
})

export const explainRecordedWanted = z.strictObject({ policy: bundle })

export const testWanted = z.strictObject({
  policy: bundle,
  cases: z
    .array(z.strictObject({ file: z.string().min(1).max(1024), text: z.string().max(LONGEST_POLICY) }))
    .min(1)
    .max(100)
    .meta({ description: 'Files of test cases: YAML.' }),
})

export const replayWanted = z.strictObject({
  policy: bundle,
  since: moment.meta({ description: 'RFC 3339, or how long ago: 24h, 30d.' }),
  until: moment.optional(),
})

const shownRule = z.strictObject({
  name: z.string(),
  effect: ruleEffect,
  mode: policyMode,
  unknown: z.enum(['match', 'skip']),
  when: z.string().meta({ description: 'Its conditions on one line.' }),
  owner: z.string().nullable(),
  link: z.string().nullable(),
  expires: instant().nullable(),
  expired: z.boolean(),
  line: z.int(),
})

export const policyInForce = z.strictObject({
  file: z.string(),
  digest,
  since: instant().meta({ description: 'Since when this very policy decides.' }),
  mode: policyMode,
  default: effect,
  rules: z.array(shownRule),
  lists: z.array(z.strictObject({ name: z.string(), entries: z.int() })),
  webhooks: z.array(z.strictObject({ name: z.string(), url: z.string(), signed: z.boolean() })),
  text: z.string().meta({ description: 'As written.' }),
})

export const policyCheck = z.strictObject({
  ok: z.boolean(),
  file: z.string(),
  digest: digest.nullable(),
  rules: z.int(),
  problems: z.array(
    z.strictObject({
      file: z.string(),
      line: z.int(),
      column: z.int(),
      path: z.string(),
      message: z.string(),
      instead: z.string().nullable(),
    }),
  ),
  remarks: z
    .array(z.looseObject({ line: z.int(), rule: z.string().nullable(), message: z.string() }))
    .meta({ description: 'What is odd about it: it can be used all the same.' }),
})

const deciding = z.strictObject({
  effect,
  rule: z.string().meta({ description: 'Name of a rule, `default`, or what is built in: `policy:…`.' }),
})

const read = z.looseObject({}).meta({
  description: 'What conditions read beside the request: counts, key id, answers of webhooks.',
})

const warnings = z.array(z.strictObject({ rule: z.string(), message: z.string() }))

export const explainedCondition = z.strictObject({
  text: z.string(),
  truth,
  get parts() {
    return z.array(explainedCondition)
  },
})

const explainedRule = z.strictObject({
  rule: z.string(),
  effect: ruleEffect,
  mode: policyMode,
  owner: z.string().nullable(),
  matched: z.enum(['true', 'false', 'unknown', 'elsewhere', 'none', 'expired']),
  role: z.enum(['decides', 'would decide', 'warns', 'passed over', 'afterwards']),
  because: z.string().nullable().meta({ description: 'The first condition that was not met or not known.' }),
  conditions: explainedCondition.nullable(),
})

const explainedName = z.strictObject({
  identifier: identifier.nullable(),
  normalised: z.string().nullable(),
  fault: z.string().nullable(),
  decided: deciding,
  would: deciding,
  rules: z.array(explainedRule),
})

const told = z.strictObject({
  inForce: z.boolean().meta({ description: 'False: only if the policy were enforced.' }),
  status: z.int(),
  type: z.string(),
  detail: z.string(),
  help: z.string().nullable(),
  subproblems: z.array(z.strictObject({ type: z.string(), detail: z.string(), identifier })),
})

const recordedComparison = z.strictObject({
  exchange: z.string(),
  digest: digest.nullable(),
  by: z.enum(['then', 'candidate']),
  effect,
  verdict: z.looseObject({}).nullable().meta({ description: 'As the record has it.' }),
  differs: z.array(z.string()),
  unknown: z.array(z.string()).meta({ description: 'What the record no longer tells.' }),
})

export const explanation = z.strictObject({
  policy: z.strictObject({ file: z.string().nullable(), digest, mode: policyMode, default: effect }),
  request: z.strictObject({
    at: z.string(),
    operation: z.string(),
    mode: z.string(),
    ca: z.string(),
    identifiers: z.array(identifier).nullable(),
  }),
  decided: deciding.meta({ description: 'With the modes as they are.' }),
  would: deciding.meta({ description: 'As if every rule were enforced.' }),
  elsewhere: z.array(z.string()),
  warnings,
  told: told.nullable().meta({ description: 'What the client is told; null where the request passes.' }),
  names: z.array(explainedName),
  moreNames: z.int(),
  read,
  recorded: recordedComparison.nullable(),
})

export const testReport = z.strictObject({
  file: z.string(),
  digest,
  passed: z.int(),
  failed: z.int(),
  results: z.array(
    z.strictObject({
      name: z.string(),
      file: z.string(),
      line: z.int(),
      passed: z.boolean(),
      effect,
      rule: z.string(),
      detail: z.string().nullable(),
      failures: z.array(z.string()),
    }),
  ),
  untested: z.array(z.string()).meta({ description: 'Rules that decided or warned in no case.' }),
})
