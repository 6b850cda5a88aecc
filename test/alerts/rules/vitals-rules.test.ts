import { describe, expect, test } from 'vitest'
import { caAccount } from '../../../src/alerts/rules/ca-account.ts'
import { caDown } from '../../../src/alerts/rules/ca-down.ts'
import { caSlow } from '../../../src/alerts/rules/ca-slow.ts'
import { channelDown } from '../../../src/alerts/rules/channel-down.ts'
import { clockSkew } from '../../../src/alerts/rules/clock-skew.ts'
import { engineRenewal } from '../../../src/alerts/rules/engine-renewal.ts'
import { policyExpiring } from '../../../src/alerts/rules/policy-expiring.ts'
import { recordLagging } from '../../../src/alerts/rules/record-lagging.ts'
import { recordUnwritable } from '../../../src/alerts/rules/record-unwritable.ts'
import { rootExpiring } from '../../../src/alerts/rules/root-expiring.ts'
import { sinkDown } from '../../../src/alerts/rules/sink-down.ts'
import { STATE_RULES } from '../../../src/alerts/rules/state-rules.ts'
import type { CaVitals, EndingRule, FailingRenewal, Vitals } from '../../../src/alerts/vitals.ts'
import {
  BEGIN,
  caOf,
  DAY,
  found,
  MINUTE,
  SECOND,
  settingsOf,
  WELL,
} from '../../support/alerts/how-things-stand.ts'

const NOW = BEGIN
const ca = (rule: typeof caDown, ...cas: CaVitals[]) => found(rule, NOW, { vitals: { cas } })

test('nothing is wrong: no rule says anything', () => {
  const vitals = {
    cas: [caOf('alpha'), caOf('beta', { exchanges: 0, p50: null, p95: null, skew: null })],
    roots: [{ name: 'listener', fingerprint: 'f', notAfter: NOW + 900 * DAY, run: 'acmetap root rotate' }],
    sinks: [{ name: 'log', failingSince: null, backlog: 3, error: null }],
    channels: [{ name: 'ops', failingSince: null, waiting: 0, error: null }],
  }
  expect(STATE_RULES.flatMap((rule) => found(rule, NOW, { vitals }))).toEqual([])
  expect(new Set(STATE_RULES.map(({ name }) => name)).size).toBe(17)
})

describe('ca-down', () => {
  test('half of the exchanges got no answer or an error', () => {
    const said = { error: 'connect ECONNREFUSED', lastExchange: 'x1' }
    expect(ca(caDown, caOf('alpha', { failed: 30, serverErrors: 20, ...said }))).toMatchObject([
      {
        key: 'alpha',
        severity: 'critical',
        title: 'alpha: 50 % of exchanges fail',
        said: 'connect ECONNREFUSED',
        subject: { ca: 'alpha', details: { exchanges: '100', failed: '30', serverErrors: '20' } },
        evidence: { exchange: 'x1' },
      },
    ])
  })

  test('not with less than half, nor of fewer than five', () => {
    expect(ca(caDown, caOf('alpha', { failed: 29, serverErrors: 20 }))).toEqual([])
    expect(ca(caDown, caOf('alpha', { exchanges: 4, failed: 4 }))).toEqual([])
    expect(ca(caDown, caOf('alpha', { exchanges: 5, failed: 5 }))).toHaveLength(1)
  })

  test('a share of 0 still wants a failure', () => {
    const settings = settingsOf({ 'ca-down': { share: 0 } })
    expect(found(caDown, NOW, { vitals: { cas: [caOf('alpha')] } }, settings)).toEqual([])
  })
})

test('ca-slow: one in twenty above ten seconds, of at least twenty answers', () => {
  expect(ca(caSlow, caOf('alpha', { p95: 10_001, p50: 2_000 }))).toMatchObject([
    { key: 'alpha', severity: 'warning', subject: { details: { p50: '2.0 s', p95: '10.0 s' } } },
  ])
  expect(ca(caSlow, caOf('alpha', { p95: 10_000 }))).toEqual([])
  expect(ca(caSlow, caOf('alpha', { p95: 11_000, exchanges: 25, failed: 6 }))).toEqual([])
})

