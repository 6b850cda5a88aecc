import { describe, expect, it } from 'vitest'
import { compilePolicy } from '../../src/policy/compile.ts'
import { bundleDigest } from '../../src/policy/document/bundle-digest.ts'
import { parsePolicy } from '../../src/policy/document/parse-policy.ts'
import { evaluate } from '../../src/policy/evaluate.ts'
import { explain, explainRecorded } from '../../src/policy/explain.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { supposedFacts } from '../../src/policy/supposed-facts.ts'
import type { SupposedRequest } from '../../src/policy/supposed-request.ts'
import { random } from '../soak/soak.ts'

async function policyOf(text: string): Promise<Policy> {
  const bundle = { file: 'p.yaml', text, files: {} }
  return compilePolicy(await parsePolicy(bundle), bundleDigest(bundle))
}

const RULES = `version: 1
mode: enforce
default: deny
rules:
  - name: freeze
    when: { time: { from: '2030-12-20', until: '2031-01-02' } }
    effect: deny
    expires: '2031-02-01'
  - name: no-pay
    when: { all: [{ names: '**.pay.example.com' }, { not: { client: { label: pay } } }] }
    effect: deny
    owner: payments
    message: ask {owner} for {name}
  - name: quiet
    when: { names: h1.example.com }
    effect: deny
    mode: observe
  - name: told
    when: { names: h2.example.com }
    effect: deny
    mode: warn
  - name: weak
    when: { key: { type: RSA, size: '<2048' } }
    effect: deny
  - name: ours
    when: { names: '**.example.com' }
    effect: allow
`

function order(names: readonly string[], changes: Partial<SupposedRequest> = {}): PolicyFacts {
  const client = { label: 'web', ...changes.client }
  return supposedFacts(
    { operation: 'newOrder', names, at: Date.UTC(2030, 0, 2), mode: 'relay', ca: 'test', ...changes, client },
    null,
  )
}

