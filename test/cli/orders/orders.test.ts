import { createColors } from 'picocolors'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { orderDetail } from '../../../src/audit/inventory/order.ts'
import { renderOrder } from '../../../src/cli/orders/render-order.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { aChallenge, aDiagnosis, anOrder, aStep } from '../../support/inventoried.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const NOW = Date.UTC(2026, 10, 22, 1, 22, 25) * 1000
const EVIL = '\u001b[2J\u202eevil\nline'
const ERROR = {
  type: 'urn:ietf:params:acme:error:unauthorized',
  detail: 'Non-200 status code from HTTP: http://www.example.com/.well-known/acme-challenge/x returned 404',
}
const DIAGNOSIS = aDiagnosis({
  remedy: 'Mend it. acmetap doctor domain NAME shows what can be seen from here.',
})

function terminal(columns: number): Terminal {
  return {
    env: {},
    columns,
    colors: createColors(false),
    folder: '/',
    now: () => NOW,
    write: () => undefined,
    warn: () => undefined,
  }
}

const AUTHORIZATION = {
  id: '9'.repeat(16),
  url: 'https://localhost:8443/authZ/1',
  identifier: { type: 'dns', value: 'www.example.com' },
  wildcard: false,
  status: 'valid',
  expires: null,
  reused: false,
  challenges: [aChallenge(), aChallenge({ type: 'dns-01', status: 'pending' })],
}

const issued = anOrder({
  authorizations: [AUTHORIZATION],
  updatedAt: '2026-11-22T01:20:30.500Z',
  timeline: [
    aStep(0, 'newOrder', { status: 201, objectStatus: 'pending' }),
    aStep(0.1, 'authorization', { objectStatus: 'pending' }),
    aStep(0.2, 'challenge', { challengeType: 'http-01', objectStatus: 'pending' }),
    aStep(3.2, 'authorization', { objectStatus: 'valid' }),
    aStep(3.3, 'finalize', { objectStatus: 'processing' }),
    aStep(5.5, 'certificate', { duration: null, outcome: null, status: null }),
  ],
})

const failed = anOrder({
  status: 'invalid',
  updatedAt: '2026-11-22T01:20:26.900Z',
  certificate: null,
  certificateUrl: null,
  error: ERROR,
  diagnosis: DIAGNOSIS,
  authorizations: [{ ...AUTHORIZATION, status: 'invalid', challenges: [aChallenge({ status: 'invalid' })] }],
  timeline: [
    aStep(0, 'newOrder', { status: 201, objectStatus: 'pending' }),
    aStep(0.2, 'challenge', { challengeType: 'http-01', objectStatus: 'pending' }),
    aStep(1.5, 'authorization', { objectStatus: 'invalid', problem: ERROR, diagnosis: DIAGNOSIS }),
    aStep(1.8, 'authorization', { objectStatus: 'invalid', problem: ERROR, diagnosis: DIAGNOSIS }),
  ],
})

test('the fixtures are what the inventory gives', () => {
  for (const order of [issued, failed]) expect(orderDetail.parse(order)).toEqual(order)
})

test('an issuance is a timeline with offsets, waiting and the result', () => {
  expect(renderOrder(terminal(80), issued)).toBe(`order dddddddddddddddd  valid
  names     www.example.com
  asked by  CertbotACMEClient from 192.0.2.7
  account   https://localhost:8443/acct/1
  ca        pebble
  url       https://localhost:8443/my-order/1

authorizations
  www.example.com  valid        http-01 valid, dns-01 pending

steps  from 2026-11-22T01:20:25.000Z
    +0.0 s  newOrder                201 pending           12 ms
    +0.1 s  authorization           200 pending           12 ms
    +0.2 s  challenge http-01       200 pending           12 ms
            ⋮ 3.0 s without a request
    +3.2 s  authorization           200 valid             12 ms
    +3.3 s  finalize                200 processing        12 ms
            ⋮ 2.2 s without a request
    +5.5 s  certificate             running                   -

result
  certificate delivered after 5.5 s. See it: acmetap certificates show
  ${'e'.repeat(64)}
`)
})

