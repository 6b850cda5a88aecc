import { z } from 'zod'
import { key } from '../../config/key.ts'
import { MODES } from '../../exchange/mode.ts'
import { type ConditionDocument, ORDERS_PER } from '../document.ts'
import { Networks } from '../names/networks.ts'
import { parsePattern } from '../names/pattern.ts'
import { celFault, regExpFault } from './expressions.ts'
import { OPERATION_WORDS, operationsOf } from './operations.ts'
import { listName } from './references.ts'
import {
  comparison,
  days,
  hours,
  instant,
  judged,
  oneOf,
  oneOrMore,
  timeZone,
  window,
  word,
  wordFault,
} from './terms.ts'

/** What an entry under a key that takes `@list` must be; the entries of its lists too. */
const ENTRIES = {
  names: patternFault,
  registered_domain: domainFault,
  public_suffix: domainFault,
  ip: networkFault,
  address: networkFault,
  label: wordFault,
  proxy_user: wordFault,
  account: accountFault,
  contact: contactFault,
  external_account: wordFault,
} as const satisfies Readonly<Record<string, (text: string) => string | null>>

export type ListedKey = keyof typeof ENTRIES
export const LISTED_KEYS = Object.keys(ENTRIES) as readonly ListedKey[]

/** What is wrong with an entry of a list that is used under this key; null for a good one. */
export function entryFault(key: ListedKey, text: string): string | null {
  return ENTRIES[key](text)
}

function patternFault(text: string): string | null {
  const pattern = parsePattern(text)
  return 'fault' in pattern ? pattern.fault : null
}

function networkFault(text: string): string | null {
  const networks = Networks.of([text])
  return 'fault' in networks ? networks.fault : null
}

function domainFault(text: string): string | null {
  if (text !== text.toLowerCase()) return 'must be in lower case'
  return text.includes('*') || text.startsWith('.')
    ? 'must be a name without * or leading dot, as example.co.uk'
    : patternFault(text)
}

function contactFault(text: string): string | null {
  return /^[a-z][a-z0-9+.-]*:\S+$/i.test(text)
    ? null
    : 'must be a contact URL, as mailto:ops@example.com or mailto:*@example.com'
}

function accountFault(text: string): string | null {
  return /^https?:\/\/\S+$/.test(text) || /^[\w-]{43}$/.test(text)
    ? null
    : 'must be an account URL (https://…) or the RFC 7638 thumbprint of its key (43 characters)'
}

/** Of a key that takes `@list`, which passes here: what it stands for is judged where the list is. */
const listed = (key: ListedKey) =>
  oneOrMore(judged((text) => (listName(text) === null ? entryFault(key, text) : null)))

const DOTTED = /^[0-2](?:\.\d{1,20}){1,20}$/

const client = z.strictObject({
  address: key(listed('address').optional(), 'Networks or addresses of clients.', ['10.0.0.0/8']),
  label: key(listed('label').optional(), 'Labels: proxy user, Host of the relay, or label in the path.', [
    'cluster-a',
  ]),
  proxy_user: key(listed('proxy_user').optional(), 'Users of the proxy.', ['cluster-a']),
  account: key(listed('account').optional(), 'Account URLs, or RFC 7638 thumbprints of account keys.', [
    'https://ca.example/acme/acct/1',
  ]),
  contact: key(
    listed('contact').optional(),
    'Contact URLs of the account; mailto:*@example.com for all there.',
    ['mailto:*@example.com'],
  ),
  external_account: key(listed('external_account').optional(), 'Key ids of external account bindings.', [
    'team-a',
  ]),
  software: key(oneOrMore(word()).optional(), 'Product of the User-Agent; case does not count.', ['certbot']),
  version: key(comparison('version').optional(), 'Version of that product.', "'<2.0'"),
  user_agent: key(
    oneOrMore(judged(regExpFault)).optional(),
    'Regular expressions (RE2) for the User-Agent.',
    ["'^Caddy/'"],
  ),
})

const keyCondition = z.strictObject({
  type: key(
    oneOrMore(oneOf(['RSA', 'ECDSA', 'Ed25519', 'Ed448'], DOTTED, 'a dotted number')).optional(),
    'RSA, ECDSA, Ed25519 or Ed448.',
    ['RSA'],
  ),
  size: key(comparison('number').optional(), 'Bits of the key.', "'<3072'"),
  curve: key(
    oneOrMore(oneOf(['P-256', 'P-384', 'P-521'], DOTTED, 'a dotted number')).optional(),
    'P-256, P-384 or P-521.',
    ['P-256'],
  ),
  reused: key(z.boolean().optional(), 'Whether the key was used before for other names.', true),
  account_key: key(z.boolean().optional(), "Whether the key is also an account's.", true),
})

/** Extensions that have a name here. */
export const EXTENSION_NAMES = [
  'subjectAltName',
  'keyUsage',
  'extKeyUsage',
  'basicConstraints',
  'tlsFeature',
  'certificatePolicies',
] as const

