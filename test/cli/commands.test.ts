import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ControlSocket, openControlSocket } from '../../src/api/control-socket.ts'
import type { Application } from '../../src/cli/application.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { recorded } from '../support/recorded-exchange.ts'
import { runHere } from '../support/run-here.ts'

const EVIL = '\u001b[2Jevil\u202e'
const NOW = recorded({ sequence: 61, operation: 'order' }).intent.at

let folder: string
let socket: ControlSocket | null
let operations: FakeOperations
let offlineOpened: number
let offlineClosed: number

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'commands-'))
  writeFileSync(
    path.join(folder, 'acmetap.yaml'),
    'version: 1\ncas: { pebble: { preset: pebble } }\nrelay: [{ host: "localhost:8443", ca: pebble }]\n',
  )
  operations = new FakeOperations([
    recorded({
      sequence: 3,
      operation: 'newOrder',
      client: { userAgent: EVIL },
      intent: { identifiers: [{ type: 'dns', value: `${'very-'.repeat(30)}long.example` }] },
      outcome: {
        status: 429,
        problem: { type: 'urn:ietf:params:acme:error:rateLimited', detail: EVIL, subproblems: [] },
      },
    }),
    recorded({ sequence: 1, operation: 'directory' }),
  ])
  operations.inventory.recordedExchanges = operations.found
  ;[offlineOpened, offlineClosed, socket] = [0, 0, null]
})
afterEach(async () => {
  await socket?.close()
  rmSync(folder, { recursive: true, force: true })
})

const startServer = async () => {
  socket = await openControlSocket(operations, path.join(folder, 'data'), () => undefined)
}

const application: Application = {
  start: () => Promise.reject(new Error('not here')),
  async openOffline() {
    offlineOpened += 1
    return {
      inventory: operations.inventory,
      alerts: operations.alerts,
      policies: operations.policies,
      exchanges: operations.exchanges.bind(operations),
      exchange: operations.exchange.bind(operations),
      body: operations.body.bind(operations),
      accounts: operations.accounts.bind(operations),
      backup: operations.backup.bind(operations),
      async close() {
        offlineClosed += 1
      },
    }
  },
  async restore(config, file, force) {
    mkdirSync(config.data)
    return { chain: { facts: force ? 7 : 5, head: file }, movedAside: config.data }
  },
  rebuild: () => Promise.reject(new Error('not here')),
  openEngine: () => Promise.reject(new Error('not here')),
  openEab: () => Promise.reject(new Error('not here')),
  rewrap: () => Promise.reject(new Error('not here')),
}

const acmetap = (...words: string[]) => runHere(words, folder, { now: NOW, application })

describe.each(['server', 'offline'])('over %s', (kind) => {
  beforeEach(async () => {
    if (kind === 'server') await startServer()
  })
  afterEach(() => {
    expect(offlineOpened > 0).toBe(kind === 'offline')
    expect(offlineClosed).toBe(offlineOpened)
  })

  test('exchanges as a table that fits and shows only itself', async () => {
    const { code, out, err } = await acmetap('exchanges')
    expect([code, err]).toEqual([0, ''])
    const lines = out.trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/^TIME +CA +CLIENT +OPERATION +ABOUT +STATUS +TOOK +ID$/)
    expect(lines[1]).toMatch(/^58s ago +pebble .* newOrder .*….* 429 rateLimited +12 ms .*019ab003-/)
    expect(out).not.toMatch(/[\u001b\u202e]/)
  })

  test('exchanges that go to no terminal are not cut', async () => {
    const given = { now: NOW, application, columns: Number.POSITIVE_INFINITY }
    const { out } = await runHere(['exchanges'], folder, given)
    expect(out).toContain(`${'very-'.repeat(30)}long.example`)
    expect(out).not.toContain('…')
  })

  test('exchanges with every filter, as JSON', async () => {
    const words =
      '--ca a --mode relay --operation newOrder --outcome refused --status 403 --problem malformed --diagnosis caa --account u --issuance i --name n --since 1h --limit 2 --json'
    const { code, out } = await acmetap('exchanges', ...words.split(' '))
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual(operations.found)
    const filter = {
      ca: 'a',
      mode: 'relay',
      operation: 'newOrder',
      outcome: 'refused',
      status: 403,
      problem: 'malformed',
      diagnosis: 'caa',
      account: 'u',
      issuance: 'i',
      name: { kind: 'exact', value: 'n' },
      since: NOW - 3_600_000_000,
      limit: 2,
    }
    expect(operations.inventory.calls).toEqual([['exchanges', filter]])
  })

  test('one exchange, with bodies', async () => {
    const jws = {
      alg: 'ES256',
      nonce: 'n',
      url: 'https://localhost:8443/x',
      kid: null,
      thumbprint: 't',
      verdict: 'verified',
      protected: 'aa'.repeat(32),
      payload: 'bb'.repeat(32),
      signature: null,
      signatureDigest: null,
    }
    operations.found = [
      recorded({
        sequence: 5,
        operation: 'finalize',
        intent: { jws },
        outcome: {
          fields: { link: ['<a>', '<b>'] },
          body: { bytes: 3, digest: null, stored: 'cc'.repeat(32) },
        },
      }),
    ]
    operations.kept.set(jws.protected, Buffer.from('{"alg":"ES256"}'))
    operations.kept.set('cc'.repeat(32), Buffer.from([0xff, 0, 1]))
    const { code, out } = await acmetap('exchanges', 'show', operations.found[0]!.id, '--bodies')
    expect(code).toBe(0)
    for (const part of [
      'finalize  200',
      'POST /finalize HTTP/1.1',
      '192.0.2.7 port 40000',
      'verified',
      '"alg": "ES256"',
      'payload\n  not kept',
      'answer (base64)\n  /wAB',
      '<b>',
      '12 ms, of it the CA 9 ms',
    ]) {
      expect(out).toContain(part)
    }
    const missing = await acmetap('exchanges', 'show', '019ab999-0000-7000-8000-000000000000')
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('there is no exchange')])
  })

  test('account keys and a backup', async () => {
    operations.keys.push({
      ca: 'pebble',
      account: 'https://localhost:8443/acct/1',
      jwk: { kty: 'EC', crv: 'P-256' },
      thumbprint: 'tp',
      source: 'newAccount',
    })
    expect((await acmetap('accounts', 'keys')).out).toMatch(
      /pebble +https:\/\/localhost:8443\/acct\/1 +P-256 +tp +newAccount/,
    )
    expect((await acmetap('backup', 'copy.db')).out).toBe(`${folder}/copy.db: 4096 bytes\n`)
    expect(operations.calls).toEqual([['backup', path.join(folder, 'copy.db')]])
    const refused = await acmetap('backup', 'acmetap.yaml')
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('exists already')])
  })
})

