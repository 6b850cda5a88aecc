import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import { histories } from '../../../src/audit/readiness/collect.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { aCertificate, aChallenge, aClient, anOrder } from '../../support/inventoried.ts'
import { offlineApplication } from '../../support/offline-inventory.ts'
import { runHere } from '../../support/run-here.ts'
import { made } from '../import/certificate-fixtures.ts'

const START = Date.parse('2026-01-01T00:00:00Z')
const DAY = 86_400_000
const [GOOD, BAD, EVIL] = ['1', '2', '3'].map((digit) => digit.repeat(16)) as [string, string, string]
const LE = { id: 'a'.repeat(16), url: 'https://acme-v02.api.letsencrypt.org/acme/acct/1', ca: 'le' }
let folder: string
let operations: FakeOperations

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'readiness-'))
  await writeFile(
    path.join(folder, 'acmetap.yaml'),
    'version: 1\ncas: { le: { preset: letsencrypt } }\nlisteners: { proxy: { port: 3128 } }\nintercept: { cas: [le] }\n',
  )
  operations = new FakeOperations()
  const { inventory } = operations
  inventory.pageSize = 2
  inventory.clientList = [
    aClient({
      id: GOOD,
      account: LE,
      source: '192.0.2.1',
      modes: ['intercept'],
      userAgent: 'CertbotACMEClient/5.5.0 (x)',
      asksRenewalInfo: true,
    }),
    aClient({
      id: BAD,
      account: LE,
      source: '192.0.2.2',
      modes: ['intercept'],
      program: 'acme.sh',
      versions: ['3.0.6'],
      userAgent: 'acme.sh/3.0.6',
      asksRenewalInfo: false,
    }),
    aClient({
      id: EVIL,
      account: LE,
      label: '`<b>|\u001b[2J',
      modes: ['intercept'],
      program: 'x',
      userAgent: 'x',
      asksRenewalInfo: false,
    }),
    aClient({ id: '4'.repeat(16), account: null, program: 'curl' }),
  ]
  inventory.certificateList = [...renewed(GOOD, 'good.test'), ...renewed(BAD, 'bad.test')]
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Newest first, as the inventory gives them: issued 60 days apart. */
function renewed(client: string, name: string): InventoriedCertificate[] {
  return [3, 2, 1, 0].map((at) =>
    aCertificate({
      fingerprint: `${name}${at}`,
      ca: 'le',
      client,
      identifiers: [{ type: 'dns', value: name }],
      notBefore: new Date(START + at * 60 * DAY).toISOString(),
      notAfter: new Date(START + (at * 60 + 90) * DAY).toISOString(),
    }),
  )
}

const report = (...words: string[]) =>
  runHere(['report', 'readiness', ...words], folder, {
    now: START * 1000,
    application: offlineApplication(operations),
  })

test('by client, the worst first, with dates, reasons and what to do', async () => {
  const { code, out, err } = await report()
  expect([code, err]).toEqual([0, ''])
  expect(out).toContain('64 days (from 2027-02-10): 0 breaks, 1 at risk, 1 not enough seen, 1 ready')
  expect(out).toContain('45 days (from 2028-02-16): 1 breaks, 0 at risk, 1 not enough seen, 1 ready')
  expect(out).toMatch(
    /\nbreaks +192\.0\.2\.2 \(acme\.sh 3\.0\.6\) at le\n {2}account https:\S+: acmetap clients show 2{16}\n {2}64 days \(from 2027-02-10\): at risk; 45 days \(from 2028-02-16\): breaks\n/,
  )
  expect(out).toContain('\nwhatever the lifetime: 2 at risk\n')
  expect(out).toContain('2026-06-30 bad.test at 60 days of 90 days')
  expect(out).toContain('→ issue again with --days 30')
  expect(out).not.toContain('192.0.2.1')
  expect(out).toContain('common name of a certificate cannot be seen')
  expect(out).not.toMatch(/\u001b/)
  expect((await report('--all')).out).toContain('192.0.2.1')
})

