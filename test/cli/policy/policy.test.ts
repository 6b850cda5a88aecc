import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ControlSocket, openControlSocket } from '../../../src/api/control-socket.ts'
import { OperationRefused } from '../../../src/api/operations.ts'
import {
  explanationExample,
  policyExample,
  recordedExplanationExample,
  replayExample,
} from '../../../src/api/policy-examples.ts'
import { bundleDigest } from '../../../src/policy/document/bundle-digest.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const NOW = Date.parse('2026-11-22T12:00:00.000Z') * 1000
const RECORD = '019ab003-0000-7000-8000-000000000000'
const EVIL = '\u001b[2J\u202eevil'
const POLICY = `version: 1
mode: enforce
default: deny
rules:
  - name: payments
    when: { names: pay.example.com, not: { client: { label: payments } } }
    effect: deny
    message: '{name} is ordered by the payments team'
    owner: payments
  - name: ours
    when: { names: .example.com }
    effect: allow
  - name: budget
    when: { orders: { per: account, within: 7d, count: '>=5' } }
    effect: warn
`

let operations: FakeOperations
let over: Over
let socket: ControlSocket | null
beforeEach(() => {
  operations = new FakeOperations()
  over = runOver(operations, NOW)
  socket = null
  write('p.yaml', POLICY)
  write('acmetap.yaml', 'version: 1\ncas: { pebble: { preset: pebble } }\npolicy: ./p.yaml\n')
})
afterEach(async () => {
  await socket?.close()
  over.end()
})

const run = (...words: string[]) => over.run(words)
const write = (name: string, text: string) => writeFileSync(join(over.folder, name), text)
const serve = async () => {
  socket = await openControlSocket(operations, join(over.folder, 'data'), () => undefined)
}

test('show: the rules in force of the server, else those of the configured file', async () => {
  const alone = await run('policy', 'show')
  expect(alone.out).toMatch(/payments +deny +all \(names: pay\.example\.com|payments +deny/)
  expect(alone.err).toContain('No server runs')
  operations.policies.shown = policyExample
  await serve()
  const { code, out, err } = await run('policy', 'show')
  expect([code, err]).toEqual([0, expect.stringContaining('differs from what is in force')])
  expect(out).toMatch(/in force +2026-11-22T01:20:25\.000Z \(10h ago\)/)
  expect(out).toMatch(/payments +deny +names: pay\.example\.com +payments@example\.com/)
  expect((await run('policy', 'show', '--text')).out).toBe(policyExample.text)
  operations.policies.shown = null
  expect(await run('policy', 'show')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no policy is in force'),
  })
})

test('show: says when the file is another one than decides', async () => {
  const digest = bundleDigest({ file: 'p.yaml', text: POLICY, files: {} })
  operations.policies.shown = { ...policyExample, digest }
  await serve()
  expect((await run('policy', 'show')).err).toBe('')
  write('p.yaml', `${POLICY}# changed\n`)
  const { code, err } = await run('policy', 'show')
  expect([code, err]).toEqual([0, expect.stringMatching(/p\.yaml differs from what is in force: .*SIGHUP/)])
  write('acmetap.yaml', 'version: 1\ncas: { pebble: { preset: pebble } }\npolicy: ./none.yaml\n')
  expect((await run('policy', 'show')).err).toMatch(/none\.yaml[\s\S]*is not what is in force/)
  write('acmetap.yaml', 'version: 1\ncas: { pebble: { preset: pebble } }\n')
  expect((await run('policy', 'show')).err).toContain('names no policy: a reload takes this one out of force')
})

test('check --strict: an exception that ends soon is no fault, one that has ended is', async () => {
  const until = (day: string) =>
    `version: 1\nrules:\n  - { name: moving, when: { names: old.example }, effect: allow, expires: ${day} }\n`
  write('soon.yaml', until('2026-11-30'))
  const soon = await run('policy', 'check', 'soon.yaml', '--strict')
  expect(soon).toMatchObject({ code: 0, err: expect.stringContaining('expires at 2026-11-30') })
  write('over.yaml', until('2026-11-20'))
  const over = await run('policy', 'check', 'over.yaml', '--strict')
  expect(over).toMatchObject({ code: 1, err: expect.stringContaining('expired at 2026-11-20') })
})

