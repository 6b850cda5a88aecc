import { expect, test } from 'vitest'
import { groupByIssuance } from '../../src/cli/group-by-issuance.ts'
import { renderTimeline } from '../../src/cli/timeline.ts'
import { recorded } from '../support/recorded-exchange.ts'

const PREFIX = 'urn:ietf:params:acme:error:'
const about = (name: string, issuance: string) => ({ issuance, identifiers: [{ type: 'dns', value: name }] })
const problem = (type: string, detail: string, subproblems: unknown[] = []) => ({
  type: PREFIX + type,
  detail,
  subproblems,
})

const run = [
  recorded({ sequence: 1, operation: 'directory', request: { method: 'GET' } }),
  recorded({
    sequence: 3,
    operation: 'newAccount',
    outcome: { status: 201, account: 'https://localhost:8443/acct/1' },
  }),
  recorded({
    sequence: 5,
    operation: 'newOrder',
    intent: about('a.test', 'A'),
    outcome: { status: 201, objectStatus: 'pending' },
  }),
  recorded({ sequence: 7, operation: 'newNonce' }),
  recorded({ sequence: 8, operation: 'newNonce', client: { userAgent: 'Other/2' } }),
  recorded({ sequence: 9, operation: 'challenge', intent: about('a.test', 'A') }),
  recorded({
    sequence: 11,
    operation: 'authorization',
    intent: about('a.test', 'A'),
    outcome: { objectStatus: 'invalid', objectError: problem('connection', 'nobody answers at a.test') },
  }),
  recorded({ sequence: 13, operation: 'newOrder', intent: about('b.test', 'B'), outcome: { status: 201 } }),
  recorded({ sequence: 15, operation: 'certificate', intent: about('b.test', 'B') }),
  recorded({
    sequence: 17,
    operation: 'newOrder',
    intent: {
      ...about('c.test', 'C'),
      decision: {
        effect: 'deny',
        rule: 'ambiguous-request',
        ambiguities: [{ kind: 'duplicate-member', where: 'payload.x' }],
      },
    },
    outcome: { outcome: 'refused', status: 400, problem: problem('malformed', 'said twice') },
  }),
  recorded({
    sequence: 19,
    operation: 'order',
    intent: about('d.test', 'D'),
    outcome: { outcome: 'failed', status: 502, failure: { cause: 'reset', message: 'gone' } },
  }),
  recorded({ sequence: 21, operation: 'order', intent: about('d.test', 'D'), outcome: null }),
]

test('what a client did on its way belongs to its issuance; what others did stands apart', () => {
  const groups = groupByIssuance([...run].reverse())
  expect(groups.map(({ id, exchanges }) => [id, exchanges.map(({ intent }) => intent.sequence)])).toEqual([
    ['A', [1, 3, 5, 7, 9, 11]],
    [null, [8]],
    ['B', [13, 15]],
    ['C', [17]],
    ['D', [19, 21]],
  ])
})

test('what led up to it long ago does not belong to it', () => {
  const groups = groupByIssuance([
    recorded({ sequence: 1, operation: 'directory' }),
    recorded({ sequence: 200, operation: 'newOrder', intent: about('a.test', 'A') }),
  ])
  expect(groups.map(({ id }) => id)).toEqual([null, 'A'])
})

test('what knows an authorization or a certificate alone belongs to the order that another instance names with it', () => {
  const [order, authorization, certificate] = ['/o/1', '/z/1', '/c/1'].map((path) => `https://ca.test${path}`)
  const of = (name: string) => ({ client: { userAgent: name } })
  const exchanges = [
    recorded({
      sequence: 1,
      operation: 'newOrder',
      intent: about('a.test', 'A'),
      outcome: { status: 201, order: order! },
      ...of('one'),
    }),
    recorded({
      sequence: 3,
      operation: 'authorization',
      intent: { order: order!, authorization: authorization! },
      ...of('one'),
    }),
    recorded({
      sequence: 5,
      operation: 'unrecognised',
      outcome: { operation: 'challenge', authorization: authorization! },
      ...of('two'),
    }),
    recorded({ sequence: 7, operation: 'order', outcome: { order: order!, certificate: certificate! } }),
    recorded({
      sequence: 9,
      operation: 'unrecognised',
      outcome: { operation: 'certificate', certificate: certificate! },
      ...of('three'),
    }),
  ]
  expect(groupByIssuance(exchanges).map(({ id, exchanges: { length } }) => [id, length])).toEqual([['A', 5]])

  // Once a second order has the authorization too, it tells nothing.
  const second = recorded({
    sequence: 4,
    operation: 'authorization',
    intent: { order: 'https://ca.test/o/2', authorization: authorization! },
    ...of('four'),
  })
  expect(
    groupByIssuance([...exchanges, second]).map(({ id, exchanges: { length } }) => [id, length]),
  ).toEqual([
    ['A', 4],
    ['https://ca.test/o/2', 1],
    [null, 1],
  ])
})

