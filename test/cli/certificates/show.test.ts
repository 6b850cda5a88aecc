import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openControlSocket } from '../../../src/api/control-socket.ts'
import { account } from '../../../src/audit/inventory/account.ts'
import { certificate } from '../../../src/audit/inventory/certificate.ts'
import { client } from '../../../src/audit/inventory/client.ts'
import { FilterRefused } from '../../../src/audit/inventory/values.ts'
import { issuerText, stateOf } from '../../../src/cli/describe-inventory.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { aCertificate, aClient, aFailure, anAccount, anOrder } from '../../support/inventoried.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const NOW = Date.UTC(2026, 10, 22, 1, 22, 25) * 1000

let operations: FakeOperations
let over: Over
beforeEach(() => {
  operations = new FakeOperations()
  over = runOver(operations, NOW)
})
afterEach(() => over.end())

test('the fixtures are what the inventory gives', () => {
  expect(certificate.parse(aCertificate())).toEqual(aCertificate())
  expect(account.parse(anAccount())).toEqual(anAccount())
  expect(client.parse(aClient())).toEqual(aClient())
})

const revoked = aCertificate({
  revokedAt: '2026-11-22T01:21:00.000Z',
  revocationReason: 1,
  revokedBy: 'certificateKey',
  replacedBy: '2'.repeat(64),
  renewalWindow: {
    start: '2027-01-20T00:00:00.000Z',
    end: '2027-01-21T00:00:00.000Z',
    askedAt: '2026-11-22T01:21:25.000Z',
    explanation: 'https://ca.test/why',
  },
})

test.each([
  ['3f2a1b', '3f2a1b'],
  ['03:F2:A1:B', '3f2a1b'],
  ['003F2A1B', '3f2a1b'],
  ['E'.repeat(64), 'e'.repeat(64)],
])('certificates show %s finds it', async (words) => {
  operations.inventory.certificateList = [revoked]
  const { code, out } = await over.run(['certificates', 'show', words])
  expect(code).toBe(0)
  for (const part of [
    'certificate 3f2a1b  revoked\n',
    'valid         2026-11-22T00:20:25.000Z to 2027-02-20T00:20:24.000Z (ends in 89d)',
    'came with     CN=Pebble Intermediate CA 0a1b2c',
    'order       dddddddddddddddd  (acmetap orders show dddddddddddddddd)',
    "revoked      2026-11-22T01:21:00.000Z, keyCompromise, with the certificate's key",
    'renew        2027-01-20T00:00:00.000Z to 2027-01-21T00:00:00.000Z, said the CA 60s ago',
    'because      https://ca.test/why',
  ]) {
    expect(out).toContain(part.replace('60s ago', '1m ago'))
  }
})

test('of a name the newest; a word of hex digits may be a name too', async () => {
  operations.inventory.certificateList = [revoked]
  expect((await over.run(['certificates', 'show', 'www.example.com'])).out).toContain('certificate 3f2a1b')
  await over.run(['certificates', 'show', 'cafe'])
  expect(operations.inventory.calls.at(-1)![1]).toMatchObject({
    name: { kind: 'exact', value: 'cafe' },
    limit: 1,
  })
  operations.inventory.certificateList = []
  const none = await over.run(['certificates', 'show', '00:11'])
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('there is no certificate 00:11')])
})

test('--pem is the certificate with its chain and nothing else', async () => {
  operations.inventory.certificateList = [revoked]
  const missing = await over.run(['certificates', 'show', '3f2a1b', '--pem'])
  expect([missing.code, missing.err]).toEqual([1, expect.stringContaining('is not kept')])
  operations.inventory.pems.set(
    'e'.repeat(64),
    '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----',
  )
  const { out } = await over.run(['certificates', 'show', '3f2a1b', '--pem'])
  expect(out).toBe('-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n')
  expect((await over.run(['certificates', 'show', 'a', '--pem', '--json'])).code).toBe(2)
})

test('an imported one tells where it was found', async () => {
  const imported = { host: 'web1', path: '/etc/ssl/a.pem', at: '2026-11-22T01:00:00.000Z', unmanaged: true }
  operations.inventory.certificateList = [
    aCertificate({
      source: 'imported',
      imported,
      order: null,
      account: null,
      client: null,
      downloadedBy: [],
    }),
  ]
  const { out } = await over.run(['certificates', 'show', '3f2a1b'])
  expect(out).toContain('imported    2026-11-22T01:00:00.000Z from /etc/ssl/a.pem on web1')
  expect(out).toContain('unmanaged   its client does not go through acmetap: only imports tell of it')
})

