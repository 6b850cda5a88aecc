import { afterEach, beforeEach, expect, test } from 'vitest'
import { failure } from '../../../src/audit/inventory/failure.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { aChallenge, aDiagnosis, aFailure } from '../../support/inventoried.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const NOW = Date.UTC(2026, 10, 22, 1, 22, 25) * 1000
const EVIL = '\u001b[2J\u202eevil\nline'

let operations: FakeOperations
let over: Over
beforeEach(() => {
  operations = new FakeOperations()
  over = runOver(operations, NOW)
})
afterEach(() => over.end())

const servfail = aDiagnosis({
  class: 'servfail',
  cause: 'The name servers answer SERVFAIL.',
  remedy: 'Ask the name servers.',
  fixer: 'dns',
  details: { resolver: 'ns1.example.net' },
})
/** 37 names behind one resolver, and one failure beside them. */
const fleet = () => [
  aFailure(),
  ...Array.from({ length: 37 }, (_, n) =>
    aFailure({
      id: n.toString(16).padStart(16, '0'),
      at: `2026-11-22T01:${String(19 - (n % 18)).padStart(2, '0')}:00.000Z`,
      names: [`host${n}.site${n}.test`],
      challengeType: 'dns-01',
      client: null,
      account: null,
      diagnosis: servfail,
    }),
  ),
]

test('the fixture is what the inventory gives', () => {
  expect(failure.parse(aFailure())).toEqual(aFailure())
})

test('one failure: why, what was said, what to do, who can do it, and where to read on', async () => {
  operations.inventory.failureList = [
    aFailure({ diagnosis: aDiagnosis({ remedy: 'Mend it. acmetap doctor domain NAME shows more.' }) }),
  ]
  const { code, out, err } = await over.run(['failures'], { columns: 80 })
  expect([code, err]).toEqual([0, ''])
  expect(out).toBe(`the newest failure

2m ago  blog.example.com  http-01  by CertbotACMEClient  ffffffffffffffff
  └ why   The web server answers 404 where the CA looks for the file of the
          challenge. (http-not-found)
    said  unauthorized: Non-200 status code from HTTP: http://blog.example.com/x
          returned 404
  → do    Mend it. acmetap doctor domain blog.example.com --ca pebble shows
          more.
    who   who runs the host of the name

One in full:  acmetap failures show ffffffffffffffff
Step by step: acmetap orders show dddddddddddddddd
`)
})

test('what fails most comes first, with what it has in common; a remedy is told once', async () => {
  operations.inventory.failureList = fleet()
  const { out, err } = await over.run(['failures'], { columns: 80 })
  expect(out.split('\n').slice(0, 8)).toEqual([
    'what fails most  38 failures in the last 7 days',
    '',
    '■ 37 names, one resolver (ns1.example.net), since 01:02; the last 3m ago',
    expect.stringMatching(/^ {2}└ why {3}/),
    expect.any(String),
    expect.any(String),
    expect.any(String),
    expect.any(String),
  ])
  expect(out).toMatch(/\n {4}e\.g\. {2}acmetap failures show 0{14}[0-9a-f]{2}\n/)
  expect(out.match(/^2m ago|^3m ago/gm)).toHaveLength(2)
  expect(out.match(/do {4}Ask the name servers\./g)).toHaveLength(1)
  expect(out.match(/do {4}as above/g)).toHaveLength(8)
  expect(err).toBe('more: --limit or --all\n')
  for (const line of out.split('\n')) expect([...line].length).toBeLessThanOrEqual(80)
})

test('the last 7 days are meant where no time is named', async () => {
  await over.run(['failures'])
  expect(operations.inventory.calls).toEqual([['failures', { limit: 1000, since: NOW - 7 * 86_400_000_000 }]])
  await over.run(['failures', '--since', '90d', 'www.example.com'])
  expect(operations.inventory.calls[1]![1]).toMatchObject({ since: NOW - 90 * 86_400_000_000 })
})