const record = (given: Partial<Vitals['record']>, rule = recordLagging) =>
  found(rule, NOW, { vitals: { record: { ...WELL, ...given } } })

test('record-unwritable: after two seconds', () => {
  expect(record({ unwritableSince: NOW - 2 * SECOND, detail: 'ENOSPC' }, recordUnwritable)).toMatchObject([
    { key: 'record', severity: 'critical', said: 'ENOSPC' },
  ])
  expect(record({ unwritableSince: NOW - 2 * SECOND + 1 }, recordUnwritable)).toEqual([])
  expect(record({ unwritableSince: null }, recordUnwritable)).toEqual([])
})

test('record-lagging: a thousand facts for five minutes, or outcomes that wait as long', () => {
  const since = NOW - 5 * MINUTE
  expect(record({ backlog: 1000, behindSince: since })).toMatchObject([
    { key: 'inventory', severity: 'warning' },
  ])
  expect(record({ backlog: 999, behindSince: since })).toEqual([])
  expect(record({ backlog: 5000, behindSince: since + 1 })).toEqual([])
  expect(record({ spillBytes: 10, unwritableSince: since })).toMatchObject([{ key: 'spill' }])
  expect(record({ spillBytes: 10, unwritableSince: since + 1 })).toEqual([])
  expect(record({ spillBytes: 10 })).toEqual([])
})

test('root-expiring: sixty days before, critical when it has ended', () => {
  const at = (left: number) => {
    const root = {
      name: 'interception',
      fingerprint: 'f',
      notAfter: NOW + left,
      run: 'acmetap root rotate',
    }
    return found(rootExpiring, NOW, { vitals: { roots: [root] } })
  }
  expect(at(60 * DAY + 1)).toEqual([])
  expect(at(60 * DAY)).toMatchObject([
    { key: 'f', severity: 'warning', title: 'The interception root ends in 60 days' },
  ])
  expect(at(60 * DAY)[0]?.remedy).toContain('acmetap root rotate')
  expect(at(-DAY)).toMatchObject([{ severity: 'critical', title: 'The interception root has ended' }])
  expect(at(-DAY)[0]?.cause).toContain('refuse connections to acmetap')
  const local = {
    name: 'local CA internal',
    fingerprint: 'g',
    notAfter: NOW,
    run: 'x',
    harm: 'All is refused.',
  }
  expect(found(rootExpiring, NOW, { vitals: { roots: [local] } })[0]?.cause).toMatch(/All is refused\.$/)
})

