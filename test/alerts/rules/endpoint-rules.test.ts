import { expect, test } from 'vitest'
import { endpointExpiring } from '../../../src/alerts/rules/endpoint-expiring.ts'
import { endpointOutdated } from '../../../src/alerts/rules/endpoint-outdated.ts'
import { endpointUnreachable } from '../../../src/alerts/rules/endpoint-unreachable.ts'
import { BEGIN, DAY, endpointOf, found, HOUR } from '../../support/alerts/how-things-stand.ts'

type Given = Parameters<typeof endpointOf>[0]

const iso = (at: number) => new Date(at).toISOString()
/** As it was seen just now. */
const at = (rule: typeof endpointExpiring, now: number, given: Given = {}) =>
  found(rule, now, { endpoints: [endpointOf({ probed: iso(now), ...given })] })

test('endpoint-expiring: a warning from 21 days on, critical from 14, and when it has ended', () => {
  const left = (days: number) => at(endpointExpiring, BEGIN + (90 - days) * DAY)
  expect(left(21.1)).toEqual([])
  expect(left(21)).toMatchObject([
    {
      key: 'www.example.com:443',
      severity: 'warning',
      title: 'www.example.com:443 serves a certificate that ends in 21 days',
      subject: { names: ['www.example.com'], details: { endpoint: 'www.example.com:443', serial: '0a' } },
    },
  ])
  expect(left(14.1)).toMatchObject([{ severity: 'warning' }])
  expect(left(14)).toMatchObject([{ severity: 'critical' }])
  expect(left(-3)).toMatchObject([
    { severity: 'critical', title: 'www.example.com:443 serves a certificate that ended 3 days ago' },
  ])
})

test('endpoint-expiring: short lives by parts of them', () => {
  const served = { notAfter: iso(BEGIN + 100 * HOUR) }
  expect(at(endpointExpiring, BEGIN + 76 * HOUR, { served })).toEqual([])
  expect(at(endpointExpiring, BEGIN + 77 * HOUR, { served })).toMatchObject([{ severity: 'warning' }])
  expect(at(endpointExpiring, BEGIN + 85 * HOUR, { served })).toMatchObject([{ severity: 'critical' }])
})

test('endpoint-expiring: says that a newer one only waits to be installed; nothing where nothing is served', () => {
  const newer = { fingerprint: 'newer', serial: '0b', firstSeen: iso(BEGIN) }
  expect(at(endpointExpiring, BEGIN + 80 * DAY, { newer })[0]?.remedy).toContain('serial 0b')
  expect(at(endpointExpiring, BEGIN + 80 * DAY, { served: null, error: 'ECONNREFUSED' })).toEqual([])
})

test('endpoint-outdated: looked at twelve hours after the renewal', () => {
  const newer = { fingerprint: 'newer', serial: '0b', firstSeen: iso(BEGIN + 60 * DAY) }
  const renewed = BEGIN + 60 * DAY
  const probed = (at: number) => ({ probed: iso(at), newer })
  const later = renewed + DAY
  expect(at(endpointOutdated, later, probed(renewed + 12 * HOUR - 1))).toEqual([])
  expect(at(endpointOutdated, later, probed(renewed + 12 * HOUR))).toMatchObject([
    { key: 'www.example.com:443', severity: 'warning', subject: { details: { served: '0a', newer: '0b' } } },
  ])
  expect(at(endpointOutdated, later, { probed: iso(later) })).toEqual([])
  const served = { fingerprint: 'newer', serial: '0b' }
  expect(at(endpointOutdated, later, { ...probed(later), served })).toEqual([])
  expect(at(endpointOutdated, later, { ...probed(later), served: null })).toEqual([])
})

test('endpoint-expiring: what was seen less than a day ago may have been renewed since', () => {
  const served = { notAfter: iso(BEGIN + 160 * HOUR) }
  const seen = (then: number, now: number) =>
    at(endpointExpiring, BEGIN + now * HOUR, { served, probed: iso(BEGIN + then * HOUR) })
  expect(seen(120, 143)).toEqual([])
  expect(seen(124, 143)).toMatchObject([{ severity: 'warning' }])
  expect(seen(60, 148)).toMatchObject([{ severity: 'warning' }])
})

test('endpoint-unreachable: two days without a certificate that verifies', () => {
  const failing = { served: null, error: 'connect ECONNREFUSED', failingSince: iso(BEGIN) }
  expect(at(endpointUnreachable, BEGIN + 2 * DAY - 1, failing)).toEqual([])
  expect(at(endpointUnreachable, BEGIN + 2 * DAY, failing)).toMatchObject([
    { title: 'www.example.com:443 serves no certificate', said: 'connect ECONNREFUSED' },
  ])
  expect(at(endpointUnreachable, BEGIN + 5 * DAY)).toEqual([])
})

test('endpoint-unreachable: one that does not verify', () => {
  const served = { trusted: false, fault: 'self-signed certificate' }
  const wrong = { served, failingSince: iso(BEGIN + 10 * DAY) }
  expect(at(endpointUnreachable, BEGIN + 11 * DAY, wrong)).toEqual([])
  expect(at(endpointUnreachable, BEGIN + 12 * DAY, wrong)).toMatchObject([
    {
      title: 'www.example.com:443 serves a certificate that does not verify',
      said: 'self-signed certificate',
    },
  ])
})
