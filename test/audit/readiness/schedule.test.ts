import { describe, expect, test } from 'vitest'
import { scheduleFinding } from '../../../src/audit/readiness/schedule.ts'
import type { Verdict } from '../../../src/audit/readiness/verdict.ts'
import { history, issued, withWindows } from './histories.ts'

const at = (given: Parameters<typeof scheduleFinding>[0], lifetime: number) =>
  scheduleFinding(given, { lifetime })
const verdicts = (given: Parameters<typeof scheduleFinding>[0]): Verdict[] =>
  [64, 45].map((lifetime) => at(given, lifetime).verdict)

describe('what cannot be known', () => {
  test('no certificate, and no renewal', () => {
    expect(at(history([]), 64)).toMatchObject({
      verdict: 'not enough seen',
      reason: 'no certificate seen yet',
    })
    expect(at(history(issued([])), 64)).toMatchObject({
      verdict: 'not enough seen',
      reason: 'no renewal seen yet; its last certificate lives 90 days',
    })
  })

  test('one renewal tells no habit, however it fits', () => {
    expect(verdicts(history(issued([60])))).toEqual(['not enough seen', 'not enough seen'])
    expect(at(history(issued([60])), 45).reason).toBe(
      'one renewal seen, at 60 days of age: no habit can be told from one',
    )
    const acmeSh = history(issued([59]), { client: { userAgent: 'acme.sh/3.0.6 (x)' } })
    expect(at(acmeSh, 45)).toMatchObject({
      verdict: 'not enough seen',
      reason: expect.stringMatching(/acme\.sh's default, 59 days after issuance, would be: breaks$/),
    })
  })

  test('issued again within a day is no renewal', () => {
    expect(verdicts(history(issued([0.1, 0.5, 0.9])))).toEqual(['not enough seen', 'not enough seen'])
    expect(at(history(issued([0.1, 60])), 45).reason).toContain('one renewal seen')
  })

  test('another set of names or another kind of key is another lineage', () => {
    const other = issued([60], 90, { name: 'b.test', lineage: 'b' })
    expect(at(history([...issued([60]), ...other]), 64).evidence).toHaveLength(2)
    expect(at(history([...issued([]), ...issued([], 90, { lineage: 'RSA' })]), 64).evidence).toEqual([])
  })
})

describe('certificates that lived equally long', () => {
  test('60 days of 90 may be counted from either end: at risk, and it says so with dates', () => {
    const found = at(history(issued([60, 60, 60])), 45)
    expect(found).toMatchObject({ check: 'schedule', lifetime: 45, verdict: 'at risk' })
    expect(found.reason).toBe(
      '3 renewals at 60 days of age, all of certificates that lived equally long: if it counts days after issuance, renewing 60 days after issuance is 15 days after the end; that it counts otherwise cannot be told from them',
    )
    expect(found.evidence).toEqual([
      '2026-03-02 a.test at 60 days of 90 days',
      '2026-05-01 a.test at 60 days of 90 days',
      '2026-06-30 a.test at 60 days of 90 days',
    ])
    expect(found.remedy).toContain('two thirds')
    expect(verdicts(history(issued([60, 60])))).toEqual(['at risk', 'at risk'])
  })

  test('30 days of 90: from issuance it is well, from the end it is every run at 45 days', () => {
    expect(verdicts(history(issued([30, 30])))).toEqual(['ready', 'at risk'])
    expect(at(history(issued([30, 30])), 45).reason).toContain('days before the end')
  })

  test.each([
    ['CertbotACMEClient/2.1.0 (x)', 60, ['ready', 'ready']],
    ['CertbotACMEClient/5.5.0 (x)', 60, ['ready', 'ready']],
    ['lego-cli/dev xenolf-acme/4.9.1 (x)', 60, ['ready', 'ready']],
    ['acme.sh/3.0.6 (x)', 60, ['at risk', 'breaks']],
    ['acme.sh/3.1.9 (x)', 29, ['ready', 'ready']],
    ['win-acme/2.2 (x)', 55, ['ready', 'breaks']],
    ['acme-tiny', 30, ['ready', 'ready']],
    ['acme-tiny', 60, ['at risk', 'breaks']],
    ['Caddy/2.6.2 CertMagic acmez (linux; amd64)', 60, ['ready', 'ready']],
    ['HAProxy', 82.5, ['at risk', 'at risk']],
    // Not its default: somebody has configured it, or runs it by hand.
    ['CertbotACMEClient/2.1.0 (x)', 80, ['at risk', 'at risk']],
  ])('%s at %d days: what the program does decides', (userAgent, age, expected) => {
    expect(verdicts(history(issued([age, age, age]), { client: { userAgent } }))).toEqual(expected)
  })

  test('three days more or less are the same age, more are not', () => {
    expect(at(history(issued([58.5, 61.5])), 45).reason).toContain('2 renewals at 61.5 days')
    expect(at(history(issued([58, 61.1])), 45).reason).toContain('no constant age')
  })
})

describe('certificates that lived differently long tell the habit', () => {
  test.each([
    ['60 days after issuance', [60, 60, 60], [90, 100, 90, 90], ['at risk', 'breaks']],
    ['56.9 after issuance leaves 7.1', [56.9, 56.9], [90, 100, 90], ['ready', 'breaks']],
    ['57.1 after issuance leaves 6.9', [57.1, 57.1], [90, 100, 90], ['at risk', 'breaks']],
    ['63.9 after issuance', [63.9, 63.9], [90, 100, 90], ['at risk', 'breaks']],
    ['64 after issuance', [64, 64], [90, 100, 90], ['breaks', 'breaks']],
    ['45 after issuance', [45, 45], [90, 100, 90], ['ready', 'breaks']],
    ['44.9 after issuance', [44.9, 44.9], [90, 100, 90], ['ready', 'at risk']],
    ['37.9 after issuance', [37.9, 37.9], [90, 100, 90], ['ready', 'ready']],
    ['30 days before the end', [60, 70], [90, 100, 90], ['ready', 'ready']],
    ['50 days before the end', [40, 50], [90, 100, 90], ['ready', 'at risk']],
    ['two thirds', [60, 120], [90, 180, 90], ['ready', 'ready']],
    ['nine tenths', [81, 162], [90, 180, 90], ['at risk', 'at risk']],
  ] as const)('%s', (_what, ages, lifetimes, expected) => {
    expect(verdicts(history(issued(ages, lifetimes)))).toEqual(expected)
  })
})

test('no constant age: at risk only where it was once too old', () => {
  expect(verdicts(history(issued([20, 50, 35])))).toEqual(['ready', 'at risk'])
  expect(verdicts(history(issued([10, 57.1, 30])))).toEqual(['at risk', 'at risk'])
  expect(verdicts(history(issued([10, 57, 30])))).toEqual(['ready', 'at risk'])
})

describe('certificates as short as those to come', () => {
  test('renewed in time already', () => {
    const given = history(issued([30, 30], 45))
    expect(at(given, 45)).toMatchObject({
      verdict: 'ready',
      reason: 'renews certificates of 45 days already, with 15 days or more left',
    })
    expect(verdicts(given)).toEqual(['ready', 'ready'])
    expect(verdicts(history(issued([3.5], 6.7)))).toEqual(['ready', 'ready'])
  })
  test('renewed too late already', () => {
    expect(at(history(issued([46], 45)), 45)).toMatchObject({
      verdict: 'breaks',
      reason: 'a certificate of 45 days was renewed 1 day after its end',
    })
  })
  test('only one horizon is met by 60 days', () => {
    expect(verdicts(history(issued([40, 40], 60)))).toEqual(['ready', 'at risk'])
  })
})

describe('renewal information', () => {
  test('renewals in the suggested windows adapt, also a single one', () => {
    expect(verdicts(history(withWindows(issued([60]))))).toEqual(['ready', 'ready'])
  })
  test('renewals outside of them do not', () => {
    expect(verdicts(history(withWindows(issued([75, 75, 75]))))).toEqual(['at risk', 'at risk'])
  })
})

test('the certificate before may be one that was imported', () => {
  const [imported, first, second] = issued([60, 60]) as [never, never, never]
  const known = { ...(first as object), replaces: 'a.test-0' } as never
  const given = history([known, second], { before: new Map([['a.test-0', imported]]) })
  expect(at(given, 45).evidence).toHaveLength(2)
})
