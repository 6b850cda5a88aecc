import { describe, expect, it } from 'vitest'
import type { PolicyVerdict } from '../../src/exchange/decision.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { decisionOf } from '../../src/policy/denial.ts'
import type { PolicyDocument } from '../../src/policy/document.ts'
import { evaluate } from '../../src/policy/evaluate.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import {
  dnsNames,
  finalizeFacts,
  POLICY_CLIENT,
  POLICY_NOON,
  policyDocument,
  policyFacts,
  type requestFor,
  ruleDocument,
} from '../support/policy-documents.ts'

const ALLOW = ruleDocument('all', 'allow', { names: ['**'] })
const PAY = ruleDocument('pay', 'deny', { names: ['pay.example.com'] })

async function verdict(document: PolicyDocument, facts: PolicyFacts): Promise<PolicyVerdict> {
  const evaluation = evaluate(await compilePolicy(document, 'digest'), facts)
  if ('ask' in evaluation) throw new Error(`asks ${evaluation.ask}`)
  return evaluation.verdict
}

async function decidedBy(document: PolicyDocument, facts: PolicyFacts): Promise<string> {
  const { effect, rule } = (await verdict(document, facts)).decided
  return `${effect} ${rule}`
}

describe('one denied name among many', () => {
  const POLICY = policyDocument([PAY, ALLOW])

  it.each(['pay.example.com', 'PAY.Example.com', '*.example.com'])(
    '%s is found at every position',
    async (bad) => {
      const policy = await compilePolicy(POLICY, 'digest')
      let found = 0
      for (const count of [1, 2, 3, 10, 50, 100]) {
        for (let place = 0; place < count; place++) {
          const names = Array.from({ length: count }, (_, i) => (i === place ? bad : `h${i}.fine.example`))
          const evaluation = evaluate(policy, policyFacts({ identifiers: dnsNames(...names) }))
          if (!('verdict' in evaluation)) throw new Error('asks')
          expect(evaluation.verdict.decided).toEqual({ effect: 'deny', rule: 'pay' })
          expect(evaluation.verdict.names.map(({ identifier }) => identifier.value)).toEqual([bad])
          found++
        }
      }
      expect(found).toBe(166)
    },
  )

  it('is found in the CSR: as subjectAltName and as common name', async () => {
    const policy = await compilePolicy(POLICY, 'digest')
    const ordered = dnsNames(...Array.from({ length: 100 }, (_, i) => `h${i}.fine.example`))
    const decided = (csr: Parameters<typeof requestFor>[1]) => {
      const evaluation = evaluate(policy, finalizeFacts(csr, { identifiers: ordered }))
      return 'verdict' in evaluation ? evaluation.verdict.decided.rule : 'asks'
    }
    expect(decided({})).toBe('all')
    for (let place = 0; place <= 100; place++) {
      const bad = dnsNames('pay.example.com')
      expect(decided({ names: [...ordered.slice(0, place), ...bad, ...ordered.slice(place)] })).toBe(
        'policy:csr',
      )
      expect(decided({ names: [...ordered.slice(0, place), ...bad, ...ordered.slice(place + 1)] })).toBe(
        'policy:csr',
      )
    }
    const faults = ['the common name is none of its names']
    expect(decided({ commonNames: ['pay.example.com'], faults })).toBe('policy:csr')
  })

  it('is found in the CSR by a rule that is enforced alone, where the policy only observes', async () => {
    const alone = policyDocument(
      [ruleDocument('pay', 'deny', { names: ['pay.example.com'] }, { mode: 'enforce' })],
      {
        mode: 'observe',
        default: 'allow',
      },
    )
    const policy = await compilePolicy(alone, 'digest')
    const identifiers = dnsNames('ok.example')
    const decided = (facts: PolicyFacts) => {
      const evaluation = evaluate(policy, facts)
      return 'verdict' in evaluation ? evaluation.verdict.decided : null
    }
    const csr = (names: string[], commonNames: string[] = []) =>
      decided(finalizeFacts({ names: dnsNames(...names), commonNames }, { identifiers }))
    expect(csr(['ok.example'])).toEqual({ effect: 'allow', rule: 'default' })
    expect(csr(['OK.example'], ['ok.example'])).toEqual({ effect: 'allow', rule: 'default' })
    for (const names of [['ok.example', 'pay.example.com'], ['PAY.example.com'], ['*.example.com']])
      expect(csr(names)).toEqual({ effect: 'deny', rule: 'pay' })
    expect(csr(['ok.example'], ['pay.example.com'])).toEqual({ effect: 'deny', rule: 'pay' })
    const unreadable = {
      ...finalizeFacts({}, { identifiers }),
      asked: { kind: 'finalize', csr: null } as const,
    }
    expect(decided(unreadable)).toEqual({ effect: 'deny', rule: 'pay' })
  })

  it('grants of several rules add up', async () => {
    const rules = [
      ruleDocument('a', 'allow', { names: ['.a.test'] }),
      ruleDocument('b', 'allow', { names: ['.b.test'] }),
    ]
    const both = policyFacts({ identifiers: dnsNames('x.a.test', 'x.b.test') })
    expect(await decidedBy(policyDocument(rules), both)).toBe('allow a')
    const more = policyFacts({ identifiers: dnsNames('x.a.test', 'x.b.test', 'x.c.test') })
    expect(await verdict(policyDocument(rules), more)).toMatchObject({
      decided: { effect: 'deny', rule: 'default' },
      deniedNames: 1,
      names: [{ identifier: { value: 'x.c.test' }, message: 'no rule of the policy allows x.c.test' }],
    })
  })
})

