import { describe, expect, test } from 'vitest'
import type { CertificateRequest } from '../../src/acme/certificate-request.ts'
import { type CelCondition, compileCel } from '../../src/policy/cel.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import type { PolicyName } from '../../src/policy/names/policy-name.ts'
import { compileRegExp } from '../../src/policy/regular-expression.ts'

const CSR: CertificateRequest = {
  names: [{ type: 'dns', value: 'WWW.example.com' }],
  commonNames: [],
  otherNames: ['email'],
  key: { type: 'RSA', size: 2048, curve: null, spki: 'ab'.repeat(32), thumbprint: 'key' },
  signature: { algorithm: 'sha256WithRSA', verified: true },
  extensions: ['2.5.29.17'],
  mustStaple: true,
  faults: [],
}

const FACTS: PolicyFacts = {
  at: Date.parse('2026-03-02T12:00:00Z'),
  mode: 'relay',
  ca: 'pebble',
  operation: 'finalize',
  identifiers: [{ type: 'dns', value: 'WWW.example.com' }],
  client: {
    address: '192.0.2.7',
    label: null,
    proxyUser: null,
    userAgent: 'certbot/2.1',
    account: 'https://ca.test/acct/1',
    thumbprint: undefined,
    contacts: ['mailto:ops@example.com'],
    externalAccount: 'kid-1',
  },
  asked: { kind: 'finalize', csr: CSR },
  order: { profile: 'tls', validity: 7_776_000_000, replaces: false },
  history: {},
  keyUses: [['other.example.com']],
  accountKey: false,
  webhooks: { cmdb: { allow: true, reason: 'fine', data: { owner: 'team-a', level: 3 } } },
}
const NAME: PolicyName = {
  identifier: { type: 'dns', value: '*.Example.com' },
  type: 'dns',
  value: 'example.com',
  labels: ['com', 'example'],
  covers: 'wildcard',
}

function compiled(text: string): CelCondition {
  const result = compileCel(text)
  if ('fault' in result) throw new Error(result.fault)
  return result
}
const told = (text: string, changes: Partial<PolicyFacts> = {}, name: PolicyName | null = NAME) =>
  compiled(text).test({ ...FACTS, ...changes }, name)

describe('what an expression may read', () => {
  test.each([
    'name == "*.example.com"',
    'names == ["www.example.com"]',
    'mode == "relay" && ca == "pebble" && operation == "finalize"',
    'time < timestamp("2026-03-02T12:00:01Z")',
    'time.getDayOfWeek() == 1 && time.getHours("Europe/Berlin") == 13',
    'profile == "tls" && validity == 90 * 24 * 60 * 60 && !replaces',
    'client.address == "192.0.2.7" && client.label == "" && client.user_agent.startsWith("certbot/")',
    'client.contacts.exists(c, c.endsWith("@example.com")) && client.external_account == "kid-1"',
    'key.type == "RSA" && key.size >= 2048 && key.curve == ""',
    'key.reused && !key.account_key',
    'csr.must_staple && csr.names == names && csr.common_names.size() == 0 && "email" in csr.other_names',
    'csr.signature == "sha256WithRSA" && "2.5.29.17" in csr.extensions',
    'webhooks.cmdb.allow && webhooks["cmdb"].data.owner == "team-a" && webhooks.cmdb.data.level > 2.0',
  ])('%s', (text) => {
    expect(told(text)).toBe('true')
    expect(told(`!(${text})`)).toBe('false')
  })
})

