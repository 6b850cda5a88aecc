import { describe, expect, test } from 'vitest'
import { assess } from '../../../src/audit/readiness/assess.ts'
import {
  clientAuthFinding,
  namesFinding,
  renewalInfoFinding,
  reuseFinding,
} from '../../../src/audit/readiness/checks.ts'
import { caKind } from '../../../src/audit/readiness/horizon.ts'
import { history, issued, ordered, withWindows } from './histories.ts'

const LE = caKind('letsencrypt', null)

describe('renewal information', () => {
  test('asked: by the client, or for one of its certificates', () => {
    expect(renewalInfoFinding(history([], { client: { asksRenewalInfo: true } }), false).verdict).toBe(
      'ready',
    )
    expect(renewalInfoFinding(history(withWindows(issued([]))), false)).toMatchObject({
      verdict: 'ready',
      evidence: ['a.test: window from 2026-03-01'],
    })
  })
  test('never asked: at risk, unless the schedule adapts or nobody knows whether the CA has any', () => {
    expect(renewalInfoFinding(history([]), false)).toMatchObject({
      verdict: 'at risk',
      reason: expect.stringContaining('never asked for renewal information since 2026-11-22'),
    })
    expect(renewalInfoFinding(history([]), true)).toMatchObject({
      verdict: 'ready',
      reason: expect.stringContaining('will not hear'),
    })
    expect(renewalInfoFinding(history([], { caOffersRenewalInfo: false }), false).verdict).toBe(
      'not enough seen',
    )
  })
})

describe('names', () => {
  test.each([
    [25, 'ready'],
    [26, 'at risk'],
  ])('%d names in a certificate', (names, verdict) => {
    expect(namesFinding(history(issued([], 90, { names }))).verdict).toBe(verdict)
  })
  test('or in an order', () => {
    const names = Object.fromEntries(Array.from({ length: 26 }, (_, at) => [`h${at}.test`, null]))
    expect(namesFinding(history([], { orders: [ordered(0, names)] }))).toMatchObject({
      verdict: 'at risk',
      evidence: ['2026-01-01 order order-0: 26 names'],
    })
  })
  test('nothing seen', () => {
    expect(namesFinding(history([])).verdict).toBe('not enough seen')
  })
})

describe('authorizations that are used again', () => {
  const at = (orders: Parameters<typeof history>[1] & object, reuse: number) =>
    reuseFinding(history([], orders), { lifetime: 45, reuse }).verdict

  test.each([
    ['anew', null, 'ready', 'ready'],
    ['7 hours', 7, 'ready', 'ready'],
    ['7.1 hours', 7.1, 'at risk', 'ready'],
    ['10 days', 240, 'at risk', 'ready'],
    ['10 days and an hour', 241, 'at risk', 'at risk'],
    ['nobody saw when', 'unseen', 'not enough seen', 'not enough seen'],
  ] as const)('%s', (_what, hours, seven, ten) => {
    const orders = { orders: [ordered(20, { 'a.test': hours })] }
    expect([at(orders, 7), at(orders, 240)]).toEqual([seven, ten])
  })

  test('who validated the name since does not live on it', () => {
    const since = { orders: [ordered(80, { 'a.test': null }), ordered(20, { 'a.test': 300 })] }
    expect(at(since, 7)).toBe('ready')
    const before = { orders: [ordered(20, { 'a.test': null }), ordered(80, { 'a.test': 300 })] }
    expect(at(before, 7)).toBe('at risk')
    const other = { orders: [ordered(20, { 'a.test': 300 }), ordered(80, { 'b.test': null })] }
    expect(reuseFinding(history([], other), { lifetime: 45, reuse: 7 })).toMatchObject({
      verdict: 'at risk',
      evidence: ['2026-01-21 a.test: validated 12.5 days before'],
    })
  })

  test('nothing seen', () => {
    expect(at({}, 7)).toBe('not enough seen')
    expect(at({ orders: [ordered(1, {})] }, 7)).toBe('not enough seen')
  })
})

describe('clientAuth', () => {
  const both = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']
  test.each([
    [both, true, 'at risk'],
    [both, null, 'at risk'],
    [both, false, 'ready'],
    [['1.3.6.1.5.5.7.3.1'], true, 'ready'],
    [[], true, 'ready'],
    [null, true, 'not enough seen'],
  ])('%j of a CA that is public: %s', (extendedKeyUsage, isPublic, verdict) => {
    expect(clientAuthFinding(history(issued([]), { extendedKeyUsage }), { isPublic }).verdict).toBe(verdict)
  })
})

describe('the CA', () => {
  test.each([
    ['letsencrypt', null, true, ['2027-02-10', '2028-02-16'], true],
    ['letsencrypt-staging', null, true, [null, null], true],
    ['zerossl', null, false, [null, null], true],
    ['step-ca', null, false, [null, null], false],
    [undefined, 'https://acme-v02.api.letsencrypt.org/acme/acct/1', true, ['2027-02-10', '2028-02-16'], true],
    [undefined, 'https://localhost:14000/acct/1', false, [null, null], null],
    [undefined, 'no url', false, [null, null], null],
  ] as const)('%s %s', (preset, url, letsEncrypt, dates, isPublic) => {
    const kind = caKind(preset, url)
    expect([kind.letsEncrypt, kind.horizons.map(({ from }) => from), kind.isPublic]).toEqual([
      letsEncrypt,
      dates,
      isPublic,
    ])
    expect(kind.horizons.map(({ lifetime, reuse }) => [lifetime, reuse])).toEqual([
      [64, 240],
      [45, 7],
    ])
  })
})

describe('all of it', () => {
  test('the worst of the horizons and of what was found beside them; too little seen beside them counts nothing', () => {
    const acmeSh = history(issued([60, 60, 60]), { client: { userAgent: 'acme.sh/3.0.6' } })
    expect(assess(acmeSh, LE)).toMatchObject({
      client: { host: '192.0.2.7', program: 'home-made' },
      announced: true,
      verdict: 'breaks',
      horizons: [
        { lifetime: 64, from: '2027-02-10', verdict: 'at risk' },
        { lifetime: 45, from: '2028-02-16', verdict: 'breaks' },
      ],
    })
    const certbot = history(issued([60, 60]), { client: { userAgent: 'CertbotACMEClient/2.1.0' } })
    expect(assess(certbot, LE).verdict).toBe('ready')
    expect(assess(history(issued([], 90, { names: 26 })), LE).verdict).toBe('at risk')
    expect(assess(history([], { client: { asksRenewalInfo: true } }), LE).verdict).toBe('not enough seen')
  })

  test("the limit on names is Let's Encrypt's own", () => {
    const many = history(issued([], 90, { names: 26 }))
    expect(assess(many, caKind('step-ca', null)).findings.map(({ check }) => check)).not.toContain('names')
  })

  test('the host: a proxy user, else the address; the Host of a relay is nobody', () => {
    const host = (label: string | null, mode: string, source: string | null) =>
      assess(history([], { client: { label, modes: [mode], source } }), LE).client.host
    expect(host('web1', 'intercept', '192.0.2.1')).toBe('web1')
    expect(host('acme.test:8443', 'relay', '192.0.2.1')).toBe('192.0.2.1')
    expect(host(null, 'relay', null)).toBe('https://localhost:8443/acct/1')
  })
})