describe('wildcards', () => {
  const wild = policyFacts({ identifiers: dnsNames('*.example.com') })

  it('are allowed where every host is', async () => {
    const allowing = (name: string) =>
      decidedBy(policyDocument([ruleDocument('r', 'allow', { names: [name] })]), wild)
    expect(await allowing('pay.example.com')).toBe('deny default')
    expect(await allowing('**.example.com')).toBe('allow r')
    expect(await allowing('*.example.com')).toBe('allow r')
  })

  it('are denied where one host is; an exception has to hold for all of them', async () => {
    expect(await decidedBy(policyDocument([PAY, ALLOW]), wild)).toBe('deny pay')
    const but = { names: ['.example.com'], not: { names: ['www.example.com'] } }
    expect(await decidedBy(policyDocument([ruleDocument('but', 'deny', but), ALLOW]), wild)).toBe('deny but')
    expect(await decidedBy(policyDocument([ruleDocument('but', 'deny', but), ALLOW]), policyFacts())).toBe(
      'allow all',
    )
    const allowBut = ruleDocument('but', 'allow', {
      names: ['.example.com'],
      not: { names: ['pay.example.com'] },
    })
    expect(await decidedBy(policyDocument([allowBut]), wild)).toBe('deny default')
  })

  it('RFC 9444: an authorization for subdomains is judged as everything below', async () => {
    const asked = { kind: 'authorization' as const, subdomains: true }
    const subtree = policyFacts({ operation: 'newAuthz', identifiers: dnsNames('example.com'), asked })
    expect(await decidedBy(policyDocument([PAY, ALLOW]), subtree)).toBe('deny pay')
    const host = { ...subtree, asked: { ...asked, subdomains: false } }
    expect(await decidedBy(policyDocument([PAY, ALLOW]), host)).toBe('allow all')
  })

  it.each([
    ['*.co.uk', 'deny r'],
    ['*.example.co.uk', 'deny r'],
    ['a.example.co.uk', 'deny r'],
    ['*.example.uk', 'allow all'],
    ['other.co.uk', 'allow all'],
  ])('%s and the registered domain example.co.uk: %s', async (name, expected) => {
    const rule = ruleDocument('r', 'deny', { registered_domain: ['example.co.uk'] })
    expect(await decidedBy(policyDocument([rule, ALLOW]), policyFacts({ identifiers: dnsNames(name) }))).toBe(
      expected,
    )
  })
})