test('check: mistakes with line and column and exit code 1; remarks fail where they are to', async () => {
  const odd = await run('policy', 'check')
  expect(odd).toMatchObject({
    code: 0,
    out: expect.stringMatching(/p\.yaml: ok, 3 rules, 1 remark, digest [0-9a-f]{64}\n/),
  })
  expect(odd.err).toMatch(/^remark: .*p\.yaml:3:1: default is deny and no rule allows newAccount/)
  expect((await run('policy', 'check', '--strict')).code).toBe(1)
  write('bad.yaml', POLICY.replace('effect: warn', 'effekt: warn'))
  const bad = await run('policy', 'check', 'bad.yaml')
  expect(bad).toMatchObject({ code: 1, out: '' })
  expect(bad.err).toMatch(/bad\.yaml:15:5: rules\[2\]\.effekt: .*effect/)
  const json = await run('policy', 'check', 'bad.yaml', '--json')
  expect([json.code, JSON.parse(json.out)]).toMatchObject([1, { ok: false, digest: null }])
  expect(await run('policy', 'check', 'none.yaml')).toMatchObject({
    code: 1,
    err: expect.stringContaining('none.yaml'),
  })
})

test('explain: an order that nobody made, without a server', async () => {
  const denied = await run(
    'policy',
    'explain',
    '--name',
    'pay.example.com',
    '--name',
    'a.example.com',
    '--label',
    'web',
  )
  expect(denied.code).toBe(0)
  expect(denied.out).toMatch(/^denied by rule payments\n/)
  expect(denied.out).toMatch(/403 +policy rule payments denies pay\.example\.com: pay\.example\.com is/)
  expect(denied.out).toMatch(/a\.example\.com {2}allowed by rule ours/)
  expect(denied.err).toContain('earlier orders and keys are not known here')
  const own = await run('policy', 'explain', '--name', 'pay.example.com', '--label', 'payments')
  expect(own.out).toMatch(/^passes: rule ours allows it\n/)
  const guessed = await run('policy', 'explain', '--name', 'pay.example.com', '--user-agent', 'x/1')
  expect(guessed.out).toMatch(/^denied by rule payments, because something it asks is not known\n/)
  expect(guessed.out).toMatch(/owner +payments\n/)
  expect(guessed.out).toMatch(/Not given, so not known: --client-address, --label, --proxy-user, --account,/)
  expect(own.out).not.toContain('--client-address')
  write(
    'observed.yaml',
    POLICY.replace('default: deny', 'mode: observe\ndefault: deny').replace(/mode: enforce\n/, ''),
  )
  const observed = await run('policy', 'explain', '--name', 'a.example.com', '--file', 'observed.yaml')
  expect(observed.out).toMatch(/^passes\n/)
  expect(observed.out).toContain('a.example.com  passes; rule ours would allow it')
  write(
    'near.yaml',
    "version: 1\nmode: enforce\ndefault: deny\nrules:\n  - { name: web, when: { names: '**.example.com', client: { label: web } }, effect: allow }\n",
  )
  const near = await run(
    'policy',
    'explain',
    '--file',
    'near.yaml',
    '--name',
    'a.example.com',
    '--label',
    'x',
  )
  expect(near.out).toMatch(/^denied by the default\n/)
  expect(near.out).toMatch(/web +allow +(enforce +)?no +passed over +client\.label: web/)
  write(
    'mixed.yaml',
    'version: 1\nmode: observe\nrules:\n  - { name: one, when: always, effect: deny, mode: enforce }\n',
  )
  const mixed = await run('policy', 'explain', '--file', 'mixed.yaml', '--name', 'a.example.com')
  expect(mixed.out).toMatch(/mode +observe: only what rules of mode enforce deny is stopped;/)
  const json = await run('policy', 'explain', '--name', 'x.test', '--json')
  expect(JSON.parse(json.out)).toMatchObject({ decided: { effect: 'deny', rule: 'default' } })
})

