import { expect, test } from 'vitest'
import type { CurrentCertificate } from '../../../src/alerts/look.ts'
import { certificateExpiring } from '../../../src/alerts/rules/certificate-expiring.ts'
import { BEGIN, certificateOf, DAY, found, HOUR, settingsOf } from '../../support/alerts/how-things-stand.ts'

const NAME = 'www.example.com'

/** Each step with the hours that are left when it is told first, and how bad it is then. */
function steps(given: Partial<CurrentCertificate>): [string, number, string][] {
  const certificate = certificateOf(NAME, given)
  const told: [string, number, string][] = []
  for (let at = BEGIN; at < certificate.notAfter + 2 * HOUR; at += HOUR / 10) {
    const [one] = found(certificateExpiring, at, { certificates: [certificate] })
    if (one === undefined) continue
    const step = one.subject.details.step!
    const [last] = told.slice(-1)
    if (last?.[0] !== step || last[2] !== one.severity)
      told.push([step, Math.round((certificate.notAfter - at) / HOUR), one.severity])
  }
  return told
}

test('told at 21, 14, 7, 3 and 1 days, critical from 7, and once it has ended', () => {
  expect(steps({})).toEqual([
    ['21 days', 21 * 24, 'warning'],
    ['14 days', 14 * 24, 'warning'],
    ['7 days', 7 * 24, 'critical'],
    ['3 days', 3 * 24, 'critical'],
    ['1 day', 24, 'critical'],
    ['ended', 0, 'critical'],
  ])
})

test('short lives: by parts of them, critical from a twelfth', () => {
  expect(steps({ notAfter: BEGIN + 160 * HOUR })).toEqual([
    ['25 %', 40, 'warning'],
    ['15 %', 24, 'warning'],
    ['15 %', 13, 'critical'],
    ['8 %', 13, 'critical'],
    ['3 %', 5, 'critical'],
    ['ended', 0, 'critical'],
  ])
  expect(steps({ notAfter: BEGIN + 45 * DAY })[0]).toEqual(['25 %', 270, 'warning'])
})

test('the steps are those that were set, in whatever order', () => {
  const settings = settingsOf({ 'certificate-expiring': { days: [2, 30], critical: 1, severity: 'info' } })
  const at = (left: number) =>
    found(certificateExpiring, BEGIN + (90 - left) * DAY, { certificates: [certificateOf(NAME)] }, settings)
  expect(at(31)).toEqual([])
  expect(at(30)).toMatchObject([{ severity: 'info', subject: { details: { step: '30 days' } } }])
  expect(at(2)).toMatchObject([{ severity: 'info', subject: { details: { step: '2 days' } } }])
  expect(at(1)).toMatchObject([{ severity: 'critical' }])
})

test('one alert through all steps, about the certificate', () => {
  const keys = [80, 85, 89, 91].map((day) => {
    const [one] = found(certificateExpiring, BEGIN + day * DAY, { certificates: [certificateOf(NAME)] })
    return [one?.key, one?.title]
  })
  expect(keys).toEqual([
    ['fingerprint of www.example.com', 'www.example.com: the certificate ends in 10 days'],
    ['fingerprint of www.example.com', 'www.example.com: the certificate ends in 5 days'],
    ['fingerprint of www.example.com', 'www.example.com: the certificate ends in 24 hours'],
    ['fingerprint of www.example.com', 'www.example.com: the certificate ended 24 hours ago'],
  ])
})

test('not one whose names are all in newer certificates', () => {
  const later = { notBefore: BEGIN + 60 * DAY, notAfter: BEGIN + 150 * DAY }
  const one = certificateOf(`${NAME} b.example`)
  const first = certificateOf(NAME, { fingerprint: 'first', ...later })
  const second = certificateOf('b.example c.example', { fingerprint: 'second', ...later })
  const at = BEGIN + 80 * DAY
  expect(found(certificateExpiring, at, { certificates: [one, first] })).toHaveLength(1)
  expect(found(certificateExpiring, at, { certificates: [second, one, first] })).toEqual([])
})

test('one that was only imported too, and then says where to renew it; none of a CA for tests', () => {
  const unseen = { source: 'imported', order: null, client: null, clientText: null, account: null }
  const at = BEGIN + 80 * DAY
  const [one] = found(certificateExpiring, at, { certificates: [certificateOf(NAME, unseen)] })
  expect(one?.remedy).toContain('where it came from')
  expect(
    found(certificateExpiring, at, { certificates: [certificateOf(NAME, { isForTests: true })] }),
  ).toEqual([])
})
