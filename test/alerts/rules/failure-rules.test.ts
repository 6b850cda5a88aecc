import { expect, test } from 'vitest'
import { DIAGNOSIS_CLASSES } from '../../../src/audit/diagnosis/classes.ts'
import type { Happening } from '../../../src/audit/inventory/happening.ts'
import { occurrence } from '../../support/alerts/occurrences.ts'
import {
  ACCOUNT,
  begun,
  CLIENT,
  ends,
  failed,
  issued,
  limited,
  NOW,
  OTHER,
  ordered,
  signals,
  unvalidated,
  validated,
  warned,
} from '../../support/alerts/what-happened.ts'

const DAY = 86_400_000
const HOUR = 3_600_000

function only(happening: Happening, look = {}) {
  const { occurrences } = signals(happening, look)
  expect(occurrences).toHaveLength(1)
  return occurrences[0]!
}

test.each(DIAGNOSIS_CLASSES)('of one failure at most one rule tells (%s)', (name) => {
  for (const operation of ['newOrder', 'finalize', 'order', 'challenge', 'newNonce', 'revokeCert'])
    for (const outcome of ['response', 'refused'])
      for (const validation of [true, false])
        expect(begun(failed(name, { operation, outcome, validation })).length).toBeLessThan(2)
})

test('validation-failed: the diagnosis, what the CA said, and what proves it', () => {
  const happening = unvalidated('connection-refused', { details: { address: '192.0.2.1' } })
  expect(only(happening)).toMatchObject({
    rule: 'validation-failed',
    key: `letsencrypt ${CLIENT.id} www.example.com`,
    severity: 'warning',
    group: 'letsencrypt',
    at: NOW,
    until: NOW + 7 * DAY,
    isNotice: false,
    title: 'www.example.com: http-01 failed at letsencrypt',
    cause: 'Nothing listens on the port the CA connected to at 192.0.2.1.',
    fixer: 'server',
    said: 'it said connection-refused',
    subject: {
      names: ['www.example.com'],
      nameCount: 1,
      account: ACCOUNT.url,
      client: CLIENT.id,
      clientText: 'lego from 192.0.2.7 (web-1)',
      label: 'web-1',
      details: { class: 'connection-refused', address: '192.0.2.1', challenge: 'http-01' },
    },
    evidence: { exchange: happening.exchange, order: happening.order, certificate: null },
  })
})

test('validation-failed: one alert for a client and a name, whatever failed; in relay the label is nobody’s', () => {
  const first = only(unvalidated('connection-refused'))
  expect(only(unvalidated('firewall', { challengeType: 'dns-01' })).key).toBe(first.key)
  expect(only(unvalidated('firewall', { client: OTHER })).key).not.toBe(first.key)
  expect(only(unvalidated('firewall', { names: ['b.example.com'] })).key).not.toBe(first.key)
  const relayed = only(unvalidated('firewall', { mode: 'relay', client: { ...CLIENT, label: 'acmetap' } }))
  expect(relayed.subject).toMatchObject({ label: null, clientText: 'lego from 192.0.2.7' })
})

test('validation-failed: says when it comes from the state of the order', () => {
  const { cause, said } = only(unvalidated('unclassified', { shownBy: 'order', problem: null }))
  expect(cause).toContain('never read the authorization')
  expect(said).toBeNull()
  expect(only(unvalidated('firewall')).cause).not.toContain('never read')
})

test('validation-failed: ends when this client validates the name, or anybody is issued it', () => {
  const alert = only(unvalidated('firewall', { names: ['a.example', 'b.example'] }))
  expect(ends(validated({ names: ['b.example'] }), alert)).toBe(true)
  expect(ends(validated({ names: ['c.example'] }), alert)).toBe(false)
  expect(ends(validated({ names: ['b.example'], client: OTHER }), alert)).toBe(false)
  expect(ends(issued({ names: ['x.example', 'a.example'], client: OTHER }), alert)).toBe(true)
  expect(ends(issued({ names: ['x.example'] }), alert)).toBe(false)
})

