import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { alertExample, channelExample, deliveryExample } from '../../../src/api/alert-examples.ts'
import { type ControlSocket, openControlSocket } from '../../../src/api/control-socket.ts'
import { FilterRefused } from '../../../src/audit/inventory/values.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const NOW = Date.parse('2026-11-22T02:00:00.000Z') * 1000
const EVIL = '\u001b[2J\u202eevil\nsecond line'

let operations: FakeOperations
let over: Over
let socket: ControlSocket
beforeEach(async () => {
  operations = new FakeOperations()
  operations.alerts.alertList = [alertExample]
  operations.alerts.deliveryList = [deliveryExample]
  operations.channelStates = [channelExample]
  over = runOver(operations, NOW)
  socket = await openControlSocket(operations, join(over.folder, 'data'), () => undefined)
})
afterEach(async () => {
  await socket.close()
  over.end()
})

const run = (...words: string[]) => over.run(words)
const asked = () => operations.alerts.calls.at(-1)!

test('alerts lists what fires, and takes a name without an option', async () => {
  const { code, out } = await run('alerts')
  expect(code).toBe(0)
  expect(asked()[1]).toMatchObject({ state: 'firing' })
  expect(out).toMatch(/SINCE +SEVERITY +RULE +WHAT/)
  expect(out).toMatch(/39m ago +warning +validation-failed +www\.example\.com.* 5a1e9d3b7c2f4680/)
  await run('alerts', '.example.com', '--state', 'resolved', '--severity', 'critical')
  expect(asked()[1]).toMatchObject({
    state: 'resolved',
    severity: 'critical',
    name: { kind: 'below', value: 'example.com' },
  })
})

test('where nothing fires it says so', async () => {
  operations.alerts.alertList = []
  const { code, out, err } = await run('alerts')
  expect([code, out]).toEqual([0, ''])
  expect(err).toContain('nothing fires. What is over: acmetap alerts --state resolved')
})

test('a silence says how much of what fires it keeps quiet, and has names as certificates do', async () => {
  operations.alerts.alertList = [{ ...alertExample, silenced: '0000000000000001' }, alertExample]
  const { err } = await run('alerts', 'silence', '--name', '.BÜCHER.example', '--for', '2h')
  expect(err).toContain('Of what fires now it keeps quiet: 1.')
  expect(operations.alerts.silenceList[0]).toMatchObject({ name: '.xn--bcher-kva.example' })
})

test('a silence that is refused names the option', async () => {
  operations.silence = async () => {
    throw new FilterRefused('until', 'must be in the future')
  }
  const { code, err } = await run('alerts', 'silence', '--ca', 'pebble', '--for', '2020-01-01T00:00:00Z')
  expect(code).toBe(2)
  expect(err).toContain('--for must be in the future')
})

test('a rule that does not exist is refused with the nearest one', async () => {
  const { code, err } = await run('alerts', '--rule', 'validation-faild')
  expect(code).toBe(2)
  expect(err).toContain('did you mean validation-failed?')
})

test('alerts show tells cause, remedy, evidence and how to silence it', async () => {
  const { out } = await run('alerts', 'show', alertExample.id)
  const plain = out.replaceAll(/\s+/g, ' ')
  expect(plain).toContain(alertExample.cause)
  expect(plain).toContain(alertExample.remedy.slice(0, 40))
  expect(plain).toContain(`acmetap exchanges show ${alertExample.evidence.exchange} --bodies`)
  expect(plain).toContain("--rule validation-failed --key 'letsencrypt c0ffee00c0ffee00 www.example.com'")
  expect(out).toContain('docs/runbooks/validation-failed.md')
  const missing = await run('alerts', 'show', '0'.repeat(16))
  expect([missing.code, missing.out]).toEqual([1, ''])
  expect(missing.err).toContain('there is no alert')
})

test('what a CA or a client wrote does not reach the terminal raw', async () => {
  operations.alerts.alertList = [
    {
      ...alertExample,
      title: EVIL,
      cause: EVIL,
      said: EVIL,
      key: EVIL,
      subject: { ...alertExample.subject, names: [EVIL] },
    },
  ]
  for (const words of [['alerts'], ['alerts', 'show', alertExample.id]]) {
    const { out } = await run(...words)
    expect(out).not.toMatch(/\u001b\[2J|\u202e/)
    expect(out).not.toMatch(/^second line/m)
  }
})

test('a silence is made, listed and ended', async () => {
  const made = await run('alerts', 'silence', '--name', '.example.com', '--for', '2h', '--reason', 'moving')
  expect(made.code).toBe(0)
  expect(operations.calls.at(-1)![1]).toMatchObject({ name: '.example.com', reason: 'moving' })
  const id = operations.alerts.silenceList[0]!.id
  expect(made.err).toContain(`acmetap alerts unsilence ${id}`)
  expect(made.err).toContain('Nothing that fires now matches it.')
  expect((await run('alerts', 'silences')).out).toMatch(/name \.example\.com +moving +local/)
  expect((await run('alerts', 'unsilence', id)).code).toBe(0)
  expect((await run('alerts', 'silences')).err).toContain('no silence holds')
  const again = await run('alerts', 'unsilence', id)
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('no silence')])
})

test.each([
  [['--for', '2h', '--reason', 'x'], 'nothing to match: give at least one of --rule'],
  [['--name', 'a.test', '--for', 'soon', '--reason', 'x'], '--for "soon" must be a time like'],
  [['--rule', 'renewal-overdu', '--for', '2h', '--reason', 'x'], 'did you mean renewal-overdue?'],
  [['--client', 'nobody', '--for', '2h', '--reason', 'x'], '--client "nobody" must be 16 hex digits'],
  [['--name', 'a b', '--for', '2h'], '--name "a b" must be a name like www.example.com'],
  [['--name', 'a.test', '--reason', 'x'], "required option '--for <time>' not specified"],
])('alerts silence %j is refused', async (words, says) => {
  const { code, err } = await run('alerts', 'silence', ...words)
  expect(code).toBe(2)
  expect(err).toContain(says)
  expect(operations.alerts.silenceList).toEqual([])
})

test('alerts history tells what became of notifications', async () => {
  const { out } = await run('alerts', 'history', '--state', 'delivered', '--channel', 'ops')
  expect(asked()).toEqual(['deliveries', expect.objectContaining({ state: 'delivered', channel: 'ops' })])
  expect(out).toMatch(/ops +firing +www\.example\.com.* delivered/)
})

test('alerts channels and alerts test', async () => {
  expect((await run('alerts', 'channels')).out).toMatch(/ops +webhook +0 +ok/)
  expect((await run('alerts', 'test', 'ops')).out).toBe('ops took it: 200 OK\n')
  operations.testChannel = async (channel) => ({ channel, ok: false, detail: 'connection refused' })
  const refused = await run('alerts', 'test', 'ops')
  expect([refused.code, refused.out]).toEqual([1, ''])
  expect(refused.err).toContain('ops did not take it: connection refused')
  expect((await run('alerts', 'test', 'ops', '--json')).code).toBe(1)
})
