import { expect, it } from 'vitest'
import { compilePolicy } from '../../src/policy/compile.ts'
import { Evaluating } from '../../src/policy/evaluate.ts'
import { questionText } from '../../src/policy/history.ts'
import { Judging } from '../../src/policy/judging.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { bigPolicy } from '../support/big-policy.ts'
import { dnsNames, policyFacts } from '../support/policy-documents.ts'

/** Conditions that one decision works out. */
function workOf(policy: Policy, names: readonly string[]): number {
  const history = Object.fromEntries(policy.needs.history.map((question) => [questionText(question), 0]))
  const judging = new Judging(policyFacts({ history, identifiers: dnsNames(...names) }), policy.slots)
  new Evaluating(policy, judging).result()
  return judging.worked
}

it('a hundred names are little more work than one, of a thousand rules most are not asked, and lists as long as they like', async () => {
  const policy = await compilePolicy(bigPolicy(1000, 2000), 'digest')
  const longer = await compilePolicy(bigPolicy(1000, 20_000), 'digest')
  const one = workOf(policy, ['h.fleet.example'])
  const hundred = workOf(
    policy,
    Array.from({ length: 100 }, (_, i) => `h${i}.fleet.example`),
  )
  expect(one).toBeGreaterThan(50)
  expect(one).toBeLessThan(400)
  expect(hundred).toBeLessThan(one * 3)
  expect(workOf(longer, ['h.fleet.example'])).toBe(one)
})