describe('RE2 stands wherever matches() does', () => {
  test.each([
    'name.matches("^[*][.]example")',
    'names.exists(n, n.matches("^w+[.]"))',
    'names.all(n, n.matches("e.a"))',
    'names.exists_one(n, n.matches("w"))',
    'names.filter(n, n.matches("w")).size() == 1',
    'names.map(n, n.matches("w")) == [true]',
    'names.map(n, n.matches("w"), n).size() == 1',
    'cel.bind(x, name.matches("e"), x)',
    'cel.bind(x, name, x.matches("e"))',
    '(name.matches("e") ? "a" : "b").matches("a")',
    '[name.matches("e")][0]',
    '{"a": name.matches("e")}.a',
    'string(name.matches("e")) == "true"',
    'dyn(name).matches("e")',
    '!name.matches("\\\\pN")',
  ])('%s', (text) => {
    // What only RE2 takes: the library's own would throw, which is unknown.
    const re2 = text.replaceAll(/matches\("/g, 'matches("(?P<x>)')
    expect(told(re2)).toBe('true')
  })

  test('what only backtracking can do is refused', () => {
    for (const pattern of ['(?=a)', '(a)\\\\1', '(?<!a)b'])
      expect(compileCel(`names.all(n, n.matches("${pattern}"))`)).toHaveProperty('fault')
  })
})

describe('what is not known', () => {
  test('makes an expression unknown, where it matters', () => {
    expect(told('client.thumbprint == "x"')).toBe('unknown')
    expect(told('client.thumbprint == "x" || true')).toBe('true')
    expect(told('true || client.thumbprint == "x"')).toBe('true')
    expect(told('client.thumbprint == "x" && false')).toBe('false')
    expect(told('names.size() > 0', { identifiers: undefined })).toBe('unknown')
    expect(told('webhooks.other.allow')).toBe('unknown')
    expect(
      told('webhooks.cmdb.allow', { webhooks: { cmdb: { allow: null, reason: 'down', data: null } } }),
    ).toBe('unknown')
    expect(told('1 / 0 == 1')).toBe('unknown')
    expect(told('profile == "tls"', { order: undefined })).toBe('unknown')
  })

  test('here and is asked at another request of the issuance: elsewhere', () => {
    const before = { operation: 'newOrder', asked: null } as const
    expect(told('key.size < 4096', before)).toBe('elsewhere')
    expect(told('csr.must_staple', before)).toBe('elsewhere')
    expect(told('operation == "finalize" && key.size < 4096', before)).toBe('false')
    expect(told('webhooks.cmdb.allow', { operation: 'order', asked: null, webhooks: {} })).toBe('elsewhere')
  })

  test('and never will be: about nothing', () => {
    const outside = { operation: 'newAccount', asked: null, order: null, identifiers: [] } as const
    expect(told('key.size < 4096', outside, null)).toBe('none')
    expect(told('profile == "tls"', outside, null)).toBe('none')
    expect(told('name != ""', outside, null)).toBe('none')
    expect(told('ca == "pebble"', outside, null)).toBe('true')
  })
})

describe('faults', () => {
  test.each([
    ['nme == "x"', /Unknown variable: nme; there are name, names, .*webhooks/],
    ['client.adress == "x"', /No such key: adress/],
    ['name', /true or false, and gives string/],
    ['name == 1', /no such overload/],
    ['name ==', /./],
    ['names.join(",") == ""', /the function join is not to be had here; there are .*startsWith/],
    ['name.matches(client.label)', /written out/],
    ['webhooks[name].allow', /webhooks\[…\] takes the name/],
    ['duration(name) == duration("1s")', /written out/],
    ['name.matches("(")', /no regular expression of RE2/],
    ['evaluatorOf()', /not to be had here/],
    ['name.matchesExpression("a")', /not to be had here/],
    [`name == "${'a'.repeat(4000)}"`, /4000 characters/],
  ])('%s', (text, fault) => {
    const result = compileCel(text)
    expect(result).toHaveProperty('fault', expect.stringMatching(fault))
    expect((result as { fault: string }).fault).not.toContain('\n')
  })
})

test('says what it needs', () => {
  expect(compiled('client.contacts.size() == 0').needs).toEqual({ account: true, order: false })
  expect(compiled('client.label == "a"').needs).toEqual({ account: false, order: false })
  expect(compiled('validity > 0').needs).toEqual({ account: false, order: true })
  expect(compiled('webhooks.a.allow || webhooks["b"].allow || webhooks.a.allow').webhooks).toEqual(['a', 'b'])
  expect(compiled('names.size() > 1').perName).toBe(false)
  expect(compiled('names.exists(n, n == name)').perName).toBe(true)
})

test('a regular expression is found anywhere in the first 512 characters', () => {
  const expression = compileRegExp('b$|b ')
  if ('fault' in expression) throw new Error(expression.fault)
  expect(expression.test('aab')).toBe(true)
  expect(expression.test('b a')).toBe(true)
  expect(expression.test('ba')).toBe(false)
  expect(expression.test(`${'a'.repeat(512)}b`)).toBe(false)
  expect(compileRegExp('a'.repeat(1001))).toHaveProperty('fault')
})

test('a request that had its share of work is not known to any expression, at once', () => {
  const condition = compileCel('names.all(a, names.all(b, a != b + "x"))')
  const other = compileCel('mode == "relay"')
  if ('fault' in condition || 'fault' in other) throw new Error('unexpected')
  const names = Array.from({ length: 200 }, (_, n) => ({ type: 'dns', value: `h${n}.example` }))
  const facts = { ...FACTS, mode: 'relay', identifiers: names } as const
  expect(other.test(facts, null)).toBe('true')
  for (let n = 0; n < 30; n++) expect(condition.test(facts, null)).toBe('unknown')
  expect(other.test(facts, null)).toBe('unknown')
  expect(other.test({ ...facts }, null)).toBe('true')
})