test('ca list and ca probe show states and advice; a probe that is not ok is exit code 1', async () => {
  await startServer()
  const list = await acmetap('ca', 'list')
  expect(list.code).toBe(0)
  expect(list.out).toMatch(/pebble +relay +localhost:8443 +refused/)
  expect(list.out).toContain('pebble, localhost:8443:\n  use another host')
  expect((await acmetap('ca', 'probe', 'pebble')).code).toBe(1)
  const unknown = await acmetap('ca', 'probe', 'other')
  expect([unknown.code, unknown.err]).toEqual([1, 'error: there is no CA other\n'])
})

test('a backup that the server refuses, or into no folder, says what to look at', async () => {
  await startServer()
  const nowhere = await acmetap('backup', 'no/copy.db')
  expect([nowhere.code, nowhere.err]).toEqual([
    1,
    `error: the folder ${folder}/no does not exist\nMake it first, or choose another name.\n`,
  ])
  operations.backup = () => Promise.reject(new Error('EROFS'))
  const refused = await acmetap('backup', 'copy.db')
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringMatching(/\nThe running server writes the file: /),
  ])
})

test.each(['exchanges', 'ca', 'accounts'])('%s: a word that is no command is called that', async (group) => {
  const { code, err } = await acmetap(group, 'lst')
  expect([code, err]).toEqual([
    2,
    expect.stringMatching(`^error: ${group} has no command "lst"; known: list, `),
  ])
  const after = await acmetap(group, 'list', 'lst')
  expect([after.code, after.err]).toEqual([2, `error: ${group} list takes no "lst"\n`])
  expect((await acmetap(group, '--help')).out).toContain(`Its options: acmetap ${group} list --help`)
})

test('tail follows until the server ends', async () => {
  await startServer()
  operations.upcoming = operations.found
  const running = acmetap('tail', '--from', '1')
  await expect.poll(() => operations.tailsRunning).toBe(1)
  await socket!.close()
  socket = null
  const { code, out, err } = await running
  expect([code, err]).toEqual([0, 'the server ended\n'])
  expect(out).toMatch(
    /newOrder .* 429 rateLimited .*\n +└ rateLimited: \\u\{1b\}\[2Jevil\\u\{202e\}\n.*directory/,
  )
})

test('tail shows what meets its filters alone, one object a line', async () => {
  await startServer()
  operations.upcoming = operations.found
  const running = acmetap('tail', '--status', '429', '--json')
  await expect.poll(() => operations.tailsRunning).toBe(1)
  await socket!.close()
  socket = null
  const { code, out } = await running
  expect([code, out]).toEqual([0, `${JSON.stringify(operations.found[0])}\n`])
  const refused = await acmetap('tail', '--since', '1h')
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("unknown option '--since'")])
})

test('restore needs the server stopped, and passes --force on', async () => {
  writeFileSync(path.join(folder, 'b.db'), '')
  expect((await acmetap('restore', 'b.db', '--force')).out).toMatch(
    /^7 facts restored .*the record that was there is now /s,
  )
  await startServer()
  const refused = await acmetap('restore', 'b.db')
  expect([refused.code, refused.err]).toEqual([1, expect.stringMatching(/a server is running.*\nStop it/)])
})

test('an error from below is one line without a stack', async () => {
  const { code, err } = await acmetap('serve')
  expect([code, err.split('\n').slice(-2)]).toEqual([1, ['error: not here', '']])
})
