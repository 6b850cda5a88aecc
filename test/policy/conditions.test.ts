import { describe, expect, it } from 'vitest'
import type { Operation } from '../../src/acme/operation.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { productsOf } from '../../src/policy/conditions/user-agent.ts'
import { parseComparison } from '../../src/policy/document/comparison.ts'
import type { Comparison, ConditionDocument } from '../../src/policy/document.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import { normalise } from '../../src/policy/names/normalise.ts'
import type { PolicyName } from '../../src/policy/names/policy-name.ts'
import type { Truth } from '../../src/policy/truth.ts'
import {
  finalizeFacts,
  POLICY_CLIENT,
  policyDocument,
  policyFacts,
  ruleDocument,
} from '../support/policy-documents.ts'

const OPERATIONS = [
  'newAccount',
  'account',
  'keyChange',
  'newOrder',
  'newAuthz',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate',
  'revokeCert',
  'unrecognised',
] as const satisfies readonly Operation[]

async function truth(
  when: ConditionDocument,
  facts: PolicyFacts,
  name: string | null = 'www.example.com',
): Promise<Truth> {
  const policy = await compilePolicy(policyDocument([ruleDocument('r', 'deny', when)]), 'digest')
  const identifier = { type: /^[\d.]+$/.test(name ?? '') ? 'ip' : 'dns', value: name ?? '' }
  return policy.rules[0]!.when.test(facts, name === null ? null : (normalise(identifier) as PolicyName))
}

/** Facts with which every condition below is true, wherever it is asked. */
function everythingAt(operation: Operation): PolicyFacts {
  const facts = finalizeFacts(
    {},
    {
      history: { 'orders per all within 1d': 5, 'duplicates within 1d': 5 },
      order: { profile: 'short', validity: 1000, replaces: true },
      keyUses: [['other.example']],
      accountKey: true,
      webhooks: { hook: { allow: true, reason: null, data: null } },
    },
  )
  const asked: PolicyFacts['asked'] =
    operation === 'finalize'
      ? facts.asked
      : {
          kind: 'order',
          notBefore: null,
          profile: 'short',
          notAfter: '2026-07-15T12:00:01Z',
          replaces: 'x',
        }
  return { ...facts, operation, asked }
}

const TRUE: readonly (readonly [string, ConditionDocument])[] = [
  ['everywhere', { ca: ['pebble'] }],
  ['everywhere', { mode: ['relay'] }],
  [
    'everywhere',
    { client: { label: ['team-web'], account: ['thumbprint-1'], contact: ['mailto:*@example.com'] } },
  ],
  ['everywhere', { time: { from: 0, days: [3], zone: 'UTC' } }],
  ['count', { count: comparison('=1') }],
  ['order', { profile: ['short'] }],
  ['order', { validity: comparison('<2000') }],
  ['order', { replaces: true }],
  ['budget', { orders: { per: 'all', within: 86_400_000, count: comparison('>4') } }],
  ['budget', { duplicates: { within: 86_400_000, count: comparison('=5') } }],
  ['csr', { key: { type: ['ecdsa'], size: comparison('>=256'), curve: ['P-256'] } }],
  ['csr', { key: { reused: true } }],
  ['csr', { key: { account_key: true } }],
  [
    'csr',
    { csr: { must_staple: false, extension: ['subjectAltName'], common_name: false, other_names: false } },
  ],
  ['csr', { csr: { signature: ['ecdsaWithSHA256'] } }],
  ['webhook', { webhook: 'hook' }],
]

/** In the order of OPERATIONS: true, elsewhere, about nothing (N), unknown. */
const WHERE: Readonly<Record<string, string>> = {
  everywhere: 'TTTTTTTTTTTT',
  count: 'NNNTEEETTTTU',
  order: 'NNNTETTTTTNU',
  budget: 'NNNTEEEEEENU',
  csr: 'NNNEEEEETENU',
  webhook: 'TTTTTEEETETU',
}
const LETTERS: Readonly<Record<Truth, string>> = {
  true: 'T',
  false: 'F',
  elsewhere: 'E',
  unknown: 'U',
  none: 'N',
}