test('issuance-failed: what keeps a client from a certificate, by class and names', () => {
  const alert = only(failed('name-refused'))
  expect(alert).toMatchObject({
    rule: 'issuance-failed',
    key: `letsencrypt ${CLIENT.id} name-refused www.example.com`,
    title: 'www.example.com: newOrder failed at letsencrypt (name-refused)',
  })
  expect(ends(issued({ client: OTHER }), alert)).toBe(true)
  expect(ends(ordered(), alert)).toBe(false)
})

test('issuance-failed: one alert for what is wrong with the client or the CA; an order of it ends it', () => {
  const alert = only(failed('account-unknown', { names: [] }))
  expect(only(failed('external-account-required', { operation: 'newAccount' })).key).toBe(alert.key)
  expect(ends(ordered({ names: ['other.example'] }), alert)).toBe(true)
  expect(ends(ordered({ client: OTHER }), alert)).toBe(false)
  const ofCa = only(failed('ca-certificate', { outcome: 'failed' }))
  expect(only(failed('ca-certificate', { outcome: 'failed', client: OTHER, names: ['x.example'] })).key).toBe(
    ofCa.key,
  )
  expect(ends(ordered({ client: OTHER }), ofCa)).toBe(true)
})

test.each([
  ['a nonce that was used', failed('bad-nonce')],
  ['alreadyReplaced', failed('replaces-refused')],
  ['finalized twice', failed('order-not-ready', { operation: 'finalize' })],
  ['a POST-as-GET of an order that is gone', failed('not-found', { operation: 'order', status: 404 })],
  ['an algorithm that the CA does not have', failed('bad-signature', algorithm())],
  ['a revocation', failed('revocation-refused', { operation: 'revokeCert' })],
  ['a key that another account has', failed('bad-key', { operation: 'keyChange', status: 409 })],
  ['one error of the CA', failed('ca-internal', { status: 500 })],
  ['one time-out', failed('ca-unreachable', { outcome: 'failed', status: null, problem: null })],
  ['a restart of acmetap', failed('interrupted', { outcome: 'unknown', status: null, problem: null })],
  ['a directory that is not there', failed('ca-answer', { operation: 'directory' })],
])('nobody is told of %s', (_, happening) => {
  expect(begun(happening)).toEqual([])
})

function algorithm() {
  return { problem: { type: 'urn:ietf:params:acme:error:badSignatureAlgorithm', detail: 'RS1' } }
}

test('issuance-failed: nearly the same that is told', () => {
  expect(begun(failed('bad-signature'))).toHaveLength(1)
  expect(begun(failed('not-found', { operation: 'finalize', status: 404 }))).toHaveLength(1)
  expect(begun(failed('ca-internal', { operation: 'order', shownBy: 'order' }))).toHaveLength(1)
})

test('issuance-failed: a storm of nonces, of one client within ten minutes', () => {
  const asked: [string, number][] = []
  const refused = (count: number) => ({
    refusedNonces(client: string, since: number) {
      asked.push([client, since])
      return count
    },
  })
  expect(begun(failed('bad-nonce'), refused(9))).toEqual([])
  const alert = only(failed('bad-nonce'), refused(10))
  expect(alert).toMatchObject({ rule: 'issuance-failed', subject: { details: { class: 'nonce-storm' } } })
  expect(alert.cause).toBe('One client is refused nonces again and again.')
  expect(asked).toEqual(Array(2).fill([CLIENT.id, NOW - 10 * 60_000]))
  expect(begun(failed('bad-nonce', { client: null }), refused(99))).toEqual([])
})

test('limit-hit: by limit and what it counts, and the failure beside it is told by nobody else', () => {
  expect(begun(failed('rate-limit', { status: 429 }))).toEqual([])
  expect(begun(failed('ca-busy', { status: 503 }))).toEqual([])
  const until = new Date(NOW + DAY).toISOString()
  expect(only(limited('CertificatesPerDomain', { key: 'example.com', until }))).toMatchObject({
    rule: 'limit-hit',
    key: 'letsencrypt CertificatesPerDomain example.com',
    title: 'letsencrypt: CertificatesPerDomain for example.com used up, until 2026-03-03 10:00 UTC',
    cause: expect.stringContaining('registered domain (example.com)'),
    remedy: expect.stringContaining('wildcard'),
    until: NOW + DAY + HOUR,
    subject: { details: { limit: 'CertificatesPerDomain', key: 'example.com', by: 'ca' } },
  })
})

