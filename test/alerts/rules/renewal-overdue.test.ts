import { describe, expect, test } from 'vitest'
import type { CurrentCertificate } from '../../../src/alerts/look.ts'
import { renewalOverdue } from '../../../src/alerts/rules/renewal-overdue.ts'
import {
  BEGIN,
  certificateOf,
  DAY,
  found,
  HOUR,
  type Standing,
  settingsOf,
} from '../../support/alerts/how-things-stand.ts'

const NAME = 'www.example.com'

/** The first hour at which it is overdue, in hours of its life; null when it never is. */
function overdueAfter(given: Partial<CurrentCertificate>, standing: Standing = {}): number | null {
  const certificate = certificateOf(NAME, given)
  for (let at = BEGIN; at < certificate.notAfter; at += HOUR) {
    const certificates = [certificate, ...(standing.certificates ?? [])]
    const all = found(renewalOverdue, at, { ...standing, certificates })
    if (all.some(({ key }) => key === certificate.fingerprint)) return (at - BEGIN) / HOUR
  }
  return null
}

const windowAt = (start: number, end: number, explanation: string | null = null) => ({
  window: { start: BEGIN + start * HOUR, end: BEGIN + end * HOUR, explanation },
})

describe('when nobody asks', () => {
  test('past two thirds of the life and a week, where its client was not seen renewing yet', () => {
    expect(overdueAfter({})).toBe(67 * 24)
  })

  test('past the end of the window and the margin', () => {
    expect(overdueAfter(windowAt(70 * 24, 71 * 24))).toBe((71 + 7) * 24)
  })

  test('a window early in the life that has not ended calls nobody', () => {
    expect(overdueAfter(windowAt(80 * 24, 82 * 24))).toBe(85.5 * 24)
  })

  test('past two thirds of the life and the margin, where it was: 60 + 4.5 days of 90', () => {
    expect(overdueAfter({ replacedPredecessorAt: 0.6 })).toBe(64.5 * 24)
    expect(overdueAfter({ notAfter: BEGIN + 45 * DAY })).toBe(32.25 * 24)
  })

  test('half of a short life and a fifth', () => {
    expect(overdueAfter({ notAfter: BEGIN + 160 * HOUR })).toBe(0.7 * 160)
    expect(overdueAfter({ notAfter: BEGIN + 24 * HOUR })).toBe(17)
  })

  test('past the part at which the one before was renewed, where that was later', () => {
    expect(overdueAfter({ replacedPredecessorAt: 0.8 })).toBe(Math.ceil(0.85 * 90 * 24))
    expect(overdueAfter({ replacedPredecessorAt: 0.4 })).toBe(64.5 * 24)
    expect(overdueAfter({ replacedPredecessorAt: 0.99 })).toBe(Math.ceil(0.95 * 90 * 24))
    expect(overdueAfter({ replacedPredecessorAt: 1.2 })).toBe(64.5 * 24)
  })

  test('the margin is the one that was set', () => {
    const settings = settingsOf({ 'renewal-overdue': { margin: 0.2, severity: 'critical' } })
    const certificates = [certificateOf(NAME)]
    expect(found(renewalOverdue, BEGIN + 77 * DAY, { certificates }, settings)).toEqual([])
    expect(found(renewalOverdue, BEGIN + 79 * DAY, { certificates }, settings)).toMatchObject([
      { severity: 'critical' },
    ])
  })
})

test('says what, who, since when and what to do', () => {
  const [one] = found(renewalOverdue, BEGIN + 70 * DAY, {
    certificates: [certificateOf(`${NAME} a.example`)],
  })
  expect(one).toMatchObject({
    rule: 'renewal-overdue',
    key: `fingerprint of ${NAME} a.example`,
    severity: 'warning',
    title: 'www.example.com +1: renewal overdue, ends in 20 days',
    fixer: 'client',
    until: null,
    isNotice: false,
    subject: {
      ca: 'alpha',
      names: [NAME, 'a.example'],
      nameCount: 2,
      clientText: 'certbot from 192.0.2.7',
      details: { serial: '0a', due: '2026-03-02T00:00:00.000Z' },
    },
    evidence: { order: '00000000000000aa', certificate: `fingerprint of ${NAME} a.example` },
  })
  expect(one?.cause).toContain('2026-03-02 00:00 UTC')
  expect(one?.remedy).toContain('certbot from 192.0.2.7')
})