test('in lines that fit the terminal, what goes on stands under what began', async () => {
  const words = ['report', 'readiness', '--all']
  const { out } = await runHere(words, folder, {
    now: START * 1000,
    application: offlineApplication(operations),
    columns: 80,
  })
  expect(out.split('\n').filter((line) => [...line].length > 80)).toEqual([])
  const wide = (await report('--all')).out
  expect(out.replace(/\s+/g, '')).toBe(wide.replace(/\s+/g, ''))
  expect(out.split('\n').length).toBeGreaterThan(wide.split('\n').length)
})

test('as Markdown nothing of a client is mark-up', async () => {
  const { out } = await report('--format', 'markdown')
  expect(out).toContain('| client | CA | 64 days | 45 days | verdict |')
  expect(out).toContain('| 192.0.2.2 \\(acme.sh 3.0.6\\) at le | le | at risk | breaks | breaks |')
  expect(out).toContain('| \\`&lt;b>\\|\\\\u\\{1b\\}\\[2J')
})

test('as JSON every check of every client', async () => {
  const { clients } = JSON.parse((await report('--json')).out)
  expect(
    clients.map(({ client, verdict }: { client: { id: string }; verdict: string }) => [client.id, verdict]),
  ).toEqual([
    [BAD, 'breaks'],
    [EVIL, 'at risk'],
    [GOOD, 'ready'],
  ])
  for (const { findings } of clients) {
    expect(findings.map(({ check }: { check: string }) => check)).toEqual([
      'schedule',
      'schedule',
      'renewalInfo',
      'names',
      'reuse',
      'reuse',
      'clientAuth',
    ])
  }
})

test('an unknown format, and nobody seen', async () => {
  expect((await report('--format', 'pdf')).code).toBe(2)
  operations.inventory.clientList = []
  expect((await report()).err).toBe('no client with an account has been seen yet\n')
})

async function collected() {
  const found = []
  for await (const one of histories(operations.inventory)) found.push(one)
  return found
}

test('histories: certificates by client, orders with the age of their authorizations, key usage', async () => {
  const { inventory } = operations
  inventory.certificateList[0] = aCertificate({
    ...inventory.certificateList[0]!,
    fingerprint: 'newest',
    replaces: 'good.test2',
  })
  inventory.pems.set('newest', made(['good.test']).chain)
  inventory.orderList = [
    anOrder({
      createdAt: '2026-01-02T00:00:00.000Z',
      authorizations: [
        {
          id: 'b'.repeat(16),
          url: 'u',
          identifier: { type: 'dns', value: 'good.test' },
          wildcard: true,
          status: 'valid',
          expires: null,
          reused: true,
          challenges: [
            aChallenge({ status: 'invalid' }),
            aChallenge({ judgedAt: '2026-01-01T00:00:00.000Z' }),
          ],
        },
      ],
    }),
  ]
  const [good, bad] = await collected()
  expect(good!.certificates.map(({ fingerprint }) => fingerprint)).toEqual([
    'good.test0',
    'good.test1',
    'good.test2',
    'newest',
  ])
  expect(good!.before.has('good.test2')).toBe(true)
  expect(good!.orders).toMatchObject([
    { names: 1, authorizations: [{ name: '*.good.test', reused: true, validatedAt: START }] },
  ])
  expect(good!.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  expect(bad!.extendedKeyUsage).toBeNull()
  expect(bad!.caOffersRenewalInfo).toBe(true)
  expect(inventory.calls.filter(([what]) => what === 'orders').map(([, filter]) => filter.client)).toEqual([
    GOOD,
    BAD,
    EVIL,
  ])
})

test("lego's renewal information comes under another name from the same place", async () => {
  const place = { source: '192.0.2.9', label: null }
  const userAgent = 'lego-cli/4.35.2 xenolf-acme/4.35.2 (release; linux; amd64)'
  const lego = aClient({ ...place, account: LE, program: 'lego-cli', userAgent, asksRenewalInfo: false })
  const go = aClient({
    ...place,
    account: null,
    program: 'Go-http-client',
    userAgent: 'Go-http-client/1.1',
    asksRenewalInfo: true,
  })
  operations.inventory.clientList = [lego, go]
  expect((await collected()).map(({ client }) => client.asksRenewalInfo)).toEqual([true])
  operations.inventory.clientList = [lego, { ...go, source: '192.0.2.10' }]
  expect((await collected()).map(({ client }) => client.asksRenewalInfo)).toEqual([false])
})