test('J19: a CA that says the year 9999 makes no alert that never ends', () => {
  const until = '9999-12-31T00:00:00.000Z'
  const alert = only(limited('CertificatesPerDomain', { key: 'example.com', until }))
  expect(alert.until).toBe(NOW + 31 * DAY + HOUR)
  expect(alert.title).toContain('until 9999-12-31')
})

test('limit-hit: a limit of accounts is one for the account, whoever hits it', () => {
  const alert = only(limited('NewOrdersPerAccount'))
  expect(only(limited('NewOrdersPerAccount', { client: OTHER, names: ['b.example'] })).key).toBe(alert.key)
  expect(ends(ordered({ names: ['c.example'] }), alert)).toBe(true)
  expect(ends(ordered({ names: ['c.example'], account: { id: 'b'.repeat(16), url: 'x' } }), alert)).toBe(
    false,
  )
})

test('limit-hit: a limit of names ends with an order that has one of them', () => {
  const alert = only(limited('CertificatesPerFQDNSet'))
  expect(ends(ordered({ client: OTHER }), alert)).toBe(true)
  expect(ends(ordered({ names: ['other.example'] }), alert)).toBe(false)
})

test('limit-hit: a busy CA took one request: it may be busy still', () => {
  const alert = only(limited('unknown', { status: 503 }))
  expect(alert).toMatchObject({ key: 'letsencrypt busy -', title: 'letsencrypt is busy', until: NOW + HOUR })
  expect(ends(ordered(), alert)).toBe(false)
})

test('limit-hit: acmetap’s own pacing says that it was acmetap', () => {
  const alert = only(limited('pacing', { by: 'acmetap', status: 503 }))
  expect(alert.cause).toContain('acmetap held the request back')
  expect(begun(failed('acmetap-busy', { outcome: 'refused', details: { rule: 'paced-out' } }))).toEqual([])
})

test('account-paused: by account and names, critical, and without the link', () => {
  const link = 'https://letsencrypt.org/sfe/v1/unpause?jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2VjcmV0'
  const detail = `Your account is paused for www.example.com. Please visit: ${link} to unpause.`
  const problem = { type: 'urn:ietf:params:acme:error:rateLimited', detail }
  const alert = only(failed('account-paused', { status: 429, problem }))
  expect(alert).toMatchObject({
    rule: 'account-paused',
    severity: 'critical',
    key: `letsencrypt ${ACCOUNT.url} www.example.com`,
    until: NOW + 30 * DAY,
  })
  expect(JSON.stringify(alert)).not.toMatch(/jwt|eyJ|sfe/)
  expect(alert.said).toContain('www.example.com')
  expect(ends(ordered({ client: OTHER }), alert)).toBe(true)
  expect(ends(validated(), alert)).toBe(true)
  expect(ends(ordered({ names: ['other.example'] }), alert)).toBe(false)
})

test('refused: by client and rule of the refusal, whatever was asked for', () => {
  const refusal = { outcome: 'refused', details: { rule: 'names' } }
  const alert = only(failed('refused-by-acmetap', refusal))
  expect(alert).toMatchObject({
    rule: 'refused',
    key: `letsencrypt ${CLIENT.id} names`,
    group: 'names',
    until: NOW + DAY,
    title: 'www.example.com: acmetap refused newOrder (rule names)',
  })
  expect(only(failed('refused-by-acmetap', { ...refusal, names: ['x.example'] })).key).toBe(alert.key)
  expect(ends(ordered(), alert)).toBe(true)
  expect(ends(ordered({ client: OTHER }), alert)).toBe(false)
  const stranger = { ...refusal, ca: null, client: null, account: null, names: [], operation: 'tunnel' }
  expect(begun(failed('refused-by-acmetap', { ...stranger, details: { rule: 'other-host' } }))).toEqual([
    'refused: - - other-host',
  ])
})