describe('policy-expiring', () => {
  const ending = (left: number, given: Partial<EndingRule> = {}, settings = settingsOf({})) => {
    const place = '/etc/acmetap/policy.yaml:12'
    const rule: EndingRule = {
      rule: 'moving',
      effect: 'allow',
      owner: 'web team',
      expires: NOW + left,
      place,
      ...given,
    }
    return found(policyExpiring, NOW, { vitals: { endingRules: [rule] } }, settings)
  }

  test('from seven days before the end until seven days after it', () => {
    expect(ending(7 * DAY + 1)).toEqual([])
    expect(ending(7 * DAY)).toMatchObject([
      { severity: 'warning', title: 'Rule moving of the policy ends in 7 days', group: '' },
    ])
    expect(ending(-7 * DAY)).toMatchObject([{ title: 'Rule moving of the policy ended 7 days ago' }])
    expect(ending(-7 * DAY - 1)).toEqual([])
    expect(ending(9 * DAY, {}, settingsOf({ 'policy-expiring': { before: '10d' } }))).toHaveLength(1)
  })

  test('says what changes, whose it is and where it stands', () => {
    const [soon] = ending(DAY)
    expect(soon?.cause).toMatch(/left to the rules behind it.*Its owner is web team\.$/)
    expect(soon?.remedy).toContain('/etc/acmetap/policy.yaml:12')
    expect(ending(DAY, { effect: 'deny', owner: null })[0]?.cause).toMatch(
      /nothing is denied by it any more\.$/,
    )
  })

  test('one alert for a rule and its end; that it has ended is told anew', () => {
    const steps = [DAY, 1, 0, -DAY].map((left) => ending(left)[0]?.subject.details.step)
    expect(steps).toEqual(['soon', 'soon', 'ended', 'ended'])
    const [one] = found(policyExpiring, NOW, { vitals: { endingRules: [endsAt(NOW)] } })
    const [later] = found(policyExpiring, NOW - DAY, { vitals: { endingRules: [endsAt(NOW)] } })
    const [other] = found(policyExpiring, NOW, { vitals: { endingRules: [endsAt(NOW + DAY)] } })
    expect(later?.key).toBe(one?.key)
    expect(other?.key).not.toBe(one?.key)
  })

  function endsAt(expires: number): EndingRule {
    return { rule: 'moving', effect: 'warn', owner: null, expires, place: 'policy.yaml:1' }
  }
})

describe('ca-account', () => {
  const lost = {
    ca: 'alpha',
    account: 'https://ca.test/acct/1',
    tenant: null,
    status: 'revoked',
    since: NOW - 2 * 60 * MINUTE,
  } as const

  test('one for each account that is gone or deactivated, with what makes another', () => {
    const deactivated = { ...lost, tenant: 'team-a', status: 'deactivated' } as const
    expect(found(caAccount, NOW, { vitals: { lostAccounts: [lost, deactivated] } })).toMatchObject([
      {
        key: 'alpha https://ca.test/acct/1',
        severity: 'critical',
        title: "alpha no longer has acmetap's account",
        remedy: expect.stringContaining('acmetap engine accounts register alpha'),
        fixer: 'acmetap',
        subject: { ca: 'alpha', account: 'https://ca.test/acct/1', label: null },
      },
      {
        key: 'alpha https://ca.test/acct/1 team-a',
        title: "alpha has deactivated acmetap's account for team-a",
        remedy: expect.stringContaining('acmetap engine accounts register alpha --tenant team-a'),
        subject: { label: 'team-a' },
      },
    ])
  })
})

describe('engine-renewal', () => {
  const failing = (given: Partial<FailingRenewal> = {}, settings = settingsOf({})) => {
    const renewal: FailingRenewal = {
      certificate: 'web',
      names: ['www.example.com', 'example.com'],
      ca: 'alpha',
      kind: 'obtain',
      failures: 2,
      since: NOW - DAY,
      error: 'www.example.com: the CA got HTTP 404',
      exchange: 'x1',
      next: NOW + 90 * MINUTE,
      notAfter: NOW + 29 * DAY,
      lifetime: 90 * DAY,
      ...given,
    }
    return found(engineRenewal, NOW, { vitals: { failingRenewals: [renewal] } }, settings)
  }

  test('told after the second attempt that failed, with what is to be done', () => {
    expect(failing({ failures: 1 })).toEqual([])
    const [told] = failing()
    expect(told).toMatchObject({
      key: 'web',
      severity: 'warning',
      fixer: 'acmetap',
      title: 'www.example.com +1: acmetap cannot obtain its certificate, ends in 29 days',
      evidence: { exchange: 'x1' },
    })
    expect(told?.cause).toContain('HTTP 404')
    expect(told?.remedy).toContain('acmetap engine renew web')
    const patient = settingsOf({ 'engine-renewal': { attempts: 3 } })
    expect(failing({}, patient)).toEqual([])
  })

  test('critical when little is left, after the first attempt already; never for one that never was', () => {
    expect(failing({ failures: 1, notAfter: NOW + 13 * DAY })).toMatchObject([{ severity: 'critical' }])
    expect(failing({ failures: 1, notAfter: NOW + 14 * DAY })).toEqual([])
    expect(failing({ notAfter: NOW - DAY })).toMatchObject([
      { severity: 'critical', title: expect.stringContaining('ended 24 hours ago') },
    ])
    expect(failing({ notAfter: null, lifetime: null, failures: 9 })).toMatchObject([{ severity: 'warning' }])
  })

  test('a new one that cannot be put into use counts for the one before it', () => {
    const deploy = { kind: 'deploy', notAfter: NOW + 89 * DAY } as const
    expect(failing(deploy)).toMatchObject([
      { severity: 'warning', title: 'www.example.com +1: its new certificate is not in use' },
    ])
    expect(failing({ ...deploy, since: NOW - 16 * DAY })).toMatchObject([{ severity: 'warning' }])
    expect(failing({ ...deploy, since: NOW - 17 * DAY })).toMatchObject([{ severity: 'critical' }])
  })

  test('one that was issued too often is told at once', () => {
    expect(failing({ kind: 'held', failures: 0 })).toMatchObject([
      { severity: 'warning', cause: expect.stringContaining('not issued again before') },
    ])
  })
})