test('for programs: the failures as they are, or what they have in common', async () => {
  operations.inventory.failureList = fleet()
  const list = await over.run(['failures', '--json', '--limit', '3'])
  expect(JSON.parse(list.out)).toEqual(fleet().slice(0, 3))
  expect(list.err).toBe('more: --limit or --all\n')
  const groups = JSON.parse((await over.run(['failures', '--groups', '--json'])).out)
  expect(groups[0]).toMatchObject({ class: 'servfail', names: 37, failures: 37 })
  const words = await over.run(['failures', '--groups'])
  expect(words.out).toContain('37 names, one resolver')
  expect(words.out).not.toContain('the newest')
  const both = await over.run(['failures', '--groups', '--lines'])
  expect([both.code, both.err]).toEqual([2, expect.stringContaining('--groups and --lines')])
})

test('what succeeded nearby tells a server among several; it is asked for name by name', async () => {
  operations.inventory.failureList = [1, 2, 3].map((n) =>
    aFailure({ id: `${n}`.repeat(16), at: `2026-11-22T01:0${n}:00.000Z`, names: ['www.example.com', EVIL] }),
  )
  operations.inventory.challengeList = [
    aChallenge({
      status: 'valid',
      type: 'http-01',
      identifier: { type: 'dns', value: 'www.example.com' },
      judgedAt: '2026-11-22T01:05:00.000Z',
    }),
  ]
  const groups = JSON.parse((await over.run(['failures', '--groups', '--json'])).out)
  expect(groups).toMatchObject([{ class: 'some-backends', failures: 3 }])
  const asked = operations.inventory.calls.filter(([what]) => what === 'challenges')
  expect(asked).toMatchObject([
    ['challenges', { status: 'valid', name: { kind: 'exact', value: 'www.example.com' } }],
  ])
})

test('hostile data shows only itself at every width', async () => {
  operations.inventory.failureList = [1, 2, 3].map((n) =>
    aFailure({
      id: `${n}`.repeat(16),
      names: [EVIL, 'x'.repeat(300)],
      client: { id: 'c'.repeat(16), program: EVIL, source: EVIL, label: EVIL },
      problem: { type: EVIL, detail: EVIL.repeat(5) },
      diagnosis: aDiagnosis({ cause: EVIL, remedy: EVIL, details: { address: EVIL } }),
    }),
  )
  for (const columns of [80, 120, 200]) {
    const { out } = await over.run(['failures'], { columns })
    expect(out).not.toMatch(/[\u001b\u202e]/)
    for (const line of out.split('\n')) expect([...line].length).toBeLessThanOrEqual(columns)
    expect((await over.run(['failures', 'show', '1'.repeat(16)], { columns })).out).not.toMatch(
      /[\u001b\u202e]/,
    )
  }
})

test('failures show, by its id or that of the exchange', async () => {
  const wanted = aFailure({ diagnosis: aDiagnosis({ details: { address: '192.0.2.1', status: '404' } }) })
  operations.inventory.failureList = [aFailure({ id: '0'.repeat(16), exchange: 'other' }), wanted]
  operations.inventory.pageSize = 1
  for (const id of [wanted.id, wanted.exchange]) {
    const { code, out } = await over.run(['failures', 'show', id])
    expect(code).toBe(0)
    for (const part of [
      'failure ffffffffffffffff  http-not-found',
      'when      2026-11-22T01:20:25.000Z (2m ago)',
      'details\n  address  192.0.2.1\n  status   404\n',
      'acmetap orders show dddddddddddddddd',
      'acmetap exchanges show 019ab003-0000-7000-8000-000000000000 --bodies',
    ]) {
      expect(out).toContain(part)
    }
    expect(JSON.parse((await over.run(['failures', 'show', id, '--json'])).out)).toEqual(wanted)
  }
  const none = await over.run(['failures', 'show', 'a'.repeat(16)])
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('there is no failure aaaa')])
})