test('refused: a no of the policy says its rule, its words and how to see why; one for a client and a rule', () => {
  const detail = 'policy rule unknown-host denies www.example.com: not here; ask web@example.com'
  const problem = { type: 'urn:ietf:params:acme:error:rejectedIdentifier', detail }
  const given = { outcome: 'refused', details: { rule: 'unknown-host' }, problem }
  const alert = only(failed('policy-denied', given))
  expect(alert).toMatchObject({
    rule: 'refused',
    key: `letsencrypt ${CLIENT.id} policy rule unknown-host`,
    group: 'policy rule unknown-host',
    title: 'www.example.com: the policy denied newOrder (rule unknown-host)',
    cause: 'The policy denies what was asked for (rule unknown-host).',
    said: detail,
    fixer: 'client',
    subject: { names: ['www.example.com'], details: { class: 'policy-denied', rule: 'unknown-host' } },
  })
  expect(alert.remedy).toContain('acmetap policy explain ID')
  expect(only(failed('policy-denied', { ...given, names: ['x.example'] })).key).toBe(alert.key)
  const ofOurOwn = only(failed('refused-by-acmetap', given))
  expect([ofOurOwn.key, ofOurOwn.group]).not.toEqual([alert.key, alert.group])
  expect(begun(failed('policy-denied', { ...given, details: { rule: 'paced-out' } }))).toHaveLength(1)
  expect(ends(ordered(), alert)).toBe(true)
})

test('policy-warned: one for a client and each rule that spoke, over after a day', () => {
  const [first, second, ...others] = signals(warned()).occurrences
  expect(others).toEqual([])
  expect(first).toMatchObject({
    rule: 'policy-warned',
    key: `letsencrypt ${CLIENT.id} soon-forbidden`,
    severity: 'warning',
    group: 'soon-forbidden',
    title: 'www.example.com: the policy warns of newOrder (rule soon-forbidden)',
    said: 'use your own zone',
    until: NOW + DAY,
    isNotice: false,
    subject: { names: ['www.example.com'], details: { rule: 'soon-forbidden', operation: 'newOrder' } },
  })
  expect(first?.remedy).toContain('acmetap policy explain ID')
  expect(second?.key).toBe(`letsencrypt ${CLIENT.id} weak-key`)
  const key = (given: Parameters<typeof warned>[0]) => signals(warned(given)).occurrences[0]?.key
  expect(key({ names: ['x.example'], operation: 'finalize' })).toBe(first?.key)
  expect(key({ client: OTHER })).not.toBe(first?.key)
  expect(begun(warned({ warnings: [] }))).toEqual([])
})

test('keys are bounded and the same for the same names in any order', () => {
  const names = Array.from({ length: 100 }, (_, n) => `${'a'.repeat(60)}${n}.example`)
  const one = only(unvalidated('firewall', { names }))
  expect(one.key.length).toBeLessThan(400)
  expect(only(unvalidated('firewall', { names: [...names].reverse() })).key).toBe(one.key)
  expect(one.subject.nameCount).toBe(100)
  expect(ends(validated(), occurrence())).toBe(false)
})

test('another CA, of tests or to fall back on, or another account ends nothing', () => {
  const ca = 'letsencrypt-staging'
  const account = { id: 'b'.repeat(16), url: 'https://ca.example/acct/2' }
  const unvalid = only(unvalidated('firewall'))
  expect(ends(issued({ ca }), unvalid)).toBe(false)
  expect(ends(validated({ ca }), unvalid)).toBe(false)
  expect(ends(issued({ ca }), only(failed('caa')))).toBe(false)
  const alert = only(limited('CertificatesPerDomain', { key: 'example.com' }))
  expect(ends(ordered({ ca: 'zerossl' }), alert)).toBe(false)
  expect(ends(ordered({ account }), alert)).toBe(false)
  expect(ends(ordered(), alert)).toBe(true)
  const paused = only(failed('account-paused'))
  expect(ends(ordered({ ca: 'zerossl' }), paused)).toBe(false)
  expect(ends(ordered({ account }), paused)).toBe(false)
  expect(ends(ordered(), paused)).toBe(true)
})