/** As a CSR is read to have been signed with. */
export const SIGNATURES = [
  'md5WithRSA',
  'sha1WithRSA',
  'sha224WithRSA',
  'sha256WithRSA',
  'sha384WithRSA',
  'sha512WithRSA',
  'ecdsaWithSHA1',
  'ecdsaWithSHA224',
  'ecdsaWithSHA256',
  'ecdsaWithSHA384',
  'ecdsaWithSHA512',
  'Ed25519',
  'Ed448',
] as const

const csr = z.strictObject({
  must_staple: key(z.boolean().optional(), 'Whether it asks for OCSP must-staple (RFC 7633).', true),
  extension: key(
    oneOrMore(oneOf(EXTENSION_NAMES, DOTTED, 'a dotted number')).optional(),
    `Extensions it asks for: ${EXTENSION_NAMES.join(', ')} or dotted numbers.`,
    ['basicConstraints'],
  ),
  common_name: key(z.boolean().optional(), 'Whether it has a common name.', true),
  signature: key(
    oneOrMore(oneOf(SIGNATURES, DOTTED, 'a dotted number')).optional(),
    `Signature algorithms: ${SIGNATURES.join(', ')}.`,
    ['sha1WithRSA'],
  ),
  other_names: key(
    z.boolean().optional(),
    'Whether it asks for names that are neither DNS names nor addresses.',
    true,
  ),
})

const time = z
  .strictObject({
    from: key(instant().optional(), 'From this day or time on.', '2027-12-20'),
    until: key(instant().optional(), 'Before this day or time.', '2028-01-03'),
    days: key(days().optional(), 'Days of the week.', ['mon-fri']),
    hours: key(hours().optional(), 'Hours of the day.', "'08:00-18:00'"),
    zone: key(timeZone().default('UTC'), 'Time zone of days and hours.'),
  })
  .refine(({ from, until }) => from === undefined || until === undefined || from < until, {
    message: 'ends before it begins',
    path: ['until'],
  })

const duplicates = z.strictObject({
  within: key(window(), 'How far back.', '7d'),
  count: key(comparison('number'), 'How many there were.', "'>=5'"),
})

const orders = z.strictObject({
  per: key(z.enum(ORDERS_PER).default('client'), `Whose: ${ORDERS_PER.join(', ')}.`),
  within: key(window(), 'How far back.', '7d'),
  count: key(comparison('number'), 'How many there were.', "'>=50'"),
})

/** The members of a `when`, and of `all`, `any`, `not`. That a mapping is not empty is judged elsewhere. */
export const condition = z.strictObject({
  get all() {
    return key(conditions().optional(), 'Conditions that must all hold.')
  },
  get any() {
    return key(conditions().optional(), 'Conditions of which one must hold.')
  },
  get not() {
    return key(itself().optional(), 'A condition that must not hold.')
  },
  names: key(listed('names').optional(), 'Patterns of DNS names, or @list.', ['**.internal.example']),
  wildcard: key(z.boolean().optional(), 'Whether the name is a wildcard.', true),
  registered_domain: key(listed('registered_domain').optional(), 'Registrable domains.', ['example.co.uk']),
  public_suffix: key(listed('public_suffix').optional(), 'Public suffixes.', ['co.uk']),
  ip: key(listed('ip').optional(), 'Networks or addresses that are asked for, or @list.', ['10.0.0.0/8']),
  identifier_type: key(oneOrMore(z.enum(['dns', 'ip'])).optional(), 'dns or ip.', ['ip']),
  client: key(client.optional(), 'Who asks.'),
  mode: key(oneOrMore(z.enum(MODES)).optional(), `How the request came in: ${MODES.join(', ')}.`, ['relay']),
  ca: key(oneOrMore(word()).optional(), 'Names of CAs, as under cas of the configuration.', ['letsencrypt']),
  operation: key(
    oneOrMore(z.enum(OPERATION_WORDS)).transform(operationsOf).optional(),
    'What the request does; issuance, accounts and revocation stand for several.',
    ['newOrder'],
  ),
  count: key(comparison('number').optional(), 'How many names are asked for.', "'>10'"),
  profile: key(oneOrMore(word()).optional(), 'Profiles; none for no profile.', ['shortlived']),
  validity: key(comparison('duration').optional(), 'Requested time to notAfter.', "'>90d'"),
  replaces: key(z.boolean().optional(), 'Whether it names the certificate it replaces (RFC 9773).', true),
  key: key(keyCondition.optional(), 'The key of the CSR; asked at finalize.'),
  csr: key(csr.optional(), 'Other members of the CSR; asked at finalize.'),
  time: key(time.optional(), 'When it is asked.'),
  duplicates: key(duplicates.optional(), 'Orders for exactly these names before this one.'),
  orders: key(orders.optional(), 'Orders before this one.'),
  cel: key(
    judged(celFault).optional(),
    'An expression of the Common Expression Language.',
    'size(names) > 3',
  ),
  webhook: key(z.string().optional(), 'Name of a webhook; true where it allows.', 'inventory'),
})

function itself(): z.ZodType<ConditionDocument> {
  // An optional key that is absent is absent in what comes out, though zod's type also lets it be undefined.
  return condition as unknown as z.ZodType<ConditionDocument>
}

function conditions() {
  return z.array(itself()).min(1, 'must hold at least one condition')
}
