import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ControlSocket, openControlSocket } from '../../../src/api/control-socket.ts'
import { Validations } from '../../../src/cli/report/register/validations.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import {
  ACCOUNT,
  aCertificate,
  aChallenge,
  aClient,
  aDiagnosis,
  aFailure,
  anAccount,
  anOrder,
} from '../../support/inventoried.ts'
import { recorded } from '../../support/recorded-exchange.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const LAST = recorded({ sequence: 41, operation: 'order' })
const LAST_AT = LAST.outcome!.at
const EVIL = '=cmd|<script>alert(1)</script>|`*_"\u001b\u202e\n# x'

let operations: FakeOperations
let over: Over
let socket: ControlSocket | null
beforeEach(() => {
  operations = new FakeOperations([LAST])
  socket = null
  const { inventory } = operations
  inventory.standing = { projected: 42, recorded: 42, rebuilding: false, fault: null }
  inventory.accountList = [anAccount()]
  inventory.clientList = [aClient()]
  inventory.challengeList = [aChallenge()]
  inventory.orderList = [anOrder(), anOrder({ status: 'invalid' })]
  inventory.certificateList = [
    aCertificate(),
    aCertificate({
      serial: 'aa',
      source: 'imported',
      imported: { host: 'web1', path: '/x', at: '2026-11-22T01:00:00.000Z', unmanaged: false },
      client: null,
      account: null,
      order: null,
    }),
    aCertificate({
      serial: 'bb',
      revokedAt: '2026-11-22T01:20:30.000Z',
      revocationReason: 4,
      revokedBy: 'account',
      identifiers: [{ type: 'dns', value: EVIL }],
      issuer: EVIL,
    }),
    aCertificate({ serial: 'cc', notAfter: '2026-01-01T00:00:00.000Z' }),
    aCertificate({ serial: 'dd', firstSeen: '2026-11-22T05:00:00.000Z' }),
  ]
  inventory.failureList = [
    aFailure(),
    aFailure({ names: ['other.test'] }),
    aFailure({
      outcome: 'refused',
      diagnosis: aDiagnosis({ class: 'refused-by-acmetap', details: { rule: 'relay-refused' } }),
    }),
    aFailure({
      outcome: 'refused',
      diagnosis: aDiagnosis({ class: 'policy-denied', details: { rule: 'relay-refused' } }),
    }),
  ]
  inventory.totals = {
    ...inventory.totals,
    buckets: [
      { start: '2026-11-22T01:00:00.000Z', by: { ca: 'pebble', outcome: 'response' }, exchanges: 20 },
      { start: '2026-11-22T01:00:00.000Z', by: { ca: 'pebble', outcome: 'refused' }, exchanges: 1 },
    ],
  }
  over = runOver(operations, LAST_AT + 5 * 3600e6)
})
afterEach(async () => {
  await socket?.close()
  over.end()
})

/** The first firstSeen is after the last exchange in one fixture: the period ends with it unless it is told. */
const register = (...words: string[]) =>
  over.run(['report', 'register', '--until', '2026-11-22T01:21:06Z', ...words])

