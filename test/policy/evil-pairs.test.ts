import { describe, expect, test } from 'vitest'
import { compileCel } from '../../src/policy/cel.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import type { PolicyName } from '../../src/policy/names/policy-name.ts'
import { compileRegExp } from '../../src/policy/regular-expression.ts'

/** ms of CPU that one evaluation may take. */
const MOST = 10
/** A busy machine makes the same work dearer now and then: the cheapest of so many runs counts. */
const RUNS = 10

const many = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n))

function world(names: number, text: string): PolicyFacts {
  return {
    at: Date.parse('2026-03-02T12:00:00Z'),
    mode: 'relay',
    ca: 'pebble',
    operation: 'newOrder',
    identifiers: many(names, (n) => ({ type: 'dns', value: `h${n}.${text.slice(0, 40)}.example` })),
    client: {
      address: '192.0.2.7',
      label: text.slice(0, 253),
      proxyUser: null,
      userAgent: text.slice(0, 512),
      account: `https://ca.test/acct/${text.slice(0, 200)}`,
      thumbprint: null,
      contacts: many(names > 100 ? 100 : 2, () => `mailto:${text.repeat(4).slice(0, 2000)}`),
      externalAccount: null,
    },
    asked: null,
    order: { profile: null, validity: null, replaces: false },
    history: {},
    keyUses: undefined,
    accountKey: undefined,
    webhooks: {
      big: {
        allow: true,
        reason: text.slice(0, 300),
        data: Object.fromEntries(many(300, (n) => [`k${n}`, n])),
      },
      deep: { allow: false, reason: null, data: JSON.parse(`${'{"a":'.repeat(15)}1${'}'.repeat(15)}`) },
    },
  }
}

const TEXTS = ['a'.repeat(512), 'ab'.repeat(256), `${'a'.repeat(511)}!`, '-'.repeat(512), '1'.repeat(512)]
const WORLDS = TEXTS.flatMap((text) => [world(1, text), world(100, text), world(2000, text)])
const NAME: PolicyName = {
  identifier: { type: 'dns', value: 'www.example.com' },
  type: 'dns',
  value: 'www.example.com',
  labels: ['com', 'example', 'www'],
  covers: 'host',
}

const EIGHT = '[1, 2, 3, 4, 5, 6, 7, 8]'
const doubled = (from: string, times: number, last: string) => {
  const vars = many(times, (n) => `v${n}`)
  const [first] = vars
  let inner = last.replaceAll('LAST', vars.at(-1)!)
  for (let n = times - 1; n > 0; n--)
    inner = `cel.bind(${vars[n]}, ${vars[n - 1]} + ${vars[n - 1]}, ${inner})`
  return `cel.bind(${first}, ${from} + ${from}, ${inner})`
}

const EXPRESSIONS = [
  'names.all(a, names.all(b, a == b || true))',
  'names.all(a, names.all(b, names.all(c, names.all(d, a == b || c != d))))',
  'names.exists_one(a, names.exists_one(b, a == b))',
  'names.map(a, names.map(b, b)).size() > 0',
  'names.map(a, names).size() > 0',
  'names.map(a, names + names).size() > 0',
  'names.filter(a, names.exists(b, b.contains("zzz"))).size() == 0',
  'names.exists(a, names == [a])',
  'names.all(a, names == names)',
  'names.all(a, dyn(names) == dyn(client.contacts) || true)',
  'names.all(a, "zz" in names || true)',
  'names.map(a, {a: names}).size() > 0',
  'names.all(a, {"a": a}.a == a)',
  'names.all(a, [a, a, a, a, a, a, a, a] == [a, a, a, a, a, a, a, a])',
  'names.map(a, a + a + a + a).map(a, a + a + a + a).map(a, a + a + a + a).map(a, a + a + a + a).size() > 0',
  'names.all(a, a.substring(0, 1) + a.substring(1) == a)',
  'names.all(a, a.split("").map(b, b + b).size() > 0)',
  'names.all(a, type(a) == string && string(a.size()) != "")',
  'names.all(a, 1 / 0 == 1)',
  'names.all(a, int(a) > 0 || double(a) > 0.0 || bool(a))',
  'names.all(a, timestamp(a) > time)',
  'names.all(a, names[9999] == "a")',
  'names.all(a, webhooks["zz"].allow)',
  'names.all(a, has(client.zzz) || true)',
  'names.all(a, webhooks.big.data == webhooks.big.data)',
  'names.all(a, webhooks.deep.data.a.a.a.a.a.a.a == webhooks.deep.data.a.a.a.a.a.a.a)',
  'names.all(a, time.getHours("Europe/Berlin") < 24)',
  'names.all(a, time.getDayOfYear("Nowhere/Land") < 400 || true)',
  'names.all(a, client.contacts.all(c, client.contacts.all(d, c.contains(d + "b") || true)))',
  'client.contacts.all(c, client.contacts.all(d, c.contains("aaaaaaaaaaaaaaab") || true))',
  'client.contacts.map(c, c.split("")).map(l, l.map(x, x + x)).size() > 0',
  'client.contacts.all(c, c.lowerAscii().upperAscii().trim() != "")',
  'client.contacts.all(c, c.matches("^(a+)+$") || c.matches("(a|b|ab)*c") || true)',
  'names.all(a, a.matches("(a?){20}a{20}") || true)',
  'names.all(a, client.contacts.all(c, c.matches("(.*)(.*)(.*)(.*)(.*)[^>]b") || true))',
  `names.all(a, "${'a'.repeat(1000)}".contains("${'a'.repeat(500)}b") || true)`,
  `names.all(a, client.contacts[0].contains("${'a'.repeat(900)}b") || true)`,
  `${EIGHT}.map(a, ${EIGHT}.map(b, ${EIGHT}.map(c, ${EIGHT}.map(d, ${EIGHT}.map(e, a + b + c + d + e))))).size() > 0`,
  doubled('names', 8, 'LAST.all(x, x != "")'),
  doubled('client.user_agent', 14, 'LAST.contains("zzzb")'),
  doubled('client.user_agent', 14, 'LAST.split("").size() > 0'),
  doubled('[name]', 14, 'LAST == LAST'),
  doubled('b"abc"', 14, 'size(LAST) > 0'),
  doubled('9223372036854775807', 2, 'LAST > 0'),
  `${'('.repeat(30)}name == "x"${')'.repeat(30)}`,
  many(60, () => 'names.exists(n, n.endsWith("zzz"))').join(' || '),
  // Refused when the policy is loaded.
  'names.join(name) == ""',
  'client.user_agent.matches(client.user_agent)',
  'names.all(a, a.matches("(a{1000}){1000}"))',
  'duration(client.user_agent) > duration("1s")',
  `${'!'.repeat(400)}true`,
  `${'('.repeat(300)}true${')'.repeat(300)}`,
  many(400, () => 'true').join(' && '),
  `[${many(300, String).join(', ')}].size() > 0`,
  'name.lastIndexOf(name) > 0',
  'evaluatorOf()',
]