describe('an explanation', () => {
  it('says of each name which rule decided, which were passed over and why', async () => {
    const policy = await policyOf(RULES)
    const { decided, told, names, elsewhere, request } = explain(
      policy,
      order(['a.example.com', 'x.pay.example.com', 'other.test']),
    )
    expect(request.at).toBe('2030-01-02T00:00:00.000Z')
    expect(decided).toEqual({ effect: 'deny', rule: 'no-pay' })
    expect(names.map(({ identifier }) => identifier?.value)).toEqual([
      'x.pay.example.com',
      'other.test',
      'a.example.com',
    ])
    const [pay, other, fine] = names
    expect(pay!.rules.map(({ rule, role }) => `${rule} ${role}`)).toEqual([
      'freeze passed over',
      'no-pay decides',
      'quiet afterwards',
      'told afterwards',
      'weak afterwards',
      'ours afterwards',
    ])
    expect(pay!.rules[1]!.conditions?.parts.map(({ truth }) => truth)).toEqual(['true', 'true'])
    expect(other!.decided).toEqual({ effect: 'deny', rule: 'default' })
    expect(fine!.decided).toEqual({ effect: 'allow', rule: 'ours' })
    expect(elsewhere.join()).toContain('weak')
    expect(told).toMatchObject({ inForce: true, status: 403 })
    expect(told!.type).toBe('urn:ietf:params:acme:error:rejectedIdentifier')
    expect(told!.detail).toContain('ask payments for x.pay.example.com')
    expect(told!.subproblems).toHaveLength(2)
    expect(told!.detail).not.toMatch(/\n/)
  })

  it('tells apart what is in force and what would be', async () => {
    const policy = await policyOf(
      RULES.replace('mode: enforce', 'mode: observe').replace(
        'effect: allow',
        'effect: allow\n    mode: enforce',
      ),
    )
    const quiet = explain(policy, order(['h1.example.com']))
    expect(quiet.decided).toEqual({ effect: 'allow', rule: 'ours' })
    expect(quiet.would).toEqual({ effect: 'deny', rule: 'quiet' })
    expect(quiet.told?.inForce).toBe(false)
    const roles = quiet.names[0]!.rules.map(({ role }) => role)
    expect(roles).toEqual([
      'passed over',
      'passed over',
      'would decide',
      'passed over',
      'passed over',
      'decides',
    ])
    const warned = explain(policy, order(['h2.example.com']))
    expect(warned.warnings.map(({ rule }) => rule)).toEqual(['told'])
    expect(warned.names[0]!.rules[3]!.role).toBe('would decide')
  })

  it('says what is wrong with a name that is refused, and what is not known', async () => {
    const policy = await policyOf(RULES)
    const { names, decided } = explain(policy, order(['bad.example.com.', 'a.example.com']))
    expect(decided.rule).toBe('policy:name')
    expect(names[0]).toMatchObject({ normalised: null, decided: { effect: 'deny', rule: 'policy:name' } })
    expect(names[0]!.fault).toMatch(/dot/)
    const label = { ...order(['x.pay.example.com']) }
    const unknown = explain(policy, { ...label, client: { ...label.client, label: undefined } })
    expect(unknown.names[0]!.rules[1]).toMatchObject({ matched: 'unknown', role: 'decides' })
    expect(unknown.names[0]!.rules[1]!.because).toMatch(/label/)
  })

  it('decides each name as the policy does', async () => {
    const draw = random(5)
    const hosts = ['h1', 'h2', 'a', 'x.pay', '*.pay', '*', 'bad_', 'pay']
    const modes = ['observe', 'warn', 'enforce']
    for (let n = 0; n < 100; n++) {
      const pick = <T>(values: readonly T[]) => values[Math.floor(draw() * values.length)]!
      const text = RULES.replace('mode: enforce', `mode: ${pick(modes)}`)
        .replace('default: deny', `default: ${pick(['deny', 'allow'])}`)
        .replace('effect: allow', `effect: allow\n    mode: ${pick(modes)}`)
      const policy = await policyOf(text)
      const names = Array.from(
        { length: 1 + Math.floor(draw() * 4) },
        () => `${pick(hosts)}.example.${pick(['com', 'net'])}`,
      )
      const facts = order([...new Set(names)])
      const result = evaluate(policy, facts)
      if (!('verdict' in result)) throw new Error('a webhook')
      const explained = explain(policy, facts)
      for (const one of explained.names) {
        const alone = evaluate(policy, { ...facts, identifiers: [one.identifier!] })
        if (!('verdict' in alone)) throw new Error('a webhook')
        expect({ text, decided: one.decided, would: one.would }).toEqual({
          text,
          decided: alone.verdict.decided,
          would: alone.verdict.would,
        })
      }
    }
  })

  it('says whether a recorded request would be decided otherwise now', async () => {
    const policy = await policyOf(RULES)
    const facts = order(['x.pay.example.com'])
    const result = evaluate(policy, facts, { record: 'the-id' })
    if (!('verdict' in result)) throw new Error('a webhook')
    const { digest, ...verdict } = result.verdict
    const recorded = {
      exchange: 'the-id',
      policyDigest: digest,
      decision: { effect: 'deny', policy: verdict },
    }
    const same = explainRecorded(policy, facts, recorded)
    expect(same.recorded).toMatchObject({ by: 'then', effect: 'deny', differs: [], digest })
    expect(same.recorded!.unknown).toContain('the address of the client')
    const other = await policyOf(
      RULES.replace('default: deny', 'default: allow').replace("'**.pay", "'**.paid"),
    )
    const changed = explainRecorded(other, facts, recorded)
    expect(changed.recorded!.by).toBe('candidate')
    expect(changed.recorded!.differs).toEqual(expect.arrayContaining(['decided', 'would']))
    const before = { exchange: 'x', policyDigest: null, decision: { effect: 'allow' } }
    expect(explainRecorded(policy, facts, before).recorded).toMatchObject({
      verdict: null,
      digest: null,
      differs: [],
    })
  })
})