describe('where conditions are asked', () => {
  it.each(TRUE)('%s: %j', async (family, when) => {
    const seen = await Promise.all(OPERATIONS.map((operation) => truth(when, everythingAt(operation))))
    expect(seen.map((one) => LETTERS[one]).join('')).toBe(WHERE[family])
  })

  it('a condition on the name is about nothing that a request without names has', async () => {
    expect(await truth({ names: ['**'] }, policyFacts({ operation: 'newAccount' }), null)).toBe('none')
    expect(await truth({ names: ['**'] }, policyFacts())).toBe('true')
  })

  it('a webhook is not asked where an account is only read', async () => {
    const read = { ...everythingAt('account'), asked: null }
    expect(await truth({ webhook: 'hook' }, read)).toBe('elsewhere')
  })
})

const CLIENT = POLICY_CLIENT
const unknownClient = policyFacts({
  client: {
    ...CLIENT,
    address: undefined,
    label: undefined,
    proxyUser: undefined,
    userAgent: undefined,
    thumbprint: undefined,
    contacts: undefined,
    externalAccount: undefined,
  },
})
const noClient = policyFacts({
  client: {
    ...CLIENT,
    address: null,
    label: null,
    userAgent: null,
    account: null,
    thumbprint: null,
    contacts: [],
    externalAccount: null,
  },
})

describe('conditions on the client', () => {
  it.each<[NonNullable<ConditionDocument['client']>, Truth]>([
    [{ address: ['192.0.2.0/24'] }, 'true'],
    [{ address: ['198.51.100.0/24', '2001:db8::/32'] }, 'false'],
    [{ label: ['team-web'] }, 'true'],
    [{ proxy_user: ['someone'] }, 'false'],
    [{ external_account: ['kid-2'] }, 'false'],
    [{ account: ['https://ca.example/acct/1'] }, 'true'],
    [{ account: ['https://ca.example/acct/2'] }, 'false'],
    [{ contact: ['mailto:*@EXAMPLE.com'] }, 'true'],
    [{ contact: ['mailto:ops@example.com'] }, 'true'],
    [{ contact: ['mailto:*@ample.com'] }, 'false'],
    [{ software: ['LEGO-cli'] }, 'true'],
    [{ software: ['certbot'] }, 'false'],
    [{ software: ['lego-cli'], version: version('>=4.20') }, 'true'],
    [{ software: ['lego-cli'], version: version('>4.20.1') }, 'false'],
    [{ version: version('<5') }, 'true'],
    [{ user_agent: ['linux; amd\\d+'] }, 'true'],
    [{ user_agent: ['^linux'] }, 'false'],
  ])('%j is %s', async (client, expected) => {
    expect(await truth({ client }, policyFacts())).toBe(expected)
  })

  it.each<NonNullable<ConditionDocument['client']>>([
    { address: ['0.0.0.0/0'] },
    { label: ['x'] },
    { proxy_user: ['x'] },
    { external_account: ['x'] },
    { account: ['thumbprint-2'] },
    { contact: ['mailto:*@x.example'] },
    { software: ['x'] },
    { version: version('>1') },
    { user_agent: ['.'] },
  ])('%j is unknown where it is not known, and false where there is none', async (client) => {
    expect(await truth({ client }, unknownClient)).toBe('unknown')
    expect(await truth({ client }, noClient)).toBe('false')
  })

  it('a contact with more in it than one address is nobody’s', async () => {
    for (const contact of [
      'mailto:a@evil.test,b@example.com',
      'mailto:a@evil.test?cc=b@example.com',
      'tel:+1@example.com',
    ]) {
      const facts = policyFacts({ client: { ...CLIENT, contacts: [contact] } })
      expect(await truth({ client: { contact: ['mailto:*@example.com'] } }, facts)).toBe('false')
    }
  })

  it('products of User-Agents', () => {
    const certbot =
      'CertbotACMEClient/2.1.0 (certbot; Debian GNU/Linux 12 (bookworm)) Authenticator/standalone'
    expect(productsOf(certbot)).toEqual([
      { name: 'certbot', version: [2, 1, 0] },
      { name: 'authenticator', version: null },
    ])
    expect(productsOf('Caddy/v2.8 (open')).toEqual([{ name: 'caddy', version: [2, 8] }])
    expect(productsOf('')).toEqual([])
  })
})