describe('modes', () => {
  const pay = policyFacts({ identifiers: dnsNames('pay.example.com') })

  it.each([
    ['observe', { effect: 'allow', rule: 'all' }, []],
    ['warn', { effect: 'allow', rule: 'all' }, ['pay']],
    ['enforce', { effect: 'deny', rule: 'pay' }, []],
  ] as const)('a rule that denies, %s', async (mode, decided, warned) => {
    const result = await verdict(policyDocument([{ ...PAY, mode }, ALLOW]), pay)
    expect(result.decided).toEqual(decided)
    expect(result.would).toEqual({ effect: 'deny', rule: 'pay' })
    expect(result.warnings.map(({ rule }) => rule)).toEqual(warned)
    expect(result.names).toMatchObject([{ effect: decided.effect, rule: 'pay' }])
    expect(result.rules.map(({ rule }) => rule)).toContain('pay')
  })

  it.each(['observe', 'warn'] as const)(
    'the default and what is built in have the policy’s: %s',
    async (mode) => {
      const result = await verdict(
        policyDocument([], { mode }),
        policyFacts({ identifiers: dnsNames('bad_.example.') }),
      )
      expect(result.decided).toEqual({ effect: 'allow', rule: 'default' })
      expect(result.would).toEqual({ effect: 'deny', rule: 'policy:name' })
      expect(result.warnings.map(({ rule }) => rule)).toEqual(mode === 'warn' ? ['policy:name'] : [])
    },
  )

  it('nobody is warned of what a rule allows', async () => {
    const later = ruleDocument('everybody', 'deny', {})
    const document = policyDocument([PAY, ALLOW, later], { mode: 'warn' })
    expect((await verdict(document, policyFacts())).warnings).toEqual([])
    const warned = (await verdict(document, pay)).warnings
    expect(warned.map(({ rule }) => rule)).toEqual(['pay'])
    const account = policyFacts({ operation: 'newAccount', identifiers: [] })
    expect((await verdict(document, account)).warnings.map(({ rule }) => rule)).toEqual(['everybody'])
    const none = policyDocument([ALLOW], { mode: 'warn' })
    expect((await verdict(none, policyFacts())).warnings).toEqual([])
    expect((await verdict(none, account)).warnings.map(({ rule }) => rule)).toEqual(['default'])
  })

  it('a single rule in force refuses what it cannot read, while the others only watch', async () => {
    const document = policyDocument([{ ...PAY, mode: 'enforce' }], { mode: 'observe' })
    expect(await decidedBy(document, policyFacts({ identifiers: dnsNames('pay.example.com.') }))).toBe(
      'deny pay',
    )
    expect(await decidedBy(document, policyFacts({ operation: 'finalize', identifiers: undefined }))).toBe(
      'deny pay',
    )
    expect(await decidedBy(document, policyFacts())).toBe('allow default')
  })

  it('a rule of effect warn never decides', async () => {
    const rules = [
      ruleDocument('hm', 'warn', { names: ['.example.com'] }, { message: 'look at {name}' }),
      ALLOW,
    ]
    const names = policyFacts({ identifiers: dnsNames('a.example.com', 'b.example.com', 'c.example.com') })
    const result = await verdict(policyDocument(rules), names)
    expect(result.decided).toEqual({ effect: 'allow', rule: 'all' })
    expect(result.would).toEqual({ effect: 'allow', rule: 'all' })
    expect(result.warnings).toEqual([{ rule: 'hm', message: 'look at a.example.com (and 2 more names)' }])
  })
})

describe('rules that end, and what is not known', () => {
  it('a rule matches until it expires', async () => {
    const until = (expires: number) => policyDocument([ruleDocument('r', 'allow', {}, { expires })])
    expect(await decidedBy(until(POLICY_NOON + 1), policyFacts())).toBe('allow r')
    const result = await verdict(until(POLICY_NOON), policyFacts())
    expect(result.decided).toEqual({ effect: 'deny', rule: 'default' })
    expect(result.rules).toMatchObject([{ rule: 'r', matched: 'expired', because: null }])
  })

  it.each([
    ['deny', null, 'deny r'],
    ['deny', 'match', 'deny r'],
    ['deny', 'skip', 'allow default'],
    ['allow', null, 'deny default'],
    ['allow', 'match', 'allow r'],
    ['allow', 'skip', 'deny default'],
  ] as const)('%s, unknown: %s → %s', async (effect, unknown, expected) => {
    const rule = ruleDocument('r', effect, { client: { external_account: ['kid-1'] } }, { unknown })
    const otherwise = effect === 'deny' ? 'allow' : 'deny'
    const client = { ...POLICY_CLIENT, externalAccount: undefined }
    const document = policyDocument([rule], { default: otherwise })
    expect(await decidedBy(document, policyFacts({ client }))).toBe(expected)
  })

  it('a message says what was not known', async () => {
    const rule = ruleDocument('r', 'deny', {
      names: ['.example.com'],
      client: { external_account: ['kid-1'] },
    })
    const client = { ...POLICY_CLIENT, externalAccount: undefined }
    const { names } = await verdict(policyDocument([rule]), policyFacts({ client }))
    expect(names[0]!.message).toBe(
      'rule r denies www.example.com (it is not known whether this holds: client.external_account: kid-1)',
    )
  })
})

