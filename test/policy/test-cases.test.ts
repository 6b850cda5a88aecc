import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { bundleDigest } from '../../src/policy/document/bundle-digest.ts'
import { parsePolicy } from '../../src/policy/document/parse-policy.ts'
import { runPolicyTests } from '../../src/policy/test-cases/run.ts'

const BUNDLE = {
  file: 'p.yaml',
  files: {},
  text: `version: 1
default: deny
webhooks: { cmdb: { url: 'https://cmdb.example.com/' } }
rules:
  - { name: no-old, when: { client: { software: certbot, version: '<2' } }, effect: warn }
  - { name: budget, when: { orders: { per: account, within: 7d, count: '>=5' } }, effect: deny }
  - { name: weak, when: { key: { type: RSA, size: '<3072' } }, effect: deny }
  - { name: reused, when: { key: { reused: true } }, effect: deny }
  - { name: office, when: { not: { client: { address: 10.0.0.0/8 } } }, effect: deny }
  - { name: asked, when: { all: [ { names: 'cmdb.example.com' }, { webhook: cmdb } ] }, effect: allow }
  - { name: ours, when: { names: '*.example.com' }, effect: allow }
  - { name: never, when: { names: 'never.test' }, effect: allow }
`,
}

async function run(text: string) {
  const policy = await compilePolicy(await parsePolicy(BUNDLE), bundleDigest(BUNDLE))
  return runPolicyTests(BUNDLE.file, policy, [{ file: 'p.test.yaml', text }])
}

const GOOD = `cases:
  - name: ours may
    request: { names: [a.example.com, b.example.com], client: { address: 10.1.2.3 }, csr: {} }
    expect: allow
    rule: ours
  - name: one stranger among ours
    request: { names: [a.example.com, other.test], client: { address: 10.1.2.3 } }
    expect: deny
    rule: default
    names: { a.example.com: allow, other.test: deny }
  - name: a weak key is found at finalize
    request: { names: a.example.com, client: { address: 10.1.2.3 }, csr: { key: RSA, size: 2048 } }
    expect: deny
    rule: weak
    detail: weak
  - name: its newOrder alone passes
    request: { operation: newOrder, names: a.example.com, client: { address: 10.1.2.3 }, csr: { key: RSA, size: 2048 } }
    expect: allow
  - name: a key of others
    request: { names: a.example.com, client: { address: 10.1.2.3 }, csr: { used_for: [[b.example.com]] } }
    expect: deny
    rule: reused
  - name: budget spent
    request: { names: a.example.com, client: { address: 10.1.2.3 }, orders: 5 }
    expect: deny
    rule: budget
  - name: budget by question
    request: { names: a.example.com, client: { address: 10.1.2.3 }, history: { orders per account within 7d: 4 } }
    expect: allow
  - name: an address nobody knows
    request: { names: a.example.com, client: { unknown: address } }
    expect: deny
    rule: office
  - name: webhook up
    request: { names: cmdb.example.com, client: { address: 10.1.2.3 }, webhooks: { cmdb: allow } }
    expect: allow
    rule: asked
  - name: webhook down
    request: { names: cmdb.example.com, client: { address: 10.1.2.3 } }
    expect: allow
    rule: ours
  - name: an old client
    request: { names: a.example.com, client: { address: 10.1.2.3, user_agent: certbot/1.9 (x) } }
    expect: allow
    warns: no-old
`

describe('cases of a policy', () => {
  it('pass where the policy does what they expect, and tell of rules that none tries', async () => {
    const report = await run(GOOD)
    expect(report.results.filter(({ passed }) => !passed)).toEqual([])
    expect(report).toMatchObject({ passed: 11, failed: 0, untested: ['never'] })
    expect(report.results[1]!.line).toBe(6)
    expect(report.results[2]!.detail).toContain('weak')
  })

  it('fail where it does not, and say how', async () => {
    const wrong = GOOD.replaceAll('expect: deny', 'expect: DENY')
      .replaceAll('expect: allow', 'expect: deny')
      .replaceAll('expect: DENY', 'expect: allow')
    const report = await run(wrong)
    expect(report).toMatchObject({ passed: 0, failed: 11 })
    expect(report.results[1]!.failures).toEqual(['expected allow, and default says deny'])
    const names = await run(
      GOOD.replace('other.test: deny', 'other.test: allow').replace('rule: reused', 'rule: weak'),
    )
    expect(names.failed).toBe(2)
    expect(names.results[1]!.failures).toEqual(['expected allow for other.test, and the policy says deny'])
    expect(names.results[4]!.failures).toEqual(['expected rule weak to decide, and reused does'])
    const warns = await run(
      GOOD.replace('warns: no-old', 'warns: [no-old, office]').replace('detail: weak', 'detail: strong'),
    )
    expect(warns.failed).toBe(2)
    expect(warns.results[10]!.failures[0]).toContain('expected a warning of no-old, office')
  })

  it.each([
    ['cases: []', /at least one case/],
    [
      'cases:\n  - { name: x, expect: allow, request: { nmes: a } }',
      /:2:.*request\.nmes: unknown key.*Did you mean names/,
    ],
    ['cases:\n  - { name: x, expect: maybe, request: {} }', /:2:.*expect/],
    [
      'cases:\n  - { name: x, expect: allow, rule: our, request: {} }',
      /rule: names a rule that the policy does not have.*ours/,
    ],
    [
      'cases:\n  - { name: x, expect: allow, request: { webhooks: { cmbd: allow } } }',
      /webhook that the policy does not have/,
    ],
    [
      'cases:\n  - { name: x, expect: allow, names: { b: allow }, request: { names: a } }',
      /no name of the request/,
    ],
    ['cases: [', /not YAML/],
  ])('are refused with their place: %s', async (text, message) => {
    await expect(run(text)).rejects.toThrow(ConfigError)
    await expect(run(text)).rejects.toThrow(message)
    await expect(run(text)).rejects.toThrow(/^p\.test\.yaml:\d+:\d+: /)
  })
})