describe('must not', () => {
  test('an order for exactly these names since it was due', () => {
    expect(overdueAfter({}, { orders: { [NAME]: BEGIN + 60 * DAY } })).toBeNull()
    expect(overdueAfter({}, { orders: { [NAME]: BEGIN + 20 * DAY } })).toBe(67 * 24)
    expect(overdueAfter({}, { orders: { 'a.example': BEGIN + 60 * DAY } })).toBe(67 * 24)
  })

  test('an order at a CA for tests is no renewal', () => {
    expect(overdueAfter({}, { orders: { [`${NAME}@staging`]: BEGIN + 60 * DAY } })).toBe(67 * 24)
  })

  const later = { notBefore: BEGIN + 40 * DAY, notAfter: BEGIN + 130 * DAY }
  test.for([
    ['moved into a larger certificate', `a.example ${NAME}`, {}, null],
    ['moved under a wildcard', '*.example.com', {}, null],
    ['at another CA', NAME, { ca: 'beta' }, null],
    ['at a CA for tests', NAME, { ca: 'beta', isForTests: true }, 67 * 24],
    ['a wildcard one label above', '*.com', {}, 67 * 24],
    ['another name', 'a.example', {}, 67 * 24],
    ['one that ends sooner', NAME, { notAfter: BEGIN + 60 * DAY }, 67 * 24],
  ] as const)('%s', ([, names, given, expected]) => {
    const other = certificateOf(names, { fingerprint: 'other', ...later, ...given })
    expect(overdueAfter({}, { certificates: [other] })).toBe(expected)
  })

  test('moved in part: one name is left behind', () => {
    const two = certificateOf(`${NAME} b.example`)
    const other = certificateOf(NAME, { fingerprint: 'other', ...later })
    expect(found(renewalOverdue, BEGIN + 70 * DAY, { certificates: [two, other] })).toHaveLength(1)
  })

  test('imported, and nobody was ever seen asking', () => {
    const unseen = { order: null, client: null, clientText: null, account: null }
    expect(overdueAfter({ source: 'imported', ...unseen })).toBeNull()
    expect(overdueAfter({ source: 'imported' })).toBe(67 * 24)
  })

  test('of a CA for tests', () => {
    expect(overdueAfter({ isForTests: true })).toBeNull()
  })
})

describe('the CA wants it renewed now', () => {
  test('at once when the window ended early in the life, critical, with the explanation', () => {
    const certificate = certificateOf(NAME, windowAt(9 * 24, 10 * 24, 'https://alpha.example/incident'))
    expect(found(renewalOverdue, BEGIN + 10 * DAY - 1, { certificates: [certificate] })).toEqual([])
    const [one] = found(renewalOverdue, BEGIN + 10 * DAY, { certificates: [certificate] })
    expect(one).toMatchObject({
      severity: 'critical',
      group: 'incident alpha',
      title: 'www.example.com: the CA wants it renewed now',
      subject: { details: { explanation: 'https://alpha.example/incident' } },
    })
    expect(one?.cause).toContain('https://alpha.example/incident')
  })

  test('without an explanation too', () => {
    expect(overdueAfter(windowAt(9 * 24, 10 * 24))).toBe(10 * 24)
  })

  test('not while an order of the last day is on its way', () => {
    const given = windowAt(9 * 24, 10 * 24)
    const standing = { orders: { [NAME]: BEGIN + 10.5 * DAY }, certificates: [certificateOf(NAME, given)] }
    expect(found(renewalOverdue, BEGIN + 11 * DAY, standing)).toEqual([])
    const moved = certificateOf(NAME, windowAt(12 * 24, 12.5 * 24))
    expect(found(renewalOverdue, BEGIN + 13 * DAY, { ...standing, certificates: [moved] })).toHaveLength(1)
  })
})
