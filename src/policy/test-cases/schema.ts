/**
 * src/policy/test-cases tries a policy with requests that nobody made: cases in YAML beside the rules. Here is what a
 * file of cases may say; what it leaves out is not there. Start at run.ts.
 */
import { z } from 'zod'
import { key } from '../../config/key.ts'
import { schemaKeys } from '../../config/keys.ts'
import { duration } from '../../config/values.ts'
import { DECIDED_OPERATIONS } from '../decided-operations.ts'
import { instant, line, oneOrMore, word } from '../document/terms.ts'

export const NOT_KNOWN = [
  'address',
  'label',
  'proxy_user',
  'contact',
  'external_account',
  'user_agent',
] as const

const client = z.strictObject({
  address: key(word().optional(), 'Source address.', '192.0.2.7'),
  label: key(word().optional(), 'Host in relay, proxy user in intercept.', 'web'),
  proxy_user: key(word().optional(), 'Proxy user.', 'web-1'),
  account: key(word().optional(), 'Account URL.', 'https://ca.example/acct/1'),
  thumbprint: key(word().optional(), "RFC 7638 thumbprint of the account's key.", 'wYdG…'),
  contact: key(oneOrMore(word()).optional(), 'Contact URLs.', 'mailto:ops@example.com'),
  external_account: key(word().optional(), 'Key id of the external account binding.', 'team-web'),
  user_agent: key(word().optional(), 'Whole User-Agent.', 'certbot/2.11.0 (certbot)'),
  unknown: key(
    oneOrMore(z.enum(NOT_KNOWN)).optional(),
    'What of it is not known, as after somebody was erased.',
    'address',
  ),
})

const csr = z.strictObject({
  names: key(
    oneOrMore(word()).optional(),
    'Names in the CSR; those of the request if left out.',
    'a.example.com',
  ),
  key: key(z.enum(['RSA', 'ECDSA', 'Ed25519', 'Ed448']).default('ECDSA'), 'Type of the key.'),
  size: key(z.int().min(1).max(65_536).optional(), 'Bits of the key.', 2048),
  curve: key(word().optional(), 'Curve of an ECDSA key; P-256 if left out.', 'P-384'),
  signature: key(word().optional(), 'Signature algorithm.', 'sha256WithRSA'),
  common_name: key(word().optional(), 'Common name of the subject.', 'a.example.com'),
  must_staple: key(z.boolean().default(false), 'Whether it asks for must-staple.'),
  extensions: key(oneOrMore(word()).optional(), 'Dotted numbers of its other extensions.', '2.5.29.15'),
  other_names: key(oneOrMore(word()).optional(), 'Kinds of its other names.', 'email'),
  used_for: key(z.array(oneOrMore(word())).default([]), 'Sets of names that its key was used for before.'),
  account_key: key(z.boolean().default(false), "Whether its key is an account's."),
  faults: key(oneOrMore(line(300)).optional(), 'What is wrong with it.', 'the signature is not right'),
})

const request = z.strictObject({
  operation: key(
    z.enum(DECIDED_OPERATIONS).optional(),
    'Operation; if left out a newOrder, and with csr its finalize too.',
    'newOrder',
  ),
  names: key(oneOrMore(word()).optional(), 'Names that are asked for.', 'www.example.com'),
  subdomains: key(z.boolean().default(false), 'newAuthz for all below the name, too (RFC 9444).'),
  client: key(client.optional(), 'Who asks.'),
  ca: key(word().default('test'), 'CA, by its name in the configuration.'),
  mode: key(z.enum(['relay', 'intercept', 'broker', 'engine']).default('relay'), 'How it came in.'),
  at: key(instant().optional(), 'When; a fixed day in 2030 if left out.', '2027-03-01T09:00:00Z'),
  profile: key(word().optional(), 'Profile of the order.', 'shortlived'),
  validity: key(duration('1s', '4000d').optional(), 'From notBefore to notAfter.', '90d'),
  replaces: key(z.boolean().default(false), 'Whether the order says which certificate it replaces.'),
  csr: key(csr.optional(), 'CSR of the finalize.'),
  orders: key(
    z.int().min(0).default(0),
    'Orders there were before: for every window and whoever is counted.',
  ),
  duplicates: key(z.int().min(0).default(0), 'Orders for the same names there were before.'),
  history: key(
    z.record(word(), z.int().min(0)).default({}),
    'Single counts, by the question, as explain shows it.',
    { 'orders per client within 7d': 5 },
  ),
  webhooks: key(
    z.record(word(), z.enum(['allow', 'deny', 'down'])).default({}),
    'What each webhook answers; one that is left out is down.',
    { cmdb: 'allow' },
  ),
})

const effect = z.enum(['allow', 'deny'])

const testCase = z.strictObject({
  name: key(line(200), 'What the case shows.', 'the web team may have its own names'),
  request: key(request, 'The request.'),
  expect: key(effect, 'allow or deny, as if the policy were enforced.', 'deny'),
  rule: key(word().optional(), 'Rule that decides; default where none does.', 'web-names'),
  warns: key(oneOrMore(word()).optional(), 'Rules that warn, and no others.', 'old-clients'),
  detail: key(line(300).optional(), 'Text that the client is told, in part.', 'ask the web team'),
  names: key(z.record(word(), effect).default({}), 'What becomes of single names.', {
    'www.example.com': 'allow',
  }),
})

export const casesSchema = z.strictObject({
  cases: key(z.array(testCase).min(1, 'must hold at least one case'), 'Cases, each by itself.'),
})

export type TestCase = z.output<typeof testCase>
export type TestedRequest = TestCase['request']
export type TestedCsr = NonNullable<TestedRequest['csr']>

export const CASE_KEYS = schemaKeys(casesSchema)
