import { afterEach, beforeEach, expect, test } from 'vitest'
import { brokerOrderExample, brokerStatusExample } from '../../../src/api/broker-examples.ts'
import { type BrokerCommands, brokerCommands } from '../../support/broker/broker-commands.ts'

let commands: BrokerCommands
beforeEach(async () => {
  commands = await brokerCommands('server')
})
afterEach(() => commands.end())
const broker = (...words: string[]) => commands.run('broker', ...words)

test('status shows directories, how CAs stand and why, and drills', async () => {
  const { code, out } = await broker('status', '--utc')
  expect(code).toBe(0)
  expect(out).toMatch(
    /fleet +https:\/\/acme\.example\.net\/fleet\/directory +both, EAB required +letsencrypt zerossl +1/,
  )
  expect(out).toMatch(/https:\/\/acme\.example\.net\/fleet\/~team-a\/directory +label team-a/)
  expect(out).toMatch(
    /letsencrypt +ACME +left alone +2026-11-22T01:30:25Z +answered 503 three times in a row/,
  )
  expect(out).toMatch(/zerossl +ACME +good +- +-/)
  expect(out).toMatch(/Drills\nCA +FOR +ENDS\nletsencrypt +team-a/)
  expect(out).toMatch(/1 order is open\n$/)
  expect(JSON.parse((await broker('status', '--json')).out)).toEqual(brokerStatusExample)
})

test('orders show where they are, and where they were tried', async () => {
  const { out } = await broker('orders', '--open', '--ca', 'zerossl', '--endpoint', 'fleet')
  expect(commands.operations.broker.calls).toEqual([
    ['orders', { limit: 50, endpoint: 'fleet', ca: 'zerossl', open: true }],
  ])
  expect(out).toMatch(/www\.a\.example +team-a +processing +zerossl/)
  expect(out).toContain(`${brokerOrderExample.id}  left letsencrypt: answered 503`)
  expect((await broker('orders', '--limit', '0')).code).toBe(2)
})

test('what CAs and clients wrote cannot paint the terminal', async () => {
  commands.operations.broker.orderList = [
    { ...brokerOrderExample, error: 'no\u001b[31m', left: [{ ca: 'x', why: '\u202egone' }] },
  ]
  const { out } = await broker('orders')
  expect(out).not.toMatch(/[\u001b\u202e]/)
})

test('a drill begins, is shown, and ends', async () => {
  const started = await broker('drill', 'start', '--ca', 'letsencrypt', '--label', 'team-a', '--for', '10m')
  expect(started.out).toBe('letsencrypt is taken for dead until 2026-11-22T01:30:25.000Z, for team-a\n')
  const { calls } = commands.operations.broker
  expect(calls.at(-1)!.slice(0, 2)).toEqual([
    'startDrill',
    { ca: 'letsencrypt', for: 600, labels: ['team-a'] },
  ])
  expect((await broker('drill', 'start', '--ca', 'zerossl')).out).toMatch(/for everybody\n$/)
  expect((await broker('drill', 'stop', '--ca', 'zerossl')).out).toBe('the drill of zerossl has ended\n')
  expect((await broker('drill', 'stop')).out).toBe('the drill of letsencrypt has ended\n')
  expect((await broker('drill', 'stop')).err).toBe('there was no drill\n')
})

test.each([['0m'], ['25h'], ['x'], ['-1m']])('a drill of %s is a mistake', async (time) => {
  const { code, err } = await broker('drill', 'start', '--ca', 'letsencrypt', `--for=${time}`)
  expect([code, err]).toEqual([2, expect.stringMatching(/--for .* at most 24h/)])
})

test('without a server the state is known to nobody, and that is said', async () => {
  const alone = await brokerCommands('offline')
  for (const words of [['status'], ['orders'], ['drill', 'stop']])
    expect((await alone.run('broker', ...words)).err).toMatch(/needs a running server/)
  await alone.end()
})