describe('built in', () => {
  it.each(['order', 'authorization', 'challenge', 'finalize', 'certificate'] as const)(
    '%s of an order that was never seen',
    async (operation) => {
      for (const identifiers of [undefined, []]) {
        expect(await decidedBy(policyDocument([ALLOW]), policyFacts({ operation, identifiers }))).toBe(
          'deny policy:unknown-order',
        )
        const observed = await verdict(
          policyDocument([ALLOW], { mode: 'observe' }),
          policyFacts({ operation, identifiers }),
        )
        expect([observed.decided.effect, observed.would.rule]).toEqual(['allow', 'policy:unknown-order'])
      }
    },
  )

  it('POSTs that are nothing acmetap has learned', async () => {
    const facts = policyFacts({ operation: 'unrecognised', identifiers: undefined, asked: null })
    expect(await decidedBy(policyDocument([ruleDocument('any', 'allow', {})]), facts)).toBe(
      'deny policy:unrecognised',
    )
  })

  it.each([
    [{ type: 'dns', value: 'münchen.example' }, 'policy:name'],
    [{ type: 'dns', value: '192.0.2.1' }, 'policy:name'],
    [{ type: 'ip', value: 'example.com' }, 'policy:name'],
    [{ type: 'email', value: 'a@example.com' }, 'policy:identifier-type'],
    [{ type: '__proto__', value: 'constructor' }, 'policy:identifier-type'],
  ])('%o is denied by %s', async (identifier, rule) => {
    const facts = policyFacts({ identifiers: [...dnsNames('a.example'), identifier] })
    expect(await verdict(policyDocument([ALLOW]), facts)).toMatchObject({
      decided: { effect: 'deny', rule },
      names: [{ identifier, rule }],
      deniedNames: 1,
    })
  })

  it('what was issued can be revoked, however it is spelt', async () => {
    const facts = policyFacts({
      operation: 'revokeCert',
      identifiers: dnsNames('odd_name.example.'),
      asked: null,
    })
    expect(await decidedBy(policyDocument([], { default: 'allow' }), facts)).toBe('allow default')
    expect(await decidedBy(policyDocument([PAY], { default: 'allow' }), facts)).toBe('deny pay')
  })
})

describe('webhooks', () => {
  const hooks = { one: hook(), constructor: hook() }
  const rule = (name: string, webhook: string) =>
    ruleDocument(name, 'allow', { names: [`.${name}.test`], webhook })
  const document = policyDocument(
    [rule('a', 'one'), rule('b', 'constructor'), ruleDocument('c', 'allow', { names: ['.c.test'] })],
    { webhooks: hooks },
  )

  it('are asked only where they decide, those of all names at once', async () => {
    const policy = await compilePolicy(document, 'digest')
    const asked = (...names: readonly string[]) => {
      const evaluation = evaluate(policy, policyFacts({ identifiers: dnsNames(...names) }))
      return 'ask' in evaluation ? evaluation.ask : []
    }
    expect(asked('x.c.test')).toEqual([])
    expect(asked('x.a.test')).toEqual(['one'])
    expect(asked('x.a.test', 'x.b.test', 'y.a.test')).toEqual(['one', 'constructor'])
  })

  it('decide by their answers; none is not known', async () => {
    const answered = (allow: boolean | null) =>
      decidedBy(
        document,
        policyFacts({
          identifiers: dnsNames('x.a.test'),
          webhooks: { one: { allow, reason: null, data: null } },
        }),
      )
    expect(await answered(true)).toBe('allow a')
    expect(await answered(false)).toBe('deny default')
    expect(await answered(null)).toBe('deny default')
    const polled = policyFacts({ operation: 'order', identifiers: dnsNames('x.a.test') })
    expect(await decidedBy(document, polled)).toBe('allow a')
  })
})

