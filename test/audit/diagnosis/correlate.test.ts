import { describe, expect, it } from 'vitest'
import type { DiagnosisClass } from '../../../src/audit/diagnosis/classes.ts'
import { correlate } from '../../../src/audit/diagnosis/correlate.ts'
import { describe as describeClass } from '../../../src/audit/diagnosis/describe.ts'
import { type Neighbour, neighbourOf, refine } from '../../../src/audit/diagnosis/refine.ts'
import { domainsOf } from '../../../src/audit/diagnosis/shared.ts'
import { correlation, type Failure } from '../../../src/audit/inventory/failure.ts'

const NOW = Date.parse('2026-11-22T18:00:00Z') * 1000
let made = 0

interface Given {
  class?: DiagnosisClass
  names?: string[]
  details?: Record<string, string>
  at?: string
  client?: string
  program?: string | null
  ca?: string
  challengeType?: string | null
}

function failure(given: Given = {}): Failure {
  made += 1
  const id = made.toString(16).padStart(16, '0')
  const client = given.client ?? 'c000000000000001'
  return {
    id,
    at: given.at ?? '2026-11-22T14:02:00.000Z',
    exchange: `exchange-${made}`,
    ca: given.ca ?? 'letsencrypt',
    mode: 'intercept',
    operation: 'authorization',
    account: { id: 'a000000000000001', url: 'https://ca.example/acct/1' },
    client: { id: client, program: given.program ?? null, source: null, label: null },
    names: given.names ?? [`host-${made}.example-${made}.org`],
    challengeType: given.challengeType === undefined ? 'http-01' : given.challengeType,
    order: null,
    outcome: 'response',
    status: 200,
    problem: null,
    diagnosis: describeClass(given.class ?? 'firewall', given.details ?? {}),
  }
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i))

describe('correlate', () => {
  it('names, one address', () => {
    const found = correlate(
      times(37, (i) =>
        failure({
          details: { address: '192.0.2.7' },
          at: `2026-11-22T14:${String(2 + i).padStart(2, '0')}:00.000Z`,
        }),
      ),
      NOW,
    )
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({
      class: 'firewall',
      shared: { kind: 'address', value: '192.0.2.7' },
      names: 37,
      failures: 37,
      since: '2026-11-22T14:02:00.000Z',
      last: '2026-11-22T14:38:00.000Z',
      says: '37 names, one address (192.0.2.7), since 14:02',
    })
    expect(found[0]?.examples).toHaveLength(5)
    correlation.parse(found[0])
  })

  it('one rule of a policy, whatever the client', () => {
    const found = correlate(
      times(4, (i) =>
        failure({ class: 'policy-denied', details: { rule: 'no-shop' }, client: `c00000000000000${i}` }),
      ),
      NOW,
    )
    expect(found.map(({ says }) => says)).toEqual([expect.stringMatching(/^4 names, one rule \(no-shop\)/)])
  })

  it('one resolver, one CAA record, one limit, one domain', () => {
    const found = correlate(
      [
        ...times(9, () => failure({ class: 'servfail', details: { resolver: '10.0.0.53' } })),
        ...times(8, () => failure({ class: 'caa', details: { name: 'corp.example' } })),
        ...times(7, () =>
          failure({ class: 'rate-limit', details: { limit: 'CertificatesPerDomain', key: 'example.com' } }),
        ),
        ...times(6, (i) => failure({ class: 'txt-missing', names: [`h${i}.dept.example.com`] })),
      ],
      NOW,
    )
    expect(found.map(({ says }) => says)).toEqual([
      '9 names, one resolver (10.0.0.53), since 14:02',
      '8 names, one CAA record (corp.example), since 14:02',
      '7 names, one limit (CertificatesPerDomain example.com), since 14:02',
      '6 names, one domain (dept.example.com), since 14:02',
    ])
  })

  it('counts no failure twice, and takes the larger explanation', () => {
    const failures = [
      ...times(20, (i) => failure({ details: { address: '192.0.2.7' }, names: [`a${i}.example.com`] })),
      ...times(3, (i) => failure({ details: { address: '192.0.2.8' }, names: [`b${i}.example.com`] })),
    ]
    const found = correlate(failures, NOW)
    expect(found.map(({ shared, failures: count }) => [shared?.value, count])).toEqual([
      ['192.0.2.7', 20],
      ['192.0.2.8', 3],
    ])
  })

  it('does not blame a CA or program that everything shares', () => {
    const found = correlate(
      times(12, (i) =>
        failure({ class: 'http-not-found', program: 'certbot', names: [`x${i}.dom${i % 3}.example`] }),
      ),
      NOW,
    )
    expect(new Set(found.map(({ shared }) => shared?.kind))).toEqual(new Set(['domain']))
    expect(
      correlate(
        times(4, () => failure({ class: 'ca-internal' })),
        NOW,
      )[0]?.shared,
    ).toMatchObject({
      kind: 'account',
    })
  })

  it('says nothing of one failure, and tells an older day', () => {
    expect(correlate([failure()], NOW)).toEqual([])
    expect(correlate([], NOW)).toEqual([])
    const one = failure()
    expect(correlate([one, one], NOW)).toEqual([])
    const found = correlate(
      times(2, () => failure({ details: { address: '192.0.2.7' }, at: '2026-11-20T09:30:00.000Z' })),
      NOW,
    )
    expect(found[0]?.says).toBe('2 names, one address (192.0.2.7), since 2026-11-20 09:30')
  })

  it('counts unknown texts by their shape', () => {
    const shape = 'Frobnication of <name> failed'
    const found = correlate(
      times(3, () => failure({ class: 'unclassified', details: { shape } })),
      NOW,
    )
    expect(found[0]?.says).toBe(`3 names, one text (${shape}), since 14:02`)
  })

  it('one name that fails again and again', () => {
    const found = correlate(
      times(5, () => failure({ names: ['www.example.com'] })),
      NOW,
    )
    expect(found[0]?.says).toBe('5 failures, one name (www.example.com), since 14:02')
  })

  it('does not depend on the order', () => {
    const failures = times(40, (i) =>
      failure({
        names: [`n${i % 7}.d${i % 5}.example`],
        details: i % 2 ? { address: `192.0.2.${i % 3}` } : {},
      }),
    )
    expect(correlate([...failures].reverse(), NOW)).toEqual(correlate(failures, NOW))
  })

  it('takes 5,000 failures', () => {
    const failures = times(5_000, (i) => failure({ names: [`n${i}.d${i % 50}.example.com`] }))
    expect(correlate(failures, NOW)[0]?.names).toBe(5_000)
  })
})