describe('clock-skew', () => {
  const skews = (...given: (number | null)[]) =>
    ca(clockSkew, ...given.map((skew, n) => caOf(`ca${n}`, { skew, exchanges: 1 })))

  test('the answers of one CA, at least two', () => {
    expect(ca(clockSkew, caOf('alpha', { skew: 90 * SECOND }))).toMatchObject([
      { key: 'clock', title: "This machine's clock is 90 seconds behind", subject: { ca: 'alpha' } },
    ])
    expect(ca(clockSkew, caOf('alpha', { skew: -3 * MINUTE }))).toMatchObject([
      { title: "This machine's clock is 3 minutes ahead" },
    ])
    expect(ca(clockSkew, caOf('alpha', { skew: 60 * SECOND }))).toEqual([])
    expect(ca(clockSkew, caOf('alpha', { skew: 90 * SECOND, exchanges: 1 }))).toEqual([])
    expect(ca(clockSkew, caOf('alpha', { skew: 90 * SECOND, exchanges: 3, failed: 2 }))).toEqual([])
  })

  test('CAs that agree; where they do not it is a CA that is wrong', () => {
    expect(skews(90_000, 95_000)).toHaveLength(1)
    expect(skews(90_000, 95_000, 0)).toHaveLength(1)
    expect(skews(90_000, 95_000, null)).toHaveLength(1)
    expect(skews(90_000, 0)).toEqual([])
    expect(skews(900_000, 0, 0)).toEqual([])
    expect(skews(90_000, -90_000)).toEqual([])
  })
})

test('sink-down after a minute, channel-down after two', () => {
  const sinks = (ago: number) => [{ name: 'log', failingSince: NOW - ago, backlog: 7, error: 'EPIPE' }]
  const channels = (ago: number) => [{ name: 'ops', failingSince: NOW - ago, waiting: 2, error: '503' }]
  expect(found(sinkDown, NOW, { vitals: { sinks: sinks(MINUTE) } })).toMatchObject([
    { key: 'log', severity: 'warning', said: 'EPIPE', title: 'Sink log takes nothing, 7 facts wait' },
  ])
  expect(found(sinkDown, NOW, { vitals: { sinks: sinks(MINUTE - 1) } })).toEqual([])
  expect(found(channelDown, NOW, { vitals: { channels: channels(2 * MINUTE) } })).toMatchObject([
    { key: 'ops', severity: 'critical', said: '503' },
  ])
  expect(found(channelDown, NOW, { vitals: { channels: channels(2 * MINUTE - 1) } })).toEqual([])
})