test('states: revoked before expired before replaced', () => {
  const at = (parts: Parameters<typeof aCertificate>[0]) => stateOf(aCertificate(parts), NOW)
  expect(at({})).toBe('valid')
  expect(at({ replacedBy: 'x' })).toBe('replaced')
  expect(at({ replacedBy: 'x', notAfter: '2026-11-22T01:22:25.000Z' })).toBe('expired')
  expect(at({ revokedAt: '2026-11-01T00:00:00.000Z', notAfter: '2026-11-22T01:22:25.000Z' })).toBe('revoked')
})

test('issuers by their common name', () => {
  expect(issuerText("CN=R11,O=Let's Encrypt,C=US")).toBe('R11')
  expect(issuerText('C=US, O=Example\\, Inc., CN=A \\"b\\"')).toBe('A "b"')
  expect(issuerText('O=No Name')).toBe('O=No Name')
})

test('accounts show and clients show, with what belongs to them', async () => {
  operations.inventory.accountList = [
    anAccount({ contacts: ['mailto:a@b.test', null], keyChanges: ['2026-11-22T01:00:00.000Z'] }),
  ]
  operations.inventory.clientList = [aClient()]
  operations.inventory.orderList = [anOrder()]
  operations.inventory.failureList = [aFailure()]
  const shown = await over.run(['accounts', 'show', anAccount().url])
  expect(shown.out).toMatch(/contacts {2,}a@b\.test, \(erased\)\n/)
  expect(shown.out).toMatch(/key changed {2,}2026-11-22T01:00:00\.000Z\n/)
  expect(shown.out).toMatch(/clients\nSEEN[\s\S]*last orders\nMADE/)
  expect(operations.inventory.calls).toEqual([
    ['accounts', { account: anAccount().url, limit: 1 }],
    ['clients', { account: anAccount().id, limit: 10 }],
    ['orders', { account: anAccount().id, limit: 10 }],
  ])
  const who = await over.run(['clients', 'show', aClient().id])
  expect(who.out).toMatch(/versions {2,}2\.1\.0, 5\.5\.0\n[\s\S]*last failures\nWHEN[\s\S]*last orders\nMADE/)
  const json = await over.run(['clients', 'show', aClient().id, '--json'])
  expect(JSON.parse(json.out)).toEqual({ client: aClient(), orders: [anOrder()], failures: [aFailure()] })
  expect((await over.run(['clients', 'show', '0'.repeat(16)])).code).toBe(1)
  operations.inventory.accounts = () =>
    Promise.reject(new FilterRefused('account', 'is not in the inventory'))
  const none = await over.run(['accounts', 'show', 'https://ca.test/2'])
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('there is no account https://ca.test/2')])
})

test.each(['accounts', 'clients', 'orders', 'certificates', 'failures'])(
  '%s show says the same of what is not there with a server and without',
  async (what) => {
    operations.inventory.accounts = () =>
      Promise.reject(new FilterRefused('account', 'no account with this URL, id or thumbprint was seen'))
    const words = [what, 'show', 'nosuch']
    const without = await over.run(words)
    expect([without.code, without.err]).toEqual([1, expect.stringMatching(/there is no \w+ nosuch in this/)])
    const server = await openControlSocket(operations, path.join(over.folder, 'data'), () => undefined)
    const opened = operations.calls.length
    try {
      expect(await over.run(words)).toEqual(without)
    } finally {
      await server.close()
    }
    expect(operations.calls.slice(opened)).not.toContainEqual(['openOffline', expect.anything()])
  },
)

test('accounts keys lists what signatures are verified with', async () => {
  expect((await over.run(['accounts', 'keys'])).err).toContain('acmetap accounts import')
  operations.keys.push({
    ca: 'pebble',
    account: 'https://localhost:8443/acct/1',
    jwk: { kty: 'EC', crv: 'P-256' },
    thumbprint: 'tp',
    source: 'newAccount',
  })
  expect((await over.run(['accounts', 'keys'])).out).toMatch(
    /pebble +https:\/\/localhost:8443\/acct\/1 +P-256 +tp +newAccount/,
  )
  expect(JSON.parse((await over.run(['accounts', 'keys', '--json'])).out)).toEqual(operations.keys)
})