describe('refine', () => {
  const validated = (names: string[], at: string, challengeType = 'http-01'): Neighbour => ({
    at,
    names,
    client: null,
    challengeType,
    class: null,
  })

  it('ten bad nonces of one client in ten minutes are a storm', () => {
    const nonces = (count: number, apart: number) =>
      times(count, (i) =>
        failure({
          class: 'bad-nonce',
          at: new Date(Date.parse('2026-11-22T14:00:00Z') + i * apart).toISOString(),
        }),
      )
    const storm = nonces(12, 1000)
    expect(refine(storm[5]!, storm.map(neighbourOf))).toMatchObject({
      class: 'nonce-storm',
      details: { count: '12' },
    })
    const few = nonces(12, 3_600_000)
    expect(refine(few[5]!, few.map(neighbourOf)).class).toBe('bad-nonce')
    const found = correlate([...storm, ...few], NOW)
    expect(found.map((one) => one.class)).toContain('nonce-storm')
    expect(found.find((one) => one.class === 'nonce-storm')?.failures).toBe(13)
  })

  it('404 while the name is validated otherwise: some backends', () => {
    const failed = failure({ class: 'http-not-found', names: ['www.example.com'] })
    const near = validated(['www.example.com'], '2026-11-22T14:05:00.000Z')
    expect(refine(failed, [near])).toMatchObject({
      class: 'some-backends',
      details: { inner: 'http-not-found' },
    })
    expect(refine(failed, [validated(['www.example.com'], '2026-11-22T15:05:00.000Z')]).class).toBe(
      'http-not-found',
    )
    expect(refine(failed, [validated(['other.example.com'], '2026-11-22T14:05:00.000Z')]).class).toBe(
      'http-not-found',
    )
    expect(refine(failed, [validated(['www.example.com'], '2026-11-22T14:05:00.000Z', 'dns-01')]).class).toBe(
      'http-not-found',
    )
  })

  it('TXT that is there minutes later: not everywhere yet', () => {
    const failed = failure({ class: 'txt-missing', names: ['www.example.com'], challengeType: 'dns-01' })
    const later = validated(['www.example.com'], '2026-11-22T14:05:00.000Z', 'dns-01')
    const before = validated(['www.example.com'], '2026-11-22T13:59:00.000Z', 'dns-01')
    expect(refine(failed, [later]).class).toBe('txt-not-everywhere')
    expect(refine(failed, [before]).class).toBe('txt-missing')
    const other = failure({ class: 'txt-missing', names: ['mail.example.com'], challengeType: 'dns-01' })
    expect(correlate([failed, other], NOW, [later]).map((one) => one.class)).toEqual([])
    expect(correlate([failed, other], NOW).map((one) => one.class)).toEqual(['txt-missing'])
  })

  it('a wildcard whose challenge nobody answered: without DNS', () => {
    const names = ['*.example.com']
    expect(refine(failure({ class: 'challenge-not-answered', names, challengeType: null }), []).class).toBe(
      'wildcard-without-dns',
    )
    expect(
      refine(failure({ class: 'challenge-not-answered', names, challengeType: 'dns-01' }), []).class,
    ).toBe('challenge-not-answered')
  })

  it('leaves every other class as it is', () => {
    const failed = failure({ class: 'firewall' })
    expect(refine(failed, [neighbourOf(failed)])).toBe(failed.diagnosis)
  })
})

it('domains are the suffixes of at least two labels, without what registries sell under', () => {
  expect(domainsOf('*.a.example.co.uk')).toEqual(['a.example.co.uk', 'example.co.uk'])
  expect(domainsOf('www.example.com')).toEqual(['www.example.com', 'example.com'])
  expect(domainsOf('192.0.2.1')).toEqual([])
  expect(domainsOf('localhost')).toEqual([])
})