test('a validation that failed is told in words under its step, once', () => {
  const text = renderOrder(terminal(80), failed)
  expect(
    text.slice(text.indexOf('    +1.5 s')),
  ).toBe(`    +1.5 s  authorization           200 invalid           12 ms
            └ why   The web server answers 404 where the CA looks for the file
                    of the challenge. (http-not-found)
              said  unauthorized: Non-200 status code from HTTP:
                    http://www.example.com/.well-known/acme-challenge/x returned
                    404
            → do    Mend it. acmetap doctor domain www.example.com --ca pebble
                    shows what can be seen from here.
              who   who runs the host of the name
    +1.8 s  authorization           200 invalid           12 ms
            └ as above

result
  no certificate: it failed after 1.9 s
  The web server answers 404 where the CA looks for the file of the challenge.
  (http-not-found, see above)
`)
})

test('a hundred names go on below themselves', () => {
  const identifiers = Array.from({ length: 100 }, (_, n) => ({ type: 'dns', value: `host${n}.example.com` }))
  const text = renderOrder(terminal(80), anOrder({ ...issued, identifiers }))
  expect(text).toContain(
    '  names     host0.example.com, host1.example.com, host2.example.com,\n            host3.',
  )
  for (const line of text.split('\n')) expect([...line].length).toBeLessThanOrEqual(80)
})

test('steps of several names say which', () => {
  const several = anOrder({
    ...issued,
    identifiers: [AUTHORIZATION.identifier, { type: 'dns', value: 'b.test' }],
  })
  expect(renderOrder(terminal(80), several)).toContain('200 valid             12 ms  www.example.com\n')
})

test.each([80, 120, 200])('it fits %i columns, and hostile data shows only itself', (columns) => {
  const long = { type: 'dns', value: `${'label.'.repeat(40)}test` }
  const hostile = anOrder({
    ...failed,
    identifiers: [long],
    client: { id: 'c'.repeat(16), program: 'x', source: null, label: null },
    status: 'invalid',
    authorizations: [
      { ...AUTHORIZATION, identifier: long, status: 'invalid' },
      { ...AUTHORIZATION, identifier: { type: 'dns', value: EVIL }, wildcard: true },
    ],
    timeline: failed.timeline.map((step) => ({
      ...step,
      about: [EVIL, long.value],
      objectStatus: EVIL.repeat(4),
      problem: step.problem && { type: EVIL, detail: `${EVIL.repeat(10)} ${'x'.repeat(300)}` },
    })),
  })
  const text = renderOrder(terminal(columns), hostile)
  expect(text).not.toMatch(/[\u001b\u202e]/)
  const lines = text.split('\n').filter((line) => !/^ {2}(names|url|account) /.test(line))
  for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns)
})

test('what is not finished, not kept or told by time alone is said', () => {
  const idle = anOrder({
    status: 'pending',
    certificate: null,
    requests: 3,
    diagnosis: aDiagnosis({ class: 'challenge-not-answered', cause: 'Nobody answered.', fixer: 'client' }),
  })
  const text = renderOrder(terminal(80), idle)
  for (const part of [
    'requested  3 times; the CA gave the same order again',
    'dropped    in 6d, if it is not finished',
    'its exchanges are not kept any more',
    'no certificate\n  └ why   Nobody answered. (challenge-not-answered)',
    'who   who runs the ACME client',
  ]) {
    expect(text).toContain(part)
  }
  expect(renderOrder(terminal(80), anOrder({ certificate: null }))).toContain(
    'issued, and not downloaded yet',
  )
})

describe('orders show', () => {
  let operations: FakeOperations
  let over: Over
  beforeEach(() => {
    operations = new FakeOperations()
    over = runOver(operations, NOW)
    operations.inventory.orderList = [failed]
  })
  afterEach(() => over.end())

  test.each([failed.id, failed.url, 'www.example.com'])('by %s', async (words) => {
    const { code, out } = await over.run(['orders', 'show', words], { columns: 80 })
    expect([code, out]).toEqual([0, renderOrder(terminal(80), failed)])
    const { out: json } = await over.run(['orders', 'show', words, '--json'])
    expect(JSON.parse(json)).toEqual(failed)
  })

  test('of a name the newest, even where the first pages are empty', async () => {
    operations.inventory.orders = async (filter: object) => {
      const { cursor } = filter as { cursor?: string }
      return cursor === undefined ? { items: [], next: '1' } : { items: [failed], next: null }
    }
    expect((await over.run(['orders', 'show', 'www.example.com'])).out).toContain(`order ${failed.id}`)
  })

  test('there is none', async () => {
    operations.inventory.orderList = []
    const { code, err } = await over.run(['orders', 'show', 'b.test'])
    expect([code, err]).toEqual([
      1,
      'error: there is no order b.test in this record\nList them with: acmetap orders\n',
    ])
  })
})