describe('conditions on names, keys and time', () => {
  it.each<[ConditionDocument, string, Truth]>([
    [{ wildcard: true }, '*.example.com', 'true'],
    [{ wildcard: true }, 'example.com', 'false'],
    [{ ip: ['192.0.2.0/24'] }, '192.0.2.9', 'true'],
    [{ ip: ['192.0.2.0/24'] }, '198.51.100.1', 'false'],
    [{ ip: ['192.0.2.0/24'] }, 'example.com', 'false'],
    [{ identifier_type: ['ip'] }, '192.0.2.9', 'true'],
    [{ identifier_type: ['ip'] }, 'example.com', 'false'],
    [{ names: ['**'] }, '192.0.2.9', 'false'],
    [{ public_suffix: ['co.uk'] }, 'a.co.uk', 'true'],
    [{ public_suffix: ['uk'] }, 'a.co.uk', 'false'],
    [{ registered_domain: ['example.com'] }, 'a.b.example.com', 'true'],
  ])('%j of %s: %s', async (when, name, expected) => {
    expect(await truth(when, policyFacts(), name)).toBe(expected)
  })

  it('a key is unknown where the CSR cannot be read, or nobody looked', async () => {
    const facts = { ...finalizeFacts(), asked: { kind: 'finalize' as const, csr: null } }
    expect(await truth({ key: { type: ['RSA'] } }, facts)).toBe('unknown')
    expect(await truth({ csr: { must_staple: true } }, facts)).toBe('unknown')
    expect(await truth({ key: { reused: true } }, facts)).toBe('unknown')
    expect(await truth({ key: { account_key: true } }, facts)).toBe('unknown')
  })

  it('the same names again are no reuse of the key', async () => {
    const reused = (keyUses: readonly (readonly string[])[]) =>
      truth({ key: { reused: true } }, finalizeFacts({}, { keyUses }))
    expect(await reused([])).toBe('false')
    expect(await reused([['www.example.com']])).toBe('false')
    expect(await reused([['www.example.com'], ['a.example', 'www.example.com']])).toBe('true')
  })

  it.each<[string, Truth]>([
    ['2026-07-17T21:59:00Z', 'true'],
    ['2026-07-17T22:00:00Z', 'true'],
    ['2026-07-18T03:59:59Z', 'true'],
    ['2026-07-18T04:00:00Z', 'false'],
    ['2026-07-17T19:59:59Z', 'false'],
    ['2026-07-18T21:00:00Z', 'false'],
  ])('Friday 22:00-06:00 in Berlin, at %s: %s', async (at, expected) => {
    const time = { days: [5], hours: { from: 22 * 60, until: 6 * 60 }, zone: 'Europe/Berlin' }
    expect(await truth({ time }, policyFacts({ at: Date.parse(at) }))).toBe(expected)
  })

  it('budgets and profiles that nobody counted or remembers are unknown', async () => {
    const orders = { per: 'all' as const, within: 86_400_000, count: comparison('>1') }
    expect(await truth({ orders }, policyFacts())).toBe('unknown')
    expect(await truth({ profile: ['none'] }, policyFacts({ operation: 'finalize', order: undefined }))).toBe(
      'unknown',
    )
    expect(await truth({ profile: ['none'] }, policyFacts())).toBe('true')
    expect(await truth({ validity: comparison('>1') }, policyFacts())).toBe('false')
    expect(
      await truth({ count: comparison('>1') }, policyFacts({ operation: 'order', identifiers: undefined })),
    ).toBe('unknown')
  })
})

function comparison(text: string): Comparison {
  return parseComparison(text) as Comparison
}

function version(text: string): Comparison {
  return parseComparison(text, 'version') as Comparison
}