test('the timeline reads as what happened', () => {
  const lines = renderTimeline(run, { columns: 120 }).split('\n')
  expect(lines[0]).toBe(
    '2026-11-22  a.test  (pebble)  account https://localhost:8443/acct/1  → validation failed',
  )
  expect(lines[1]).toMatch(/^ {2}01:20:26\.000 {2}Tester\/1\.0 +directory +localhost:8443 +200 +12 ms$/)
  expect(lines[2]).toMatch(/newAccount +https:\/\/localhost:8443\/acct\/1 +201 +12 ms$/)
  expect(lines[3]).toMatch(/newOrder +a\.test +201 pending +12 ms$/)
  expect(lines.filter((line) => line.includes('→')).map((line) => line.split('→ ')[1])).toEqual([
    'validation failed',
    'certificate delivered',
    'not ordered',
    'not finished',
  ])
  expect(lines.filter((line) => line.includes('└')).map((line) => line.trim())).toEqual([
    '└ connection: nobody answers at a.test',
    '└ malformed: said twice',
    '└ ambiguous: duplicate-member at payload.x',
    '└ reset: gone',
  ])
  expect(lines.some((line) => /order .* failed reset/.test(line))).toBe(true)
  expect(lines.some((line) => /order .* running .* -$/.test(line))).toBe(true)
})

test.each([1, 40, 80, 82, 83, 100])('a terminal of %i columns shows every exchange', (columns) => {
  const lines = renderTimeline(run, { columns }).split('\n')
  expect(lines.filter((line) => /^ {2}\d\d:/.test(line))).toHaveLength(run.length)
  expect(lines[3]).toMatch(/newOrder +a\.test +201 pending +12 ms$/)
})

test('without a terminal nothing is cut', () => {
  const name = `${'very-'.repeat(30)}long.example`
  const text = renderTimeline([recorded({ sequence: 1, operation: 'newOrder', intent: about(name, 'A') })], {
    columns: Number.POSITIVE_INFINITY,
  })
  expect(text.split('\n')[1]).toContain(name)
})

test('subproblems and Retry-After have their own lines', () => {
  const text = renderTimeline([
    recorded({
      sequence: 1,
      operation: 'newOrder',
      outcome: {
        status: 429,
        retryAfter: 60,
        problem: problem('rateLimited', 'slow down', [
          { type: `${PREFIX}caa`, detail: 'forbidden', identifier: { type: 'dns', value: 'x.test' } },
          'rubbish',
        ]),
      },
    }),
  ])
  expect(
    text
      .split('\n')
      .filter((line) => line.includes('└'))
      .map((line) => line.trim()),
  ).toEqual([
    '└ rateLimited: slow down',
    '└ x.test: caa: forbidden',
    '└ problem: no detail',
    '└ retry after 60 s',
  ])
})

test('data cannot act on the terminal, whatever field it comes in', () => {
  const evil = '\u001b]0;owned\u0007\n\u202e\u009b2J'
  const text = renderTimeline([
    recorded({
      sequence: 1,
      operation: 'newOrder',
      client: { userAgent: evil },
      request: { target: evil, authority: evil },
      intent: { ca: evil, account: evil, ...about(evil, evil) },
      outcome: {
        status: 400,
        objectError: problem(evil, evil, [{ type: evil, detail: evil, identifier: { value: evil } }]),
        problem: { type: evil, detail: evil, subproblems: [] },
        failure: { cause: evil, message: evil },
      },
    }),
  ])
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  expect(
    text
      .split('\n')
      .filter((line) => line !== '')
      .every((line) => /^(2026| {2}01:| {2,}└)/.test(line)),
  ).toBe(true)
})