const PATTERNS = [
  '(a+)+$',
  '(a|a)*$',
  '(a|aa)+$',
  '(a*)*$',
  '(.*a){20}$',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '([a-zA-Z0-9])(([-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}',
  '(x+x+)+y',
  '(?:a?){20}a{20}',
  '(?i)(a+)+b',
  '[a-z]{50}[a-z]{50}[a-z]{50}!',
  '(a|b|ab)*c',
  '(.*)(.*)(.*)(.*)(.*)[^>]b',
  '.*.*.*.*.*.*.*=.*',
  '((a*)*)*b',
  '(\\w+\\s*)+$',
  '(\\d+)*[^\\d]$',
  '^(?:[^a]|a[^b])*ab$',
  '(?:(?:a+b?)+c?)+d',
  '\\b(a+)+\\b!',
  '(-+)+=',
  '^(\\p{L}|\\p{N}|-)+$',
  '(?s).*(?:a.*){10}b',
  '(((((((((a*)*)*)*)*)*)*)*)*)b',
  '(?:a{0,10}){0,10}b',
  '(1|11|111)*0',
  'a|b|ab|ba|aab|abb|aba|bab',
  '(a|b){1,40}c',
  '(?:.|a)*z',
  '[^b]*b[^a]*a[^c]*c$',
  // Refused when the policy is loaded.
  '(a{1000}){1000}',
  'a{1000}',
  '(?:a{0,30}){0,30}b',
  '((a{100}){100}){100}',
  '(\\pL{30}){30}',
  '(a(?=b))+',
  '(a)\\1+',
  `${'('.repeat(600)}`,
  `${'a?'.repeat(490)}`,
  `${'(a|b)'.repeat(190)}`,
]
const INPUTS = [
  ...TEXTS,
  'x'.repeat(512),
  `${'a'.repeat(500)}bbbbbbbbbbb`,
  `${'a b '.repeat(128)}!`,
  `${'é'.repeat(511)}a`,
  '\u{1f4a9}'.repeat(256),
  `${'a'.repeat(100_000)}!`,
]

/** ms of CPU that it takes, the cheapest of some runs. */
function cost(work: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS && (run === 0 || least >= MOST / 2); run++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

const tried = { pairs: 0, refused: 0 }

describe('no expression hangs a decision', () => {
  test.each(EXPRESSIONS)('%s', (text) => {
    const compiled = compileCel(text)
    tried.pairs += WORLDS.length
    if ('fault' in compiled) {
      tried.refused += 1
      expect(compiled.fault).toMatch(/\S/)
      expect(compiled.fault).not.toContain('\n')
      return
    }
    compiled.test({ ...WORLDS[0]! }, NAME)
    for (const facts of WORLDS) {
      const spent = cost(() => {
        expect(['true', 'false', 'unknown']).toContain(compiled.test({ ...facts }, NAME))
      })
      expect(spent, `${facts.identifiers?.length} names`).toBeLessThan(MOST)
    }
  })
})

describe('no regular expression does', () => {
  test.each(PATTERNS)('%s', (text) => {
    const compiled = compileRegExp(text)
    tried.pairs += INPUTS.length
    if ('fault' in compiled) {
      tried.refused += 1
      expect(compiled.fault).not.toContain('\n')
      return
    }
    compiled.test('a')
    for (const input of INPUTS) {
      const spent = cost(() => void compiled.test(input))
      expect(spent, `${input.slice(0, 10)}…`).toBeLessThan(MOST)
    }
  })
})

test('there were at least a thousand pairs, and some that load refuses', () => {
  expect(tried.pairs).toBeGreaterThanOrEqual(1000)
  expect(tried.refused).toBeGreaterThanOrEqual(15)
})

test('all expressions over one request share a budget', () => {
  const compiled = compileCel('names.all(a, names.all(b, a == b || true))')
  if ('fault' in compiled) throw new Error(compiled.fault)
  const facts = world(50, 'a')
  const cheap = compileCel('names.exists(n, n.startsWith("h7."))')
  if ('fault' in cheap) throw new Error(cheap.fault)
  expect(cheap.test(facts, null)).toBe('true')
  for (let n = 0; n < 1000; n++) compiled.test(facts, null)
  expect(cheap.test(facts, null)).toBe('unknown')
  expect(cheap.test({ ...facts }, null)).toBe('true')
})
