import { expect, test } from 'vitest'
import { intentFact } from '../../src/audit/intent.ts'
import { outcomeFact } from '../../src/audit/outcome.ts'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import type { IntentContent, OutcomeContent } from '../../src/audit/record.ts'
import type { Asked } from '../../src/exchange/asked.ts'
import type { PolicyVerdict } from '../../src/exchange/decision.ts'
import { decided, inspection, received, refused } from '../support/exchanges.ts'

const SAID =
  'for 192.0.2.7 (jane@example.org) and team-a: Authorization: Bearer abcdef0123456789 of https://u:secret@host/'
const GONE = ['192.0.2.7', 'jane', 'team-a', 'abcdef0123456789', 'secret']

function verdict(changes: Partial<PolicyVerdict> = {}): PolicyVerdict {
  return {
    digest: 'd',
    decided: { effect: 'deny', rule: 'team-a' },
    would: { effect: 'deny', rule: 'team-a' },
    warnings: [{ rule: 'w', message: SAID }],
    names: [
      {
        effect: 'deny',
        rule: 'r',
        identifier: { type: 'dns', value: 'one.example.com' },
        message: `${SAID}\n\u202e${'x'.repeat(2000)}`,
      },
    ],
    deniedNames: 1,
    rules: [{ rule: 'r', effect: 'deny', mode: 'enforce', matched: 'true', because: null }],
    read: {
      history: { 'orders per client within 7d': 12 },
      webhooks: {
        cmdb: { allow: false, reason: SAID, data: { owner: SAID, list: [SAID, 5, null, true] } },
        large: { allow: true, reason: null, data: { text: 'y'.repeat(5000) } },
      },
    },
    ...changes,
  }
}

const base = received()
const person = {
  ...base,
  connection: { ...base.connection, proxyUser: 'team-a' },
  inspection: inspection({ contact: ['mailto:jane@example.org'] }),
}

function contentOf(policy: PolicyVerdict | undefined, asked: Asked | null): IntentContent {
  const context = { tenant: 't', instance: 'i', configDigest: 'c', policyDigest: 'p', privacy: KEEP_ALL }
  const decision = { effect: 'allow' as const, ...(policy && { policy }) }
  return intentFact(decided('newAccount', { ...person, asked, decision }), context).content as IntentContent
}

test('a verdict names nobody and no credential, and is bounded', () => {
  const policy = contentOf(verdict(), null).decision.policy!
  const { warnings, names, read } = policy
  for (const text of GONE) expect(JSON.stringify({ warnings, names, read }), text).not.toContain(text)
  expect(warnings[0]?.message).toContain('for [address] ([contact]) and [proxy user]')
  expect(names[0]?.message).toMatch(/^[^\n\u202e]{1,500}$/)
  expect(names[0]?.identifier).toEqual({ type: 'dns', value: 'one.example.com' })
  // The rule's name is the policy's, whatever the proxy user is called.
  expect(policy.decided).toEqual({ effect: 'deny', rule: 'team-a' })
  expect(read.history).toEqual({ 'orders per client within 7d': 12 })
  expect(read.webhooks?.large).toEqual({ allow: true, reason: null, data: null })
  expect(read.webhooks?.cmdb?.allow).toBe(false)
  expect(policy).not.toHaveProperty('digest')
})

test('more than can be said is counted, not listed', () => {
  const [name] = verdict().names
  const [rule] = verdict().rules
  const policy = contentOf(
    verdict({ names: Array(150).fill(name), deniedNames: 150, rules: Array(90).fill(rule) }),
    null,
  ).decision.policy!
  expect([policy.names.length, policy.deniedNames, policy.rules.length]).toEqual([100, 150, 50])
})

test('what was asked for stays, but for credentials and e-mail addresses', () => {
  const order: Asked = {
    kind: 'order',
    profile: 'https://u:secret@host/',
    notBefore: null,
    notAfter: '2026-01-01T00:00:00Z',
    replaces: 'jane@example.org',
  }
  const { asked } = contentOf(undefined, order)
  expect(asked).toMatchObject({ kind: 'order', notAfter: '2026-01-01T00:00:00Z', replaces: '[contact]' })
  expect(JSON.stringify(asked)).not.toContain('secret')
  const revocation: Asked = {
    kind: 'revocation',
    reason: 1,
    serial: 'ab',
    names: [
      { type: 'ip', value: '192.0.2.7' },
      { type: 'dns', value: 'jane@example.org' },
    ],
  }
  // An address that a certificate is for is evidence, also where it is the client's own.
  expect(contentOf(undefined, revocation).asked).toEqual({
    ...revocation,
    names: [
      { type: 'ip', value: '192.0.2.7' },
      { type: 'dns', value: '[contact]' },
    ],
  })
})

test('neither does the problem the client was told', () => {
  const exchange = refused(decided('newAccount', person))
  const problem = { type: 'urn:ietf:params:acme:error:unauthorized', detail: SAID, status: 403 }
  const subproblems = [
    { type: problem.type, detail: SAID, identifier: { type: 'dns', value: 'a.example.com' } },
  ]
  const fact = outcomeFact(
    {
      ...exchange,
      outcome: { kind: 'refused', problem: { ...problem, subproblems } },
      completedAt: { wall: 1_700_000_000_000_000, monotonic: 9000 },
    } as never,
    KEEP_ALL,
  )
  const { problem: recorded } = fact.content as OutcomeContent
  for (const text of GONE) expect(JSON.stringify(recorded), text).not.toContain(text)
  expect(JSON.stringify(recorded)).toContain('a.example.com')
})

test('facts of before there were policies, and requests of none, say so', () => {
  expect(contentOf(undefined, null)).toMatchObject({ asked: null, decision: { policy: null } })
})

test('a webhook that tells a User-Agent back does not put it where it cannot be erased', () => {
  const fields = [['User-Agent', 'certbot/2.1.0 (jane-laptop)']] as const
  const said = {
    allow: true,
    reason: 'seen certbot/2.1.0 (jane-laptop)',
    data: { agent: 'certbot/2.1.0 (jane-laptop)' },
  }
  const policy = verdict({ read: { webhooks: { cmdb: said } } })
  const decision = { effect: 'allow' as const, policy }
  const context = { tenant: 't', instance: 'i', configDigest: 'c', policyDigest: 'p', privacy: KEEP_ALL }
  const exchange = decided('newOrder', {
    ...person,
    request: { ...base.request, fields },
    asked: null,
    decision,
  })
  const { read } = (intentFact(exchange, context).content as IntentContent).decision.policy!
  expect(read.webhooks?.cmdb).toEqual({
    allow: true,
    reason: 'seen [user agent]',
    data: { agent: '[user agent]' },
  })
})
