/**
 * src/policy/document reads a policy's file into a PolicyDocument: here is what the file may say. Start at
 * parse-policy.ts. Every key carries a description; a key without a default carries an example.
 */
import { z } from 'zod'
import { PROBLEM_TYPES, type ProblemName } from '../../acme/problem-types.ts'
import { key } from '../../config/key.ts'
import { schemaKeys } from '../../config/keys.ts'
import { duration } from '../../config/values.ts'
import { POLICY_MODES } from '../../exchange/decision.ts'
import { condition } from './condition-schema.ts'
import { LONGEST_MESSAGE, messageFault } from './message-template.ts'
import { instant, judged, line, link, webhookUrl } from './terms.ts'

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

const name = () =>
  z
    .string()
    .regex(NAME, 'must be 1 to 64 lower-case letters, digits or ._- and begin with a letter or digit')
    .refine((text) => text !== 'default', 'is the name of what no rule decides; take another')

const message = () =>
  line(LONGEST_MESSAGE).superRefine((text, context) => {
    const fault = messageFault(text)
    if (fault !== null) context.addIssue({ code: 'custom', message: fault })
  })

const filePath = () => judged((text) => (text === '' || text.includes('\0') ? 'must name a file' : null))

/** Those that would send a client into a loop, or are about what only a CA can know, are not a policy's to raise. */
const UNFIT: readonly ProblemName[] = [
  'accountDoesNotExist',
  'alreadyReplaced',
  'alreadyRevoked',
  'badNonce',
  'compound',
  'connection',
  'dns',
  'incorrectResponse',
  'orderNotReady',
  'serverInternal',
  'tls',
]
export const PROBLEMS = (Object.keys(PROBLEM_TYPES) as ProblemName[]).filter((one) => !UNFIT.includes(one))

const list = z.union([
  z.array(z.string()),
  z.strictObject({ file: key(filePath(), 'File with one entry a line.', './lists/internal.txt') }),
])

const webhook = z.strictObject({
  url: key(webhookUrl(), 'Where the question is sent.', 'https://cmdb.example.com/acme'),
  secret_file: key(filePath().optional(), 'File whose first line signs the question.', './webhook.secret'),
  timeout: key(duration('100ms', '10s').prefault('2s'), 'How long an answer may take.'),
  cache: key(duration('0s', '1d').prefault('1m'), 'How long an answer is taken for the same question.'),
  trust: key(
    filePath().optional(),
    'PEM file of the roots that may sign its certificate.',
    './internal-roots.pem',
  ),
})

const rule = z.strictObject({
  name: key(name(), 'Name of the rule, unique in the file.', 'internal-names'),
  when: key(condition, 'What it is about: conditions that must all hold, or the word always.'),
  effect: key(z.enum(['allow', 'deny', 'warn']), 'allow, deny or warn.', 'deny'),
  mode: key(
    z.enum(POLICY_MODES).optional(),
    `${POLICY_MODES.join(', ')}; without it: the policy's.`,
    'observe',
  ),
  message: key(
    message().optional(),
    "What a client is told. Without it: the policy's, where the rule denies.",
    'ask {owner} for {name}',
  ),
  link: key(link().optional(), 'Page that helps.', 'https://wiki.example.com/certificates'),
  owner: key(line(100).optional(), 'Who answers for the rule.', 'platform team'),
  expires: key(instant().optional(), 'From then on it matches nothing.', '2027-01-31'),
  unknown: key(
    z.enum(['match', 'skip']).optional(),
    'What a condition that cannot be decided means: match (as deny and warn take it) or skip (as allow takes it).',
    'match',
  ),
  problem: key(z.enum(PROBLEMS).optional(), 'ACME problem of the denial (RFC 8555 §6.7).', 'rateLimited'),
})

export const policySchema = z.strictObject({
  version: key(z.literal(1), 'Of this form of file.', 1),
  mode: key(
    z.enum(POLICY_MODES).default('observe'),
    'observe: decide and record. warn: also tell. enforce: also deny.',
  ),
  default: key(z.enum(['allow', 'deny']).default('allow'), 'What no rule decides: allow or deny.'),
  message: key(
    message().optional(),
    'What a client is told where the default denies, or a rule without a message.',
    'ask the platform team for {name}',
  ),
  link: key(link().optional(), 'Page that helps then.', 'https://wiki.example.com/certificates'),
  lists: key(
    z.record(name(), key(list, 'Write entries as a list, or file: PATH')).default({}),
    'What @name stands for: a list of entries, or file: PATH.',
  ),
  webhooks: key(z.record(name(), webhook).default({}), 'Webhooks that conditions ask, by name.'),
  rules: key(z.array(rule).default([]), 'Rules in their order: the first that matches a name decides it.'),
})

export type WrittenPolicy = z.output<typeof policySchema>

export const POLICY_KEYS = schemaKeys(policySchema)