describe('what is told of a denial', () => {
  it('does not say how a webhook of the operators failed', async () => {
    const message = 'the CMDB says: {reason}'
    const when = { names: ['a.test'], not: { webhook: 'cmdb' } }
    const rule = ruleDocument('r', 'deny', when, { message })
    const document = policyDocument([rule], { webhooks: { cmdb: hook() }, default: 'allow' })
    const policy = await compilePolicy(document, 'digest')
    const told = (allow: boolean | null, reason: string) => {
      const identifiers = dnsNames('a.test', 'b.test')
      const facts = policyFacts({ identifiers, webhooks: { cmdb: { allow, reason, data: null } } })
      const evaluation = evaluate(policy, facts)
      return 'verdict' in evaluation ? evaluation.verdict.names.map((name) => name.message) : null
    }
    expect(told(false, 'not ours')).toEqual(['the CMDB says: not ours'])
    expect(told(null, 'connect ECONNREFUSED 10.0.0.7:443')).toEqual([
      'the CMDB says: cmdb gave no answer (it is not known whether this holds: webhook: cmdb)',
    ])
  })

  it('is bounded: names, rules, messages, the one line', async () => {
    const rules = Array.from({ length: 200 }, (_, i) =>
      ruleDocument(`rule-${i}`, 'allow', {
        client: { label: [`t${i}`.repeat(100)] },
        not: { names: [`n${i}.test`] },
      }),
    )
    const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(60)}.test`
    const names = Array.from({ length: 300 }, (_, i) => `${i}.${long}`)
    const document = policyDocument(rules, {
      message: `ask the team ${'x'.repeat(400)} {names}`,
      link: 'https://help.example/',
    })
    const facts = policyFacts({ identifiers: dnsNames(...names) })
    const policy = await compilePolicy(document, 'digest')
    const evaluation = evaluate(policy, facts)
    if (!('verdict' in evaluation)) throw new Error('asks')
    const result = evaluation.verdict
    expect([result.names.length, result.deniedNames, result.rules.length]).toEqual([100, 300, 50])
    expect(Math.max(...result.names.map(({ message }) => message.length))).toBeLessThanOrEqual(500)
    const decision = decisionOf(result, policy, facts)
    if (decision.effect !== 'deny') throw new Error('passes')
    expect(decision.subproblems).toHaveLength(100)
    expect(decision.detail.length).toBeLessThanOrEqual(1000)
    expect(decision.detail).toContain('295 more')
    expect(decision.detail.endsWith('; see https://help.example/')).toBe(true)
  })

  it('a request that simply passes takes no room', async () => {
    const result = await verdict(policyDocument([PAY, ALLOW]), policyFacts())
    expect(result).toEqual({
      digest: 'digest',
      decided: { effect: 'allow', rule: 'all' },
      would: { effect: 'allow', rule: 'all' },
      warnings: [],
      names: [],
      deniedNames: 0,
      rules: [],
      read: {},
    })
  })

  it('a rule that asks nothing of names denies the request as a whole', async () => {
    const rule = ruleDocument('r', 'deny', { client: { label: ['team-web'] } })
    const result = await verdict(
      policyDocument([rule, ALLOW]),
      policyFacts({ identifiers: dnsNames('a.test', 'b.test') }),
    )
    expect(result).toMatchObject({ decided: { effect: 'deny', rule: 'r' }, names: [], deniedNames: 0 })
  })
})

it('names of the language are names like others', async () => {
  for (const word of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    const when = { ca: [word], client: { label: [word] }, names: [`@${word}`] }
    const lists = Object.fromEntries([[word, ['.example.com']]])
    const document = policyDocument([ruleDocument(word, 'allow', when)], { lists })
    expect(await decidedBy(document, policyFacts())).toBe('deny default')
    const facts = policyFacts({ ca: word, client: { ...POLICY_CLIENT, label: word } })
    expect(await decidedBy(document, facts)).toBe(`allow ${word}`)
    await expect(compilePolicy({ ...document, lists: {} }, 'digest')).rejects.toThrow('no list is called')
    const asks = policyDocument([ruleDocument('r', 'allow', { webhook: word })], {
      webhooks: Object.fromEntries([[word, hook()]]),
    })
    expect(evaluate(await compilePolicy(asks, 'digest'), policyFacts())).toEqual({ ask: [word] })
  }
})

function hook() {
  return { url: 'https://hook.example/', secretFile: null, timeout: 1000, cache: 0, trust: null }
}