test('explain: the server is asked with everything that was said', async () => {
  operations.policies.explained = explanationExample
  await serve()
  const { code, out } = await run(
    ...[
      'policy',
      'explain',
      '--name',
      'a.example.com',
      '--client-address',
      '192.0.2.7',
      '--proxy-user',
      'web',
    ],
    ...[
      '--account',
      'https://ca.example/acct/1',
      '--contact',
      'mailto:a@example.com',
      '--external-account',
      'kid-1',
    ],
    ...[
      '--user-agent',
      'certbot/2.1.0',
      '--mode',
      'intercept',
      '--profile',
      'short',
      '--validity',
      '90d',
      '--replaces',
    ],
    ...['--at', '2026-12-24T20:00:00Z', '--operation', 'newAuthz'],
  )
  expect([code, out.split('\n', 1)[0]]).toEqual([0, 'denied by rule payments'])
  expect(operations.policies.calls).toEqual([
    [
      'explain',
      {
        operation: 'newAuthz',
        names: ['a.example.com'],
        at: Date.parse('2026-12-24T20:00:00Z'),
        mode: 'intercept',
        ca: 'pebble',
        client: {
          address: '192.0.2.7',
          proxyUser: 'web',
          account: 'https://ca.example/acct/1',
          contacts: ['mailto:a@example.com'],
          externalAccount: 'kid-1',
          userAgent: 'certbot/2.1.0',
        },
        profile: 'short',
        validity: 90 * 86_400_000,
        replaces: true,
      },
      null,
    ],
  ])
})

test.each(['with a server', 'without one'])('explain: a recorded request, %s', async (how) => {
  operations.policies.recorded.set(RECORD, recordedExplanationExample)
  if (how === 'with a server') await serve()
  const { code, out } = await run('policy', 'explain', `urn:uuid:${RECORD}`)
  expect(code).toBe(0)
  expect(out).toMatch(/then +policy dddddddddddd denied it/)
  expect(out).toContain('nothing: the decision is the same')
  expect(out).toContain(`acmetap exchanges show ${RECORD}`)
  await run('policy', 'explain', RECORD, '--file', 'p.yaml')
  expect(operations.policies.calls).toMatchObject([
    ['explainRecorded', RECORD, null],
    ['explainRecorded', RECORD, { text: POLICY }],
  ])
  const none = await run('policy', 'explain', RECORD.replace(/0$/, '1'))
  expect(none).toMatchObject({ code: 1, err: expect.stringContaining('there is no exchange') })
  operations.policies.refusal = new OperationRefused('no policy was in force then', 409)
  const refused = await run('policy', 'explain', RECORD)
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('no policy was in force then') })
})

test.each([
  [['policy', 'explain'], /what is to be explained/],
  [['policy', 'explain', 'www.example.com'], /for a name: --name/],
  [['policy', 'explain', RECORD, '--name', 'x.test'], /leave out --name/],
  [['policy', 'explain', '--name', 'x.test', '--validity', 'long'], /--validity "long" is not a duration/],
  [['policy', 'explain', '--name', 'x.test', '--ca', 'nope'], /--ca "nope" is not configured; known: pebble/],
  [['policy', 'explain', '--operation', 'tunnel'], /--operation/],
  [['policy', 'replay', '--since', 'yesterday'], /--since "yesterday" is not a time/],
  [['policy', 'replay', '--since', '1h', '--until', '2d'], /--until must be later/],
  [['policy', 'replay', '--samples', '99'], /--samples must be/],
])('%j is a slip of the command line', async (words, says) => {
  const { code, err } = await run(...words)
  expect(code).toBe(2)
  expect(err).toMatch(says)
})