test('the register and the period, as Markdown', async () => {
  const { code, out, err } = await register()
  expect([code, err]).toEqual([0, ''])
  for (const line of [
    '# Certificate register of acmetap',
    '- Period: 2026-08-24T01:21:06.000Z to 2026-11-22T01:21:06.000Z',
    '- Record: stream test',
    '- First exchange: fact 41, 2026-11-22T01:21:06.000000Z; what was before was removed for its age, or is no exchange',
    '- Last exchange: fact 42, 2026-11-22T01:21:06.012000Z',
    `- Chain: SHA-256 of fact 41 is ${'0'.repeat(64)}`,
    '- Inventory: knows every exchange of the record',
    '- Certificates: 3 (1 revoked, 2 valid; 1 of them imported)',
    '- Orders: 2 (1 invalid, 1 valid)',
    '- Failures: 2',
    '- Refusals: 2',
    '| 3f2a1b | www.example.com | CN=Pebble Intermediate CA 0a1b2c | 2026-11-22T00:20:25.000Z | 2027-02-20T00:20:24.000Z | P-256 | https://localhost:8443/acct/1 | CertbotACMEClient from 192.0.2.7 | http-01 | valid |',
    '| relay-refused, unauthorized | 1 | 1 | 2026-11-22T01:20:25.000Z | 2026-11-22T01:20:25.000Z |',
    '| policy rule relay-refused, unauthorized | 1 | 1 | 2026-11-22T01:20:25.000Z | 2026-11-22T01:20:25.000Z |',
    '| pebble | refused | 1 |',
  ]) {
    expect(out).toContain(`${line}\n`)
  }
  expect(out).toContain('imported from web1 | not seen: imported |')
  expect(out).toMatch(
    /\| http-not-found \| The server answered.* \| who runs the host of the name \| 2 \| 2 \|/,
  )
  expect(out).toMatch(/## Revocations\n[\s\S]*\| bb \|.*superseded/)
  expect(out).not.toMatch(/\| (cc|dd) \|/)
})

test('the same record gives the same report, whenever it is made', async () => {
  operations.inventory.certificateList.splice(4)
  const formats = ['markdown', 'html', 'csv']
  const later = runOver(operations, LAST_AT + 400 * 86_400e6)
  for (const format of formats) {
    const now = await over.run(['report', 'register', '--format', format])
    expect(now.code).toBe(0)
    expect((await later.run(['report', 'register', '--format', format])).out).toBe(now.out)
  }
  later.end()
  expect((await over.run(['report', 'register'])).out).toContain('to 2026-11-22T01:21:06.012Z\n')
})

describe('hostile data', () => {
  test('is no markup in Markdown', async () => {
    const { out } = await register()
    expect(out).not.toMatch(/[\u001b\u202e]/)
    expect(out).toContain('=cmd\\|\\<script\\>alert(1)\\</script\\>\\|\\`\\*\\_"\\\\u{1b}')
    const columns = (line: string) => line.replace(/\\./g, '').split('|').length
    const rows = out.split('\n').filter((line) => /^\| (bb|3f2a1b|Serial) \|/.test(line))
    expect(new Set(rows.slice(0, 3).map(columns))).toEqual(new Set([12]))
  })

  test('is text in HTML, which needs and runs nothing else', async () => {
    const { out } = await register('--format', 'html')
    expect(out).not.toMatch(/[\u001b\u202e]|<script|\bsrc=|\bhref=|@import|url\(/)
    expect(out).toContain('<td>=cmd|&lt;script&gt;alert(1)&lt;/script&gt;|`*_&quot;')
    expect(out).toContain(`content="default-src 'none'`)
    const tags = [...out.replace(/<!doctype html>/, '').matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)]
    const open: string[] = []
    for (const [, closes, name] of tags) {
      if (name === 'meta') continue
      if (closes === '') open.push(name!)
      else expect(open.pop()).toBe(name)
    }
    expect(open).toEqual([])
  })

  test('is no formula in CSV', async () => {
    const { out } = await register('--format', 'csv')
    expect(out.split('\r\n')[0]).toMatch(/^"fingerprint","serial",.*"ordered_by","validated_by"$/)
    expect(out).toContain('"\'=cmd|')
    expect(out).not.toMatch(/(^|,)"?[=+@-]/m)
  })
})

test('it goes into a file that does not exist yet', async () => {
  const { out, err } = await register('-o', 'r.html', '--format', 'html')
  expect([out, err]).toEqual(['', `${over.folder}/r.html: 3 certificates\n`])
  expect(readFileSync(path.join(over.folder, 'r.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/)
  const again = await register('-o', 'r.html')
  expect([again.code, again.err]).toEqual([1, expect.stringContaining('exists already')])
})

test('a period that ends before it begins is refused', async () => {
  const { code, err } = await register('--since', '2026-12-01')
  expect([code, err]).toEqual([2, expect.stringContaining('the period ends before it begins')])
})

test('an inventory that is behind makes no complete report', async () => {
  operations.inventory.standing = { projected: 12, recorded: 42, rebuilding: true, fault: null }
  const { out, err } = await register()
  expect(out).toContain('- Inventory: knows the facts up to 12: this report is not complete\n')
  expect(err).toContain('being made anew')
})

test('a running server notes it', async () => {
  socket = await openControlSocket(operations, path.join(over.folder, 'data'), () => undefined)
  const { code } = await register('--format', 'csv', '--since', '30d')
  expect(code).toBe(0)
  expect(operations.noted).toEqual([
    {
      actor: expect.objectContaining({ kind: 'local' }),
      what: {
        event: 'exported',
        what: 'register',
        filter: { format: 'csv', since: '2026-10-23T01:21:06.000Z', until: '2026-11-22T01:21:06.000Z' },
        rows: 3,
      },
    },
  ])
})

describe('how names were validated', () => {
  const by = (...challenges: Parameters<typeof aChallenge>[0][]) => {
    const validations = new Validations()
    for (const parts of challenges) validations.add(aChallenge(parts))
    return validations
  }
  const [earlier, at, later] = ['01:00:00', '01:20:25', '01:30:00'].map((time) => `2026-11-22T${time}.000Z`)

  test('the last one before the certificate counts, of the account that ordered it', () => {
    const other = { id: '0'.repeat(16), url: 'https://ca.test/2' }
    const validations = by(
      { type: 'dns-01', judgedAt: earlier! },
      { type: 'http-01', judgedAt: at! },
      { type: 'tls-alpn-01', judgedAt: later! },
      { type: 'dns-account-01', account: other },
      { type: 'failed-01', status: 'invalid' },
    )
    expect(validations.textOf(aCertificate())).toBe('http-01')
    expect(validations.textOf(aCertificate({ firstSeen: earlier! }))).toBe('dns-01')
    expect(validations.textOf(aCertificate({ account: { ...ACCOUNT, id: '1'.repeat(16) } }))).toBe('not seen')
  })

  test('a wildcard is not its base name; several names are told apart', () => {
    const name = { type: 'dns', value: 'www.example.com' }
    const wildcard = { type: 'dns', value: '*.www.example.com' }
    const validations = by({}, { type: 'dns-01', wildcard: true })
    expect(validations.textOf(aCertificate({ identifiers: [wildcard] }))).toBe('dns-01')
    expect(validations.textOf(aCertificate({ identifiers: [name, wildcard] }))).toBe(
      'www.example.com: http-01; *.www.example.com: dns-01',
    )
  })

  test('a challenge whose verdict nobody asked for is told as answered', () => {
    const validations = by({ status: 'pending', judgedAt: null })
    expect(validations.textOf(aCertificate())).toBe('http-01 (answered; the verdict was not seen)')
  })
})