test('test: what fails, why, and exit code 1', async () => {
  const none = await run('policy', 'test')
  expect(none).toMatchObject({
    code: 1,
    err: expect.stringMatching(/there are no test cases: .*p\.test\.yaml/),
  })
  write(
    'p.test.yaml',
    'cases:\n  - { name: own, request: { names: a.example.com }, expect: allow, rule: ours }\n',
  )
  const good = await run('policy', 'test')
  expect(good).toMatchObject({ code: 0, out: expect.stringContaining('1 of 1 cases pass') })
  expect(good.out).toContain('no case shows what these rules do: payments, budget')
  write('other.yaml', 'cases:\n  - { name: all, request: { names: pay.example.com }, expect: allow }\n')
  const failed = await run('policy', 'test', 'p.yaml', '--cases', 'other.yaml')
  expect(failed.code).toBe(1)
  expect(failed.out).toMatch(/failed {2}all .*other\.yaml:2\n {2}denied by payments\n/)
  write('p.test.yaml', 'cases:\n  - { name: own, expekt: allow }\n')
  expect((await run('policy', 'test')).err).toMatch(/p\.test\.yaml:2:\d+: cases\[0\]/)
})

test.each(['with a server', 'without one'])('replay: a report in tables, %s', async (how) => {
  operations.policies.events = [...replayExample]
  if (how === 'with a server') await serve()
  const { code, out } = await run('policy', 'replay', '--since', '30d', '--file', 'p.yaml')
  expect(code).toBe(0)
  expect(out).toMatch(/^1 of 120 requests would be denied that passed\n/)
  expect(out).toMatch(/RULE +DENIED NOW/)
  expect(out).toMatch(/newOrder +certbot 192\.0\.2\.7 +pay\.example\.com +allow +deny/)
  expect(operations.policies.calls.at(-1)).toMatchObject([
    'replay',
    { text: POLICY },
    { since: NOW / 1000 - 30 * 86_400_000, until: null },
  ])
  const json = await run('policy', 'replay', '--file', 'p.yaml', '--json')
  expect(JSON.parse(json.out)).toMatchObject({ totals: { deniedNow: 1 } })
})

test('replay: a candidate with a mistake is refused before anything is read, and a failure is told', async () => {
  await serve()
  write('bad.yaml', 'version: 1\nrules: 7\n')
  const bad = await run('policy', 'replay', '--file', 'bad.yaml')
  expect(bad).toMatchObject({ code: 1, err: expect.stringMatching(/bad\.yaml:2:\d+: rules/) })
  expect(operations.policies.calls).toEqual([])
  operations.policies.events = []
  expect(await run('policy', 'replay', '--file', 'p.yaml')).toMatchObject({
    code: 1,
    err: expect.stringContaining('there is no report'),
  })
  operations.policies.refusal = new OperationRefused('the record is away', 409)
  expect((await run('policy', 'replay', '--file', 'p.yaml')).err).toContain('the record is away')
})

test('nothing that a client or a file said acts on the terminal', async () => {
  const [name] = explanationExample.names
  const evil = { ...name!, identifier: { type: 'dns', value: EVIL }, fault: EVIL, normalised: EVIL }
  const told = { ...explanationExample.told!, detail: EVIL, help: EVIL }
  operations.policies.recorded.set(RECORD, {
    ...recordedExplanationExample,
    policy: { ...explanationExample.policy, file: EVIL },
    told,
    names: [evil],
    elsewhere: [EVIL],
    warnings: [{ rule: EVIL, message: EVIL }],
    read: { history: { [EVIL]: 1 }, webhooks: { [EVIL]: { allow: null, reason: EVIL, data: null } } },
  })
  const explained = await run('policy', 'explain', RECORD, '--all')
  operations.policies.events = JSON.parse(JSON.stringify(replayExample).replaceAll('pay.example.com', 'EVIL'))
  const [, last] = operations.policies.events
  const { report } = last as unknown as { report: { notes: string[]; rules: { groups: { key: string }[] } } }
  report.notes = [EVIL]
  report.rules.groups[0]!.key = EVIL
  const replayed = await run('policy', 'replay', '--file', 'p.yaml')
  for (const { code, out, err } of [explained, replayed]) {
    expect(code).toBe(0)
    expect(out + err).not.toMatch(/[\u001b\u202e]/)
    expect(out).toContain('\\u{1b}')
  }
})

test('every command has examples in its help', async () => {
  for (const name of ['show', 'check', 'explain', 'test', 'replay']) {
    const { code, out } = await run('policy', name, '--help')
    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`Examples:\\n {2}acmetap policy ${name}`))
  }
})
