import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Client } from '../../../src/audit/inventory/client.ts'
import { addressOf, readExpected } from '../../../src/cli/clients/expected-hosts.ts'
import { resolveAddresses } from '../../../src/cli/clients/expected-resolve.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { aCertificate, aClient } from '../../support/inventoried.ts'
import { offlineApplication } from '../../support/offline-inventory.ts'
import { runHere } from '../../support/run-here.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z') * 1000
let folder: string
let operations: FakeOperations

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'expected-'))
  operations = new FakeOperations()
  operations.inventory.pageSize = 2
  await writeFile(
    path.join(folder, 'acmetap.yaml'),
    'version: 1\ncas: { pebble: { preset: pebble } }\nrelay: [{ host: "localhost:8443", ca: pebble }]\n',
  )
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const daysAgo = (days: number): string => new Date(NOW / 1000 - days * 86_400_000).toISOString()
let ids = 0
function seen(parts: Partial<Client>, days: number): Client {
  ids += 1
  return aClient({
    id: String(ids).padStart(16, '0'),
    modes: ['intercept'],
    source: null,
    label: null,
    lastSeen: daysAgo(days),
    ...parts,
  })
}

async function compare(list: string, ...words: string[]) {
  await writeFile(path.join(folder, 'hosts.csv'), list)
  return runHere(['clients', '--expected', 'hosts.csv', ...words], folder, {
    now: NOW,
    columns: 200,
    application: offlineApplication(operations),
  })
}

async function states(list: string, ...words: string[]): Promise<Record<string, string>> {
  const { out } = await compare(list, '--json', ...words)
  const { hosts } = JSON.parse(out) as { hosts: { host: string; state: string }[] }
  return Object.fromEntries(hosts.map(({ host, state }) => [host, state]))
}

const imported = (host: string, unmanaged: boolean, days: number, replacedBy: string | null = null) =>
  aCertificate({
    source: 'imported',
    client: null,
    notAfter: daysAgo(-days),
    replacedBy,
    imported: { host, path: '/x.pem', at: daysAgo(1), unmanaged },
  })

describe('each state', () => {
  beforeEach(() => {
    operations.inventory.clientList = [
      seen({ label: 'Web1.example.com' }, 1),
      seen({ label: 'web1.example.com', program: 'lego' }, 3),
      seen({ source: '192.0.2.2' }, 34.9),
      seen({ source: '2001:DB8:0:0::3' }, 35.1),
      seen({ label: 'stranger', program: 'acme.sh' }, 2),
      seen({ label: 'stranger', source: '192.0.2.99' }, 5),
      seen({ label: 'long-gone' }, 300),
      seen({ modes: ['relay'], label: 'localhost:8443', source: '192.0.2.98' }, 2),
    ]
    operations.inventory.certificateList = [
      imported('printer', true, 20),
      imported('printer', true, 5, 'a newer one'),
      imported('printer', true, 10),
      imported('plain', false, 7),
      imported('web1.example.com', true, 9),
    ]
  })
  const LIST =
    'host,address\nweb1.example.com.,\nweb2,192.0.2.2\nweb3,"2001:db8::3 192.0.2.77"\nweb4,192.0.2.4\nprinter,\nplain,\n'

  test('as a table, what asks for attention first', async () => {
    const { code, out, err } = await compare(LIST)
    expect([code, err]).toEqual([1, ''])
    const lines = out.split('\n').map((line) => line.replace(/ {2,}/g, '|'))
    expect(lines.slice(1, -3)).toEqual([
      'plain|never seen|-|-|-|in 7d',
      'web4|never seen|-|-|-|-',
      'web3|silent|35d ago|CertbotACMEClient|2001:db8::3|-',
      'printer|unmanaged|-|-|-|in 10d',
      '192.0.2.98|not expected|2d ago|CertbotACMEClient|-|-',
      'stranger|not expected|2d ago|acme.sh, CertbotACMEClient|-|-',
      'web1.example.com.|seen|24h ago|CertbotACMEClient, lego|Web1.example.com|in 9d',
      'web2|seen|34d ago|CertbotACMEClient|192.0.2.2|-',
    ])
    expect(out).toMatch(/\n2 seen, 1 silent, 2 never seen, 1 unmanaged, 2 not expected\n$/)
  })

  test('--silent moves the limit; strangers too are those of this time', async () => {
    expect(await states(LIST, '--silent', '400d')).toMatchObject({
      web3: 'seen',
      'long-gone': 'not expected',
    })
    expect(await states(LIST, '--silent', '2h')).toMatchObject({
      'web1.example.com.': 'silent',
      web2: 'silent',
    })
    expect((await compare(LIST, '--silent', 'soon')).code).toBe(2)
  })

  test('nothing silent and nothing missing is exit code 0', async () => {
    expect((await compare('web1.example.com\nprinter\n')).code).toBe(0)
  })
})

test('one address for several hosts: any of them may have been seen, and it says so', async () => {
  operations.inventory.clientList = [seen({ source: '192.0.2.2' }, 1)]
  const { out } = await compare('host,address\na,192.0.2.2\nb,192.0.2.2\n', '--json')
  const { hosts } = JSON.parse(out)
  expect(hosts).toMatchObject([
    { host: 'a', state: 'seen', note: expect.stringContaining('192.0.2.2 is the address of 2 hosts') },
    { host: 'b', state: 'seen' },
  ])
})

test('a label decides before an address does', async () => {
  operations.inventory.clientList = [seen({ label: 'a', source: '192.0.2.2' }, 1)]
  const { out } = await compare('host,address\na,192.0.2.2\nb,192.0.2.2\n', '--json')
  expect(JSON.parse(out).hosts).toMatchObject([{ host: 'a', knownBy: 'a', note: null }, { host: 'b' }])
})

test('an address whose value was erased, or of another form, is nobody', async () => {
  operations.inventory.clientList = [seen({ source: null }, 1), seen({ source: 'hashed:abc' }, 1)]
  expect(await states('192.0.2.2\n')).toMatchObject({ '192.0.2.2': 'never seen' })
})

describe('the list', () => {
  const hostsOf = async (text: string, column?: string) => {
    const file = path.join(folder, 'list')
    await writeFile(file, text)
    return readExpected(file, column)
  }
  test.each([
    ['one a line', 'a\n# no host\n\n b \r\nA.\n', ['a', 'b']],
    ['a header', 'Owner,Hostname\nx,a\ny,b\n', ['a', 'b']],
    ['semicolons and a byte order mark', '\ufeffhost;owner\na;x\n', ['a']],
    ['quotes', 'host,owner\n"a","x, y"\n', ['a']],
    ['rows of different length', 'owner,host\nx\ny,b,z\n', ['b']],
    ['a header alone above one column', 'host\na\n', ['a']],
  ])('%s', async (_what, text, hosts) => {
    expect((await hostsOf(text)).map(({ host }) => host)).toEqual(hosts)
  })

  test('a column by its name', async () => {
    expect(await hostsOf('machine,host\na,x\n', ' Machine ')).toMatchObject([{ host: 'a' }])
    await expect(hostsOf('machine,host\na,x\n', 'box')).rejects.toThrow(
      '--column "box" is not in the first row: machine, host',
    )
  })

  test('no column that could be it, nothing in it, no such file', async () => {
    await expect(hostsOf('machine,owner\na,x\n')).rejects.toThrow('Name it with --column: machine, owner')
    await expect(hostsOf('host\n')).rejects.toThrow('no host in it')
    await expect(hostsOf('a,"b\n')).rejects.toThrow('not a CSV table')
    await expect(readExpected(path.join(folder, 'none'))).rejects.toThrow('no such file')
  })

  test('addresses of a host that comes twice are put together', async () => {
    expect(await hostsOf('host,ip\na,192.0.2.1\na,192.0.2.2|192.0.2.1\n')).toEqual([
      { host: 'a', addresses: ['192.0.2.1', '192.0.2.2'] },
    ])
  })
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['[2001:DB8:0:0:0:0:0:1]', '2001:db8::1'],
  ['fe80::1%eth0', null],
  ['192.0.2', null],
  ['a.test', null],
])('%s as an address: %s', (text, address) => {
  expect(addressOf(text)).toBe(address)
})

test('--resolve asks for names alone, and keeps those without an address', async () => {
  const given = [
    { host: 'localhost', addresses: [] },
    { host: 'no-such-host.invalid', addresses: [] },
    { host: '192.0.2.1', addresses: ['192.0.2.1'] },
  ]
  const { expected, problems } = await resolveAddresses(given)
  expect(expected[0]!.addresses.join()).toMatch(/127\.0\.0\.1|::1/)
  expect(expected.slice(1)).toEqual(given.slice(1))
  expect(problems).toEqual([expect.stringMatching(/^1 of the hosts/)])
})

test('of a host that was seen: which certificate of its clients expires first', async () => {
  const [one, two] = [seen({ label: 'web1' }, 1), seen({ label: 'web1', program: 'lego' }, 2)]
  operations.inventory.clientList = [one, two, seen({ label: 'web2' }, 1)]
  operations.inventory.certificateList = [
    aCertificate({ client: one.id, notAfter: daysAgo(-40) }),
    aCertificate({ client: two.id, notAfter: daysAgo(-30) }),
    aCertificate({ client: one.id, notAfter: daysAgo(-50) }),
    imported('web1', false, 60),
  ]
  const { hosts } = JSON.parse((await compare('web1\nweb2\n', '--json')).out)
  expect(hosts).toMatchObject([
    { host: 'web1', nextExpiry: daysAgo(-30) },
    { host: 'web2', nextExpiry: null },
  ])
  expect(operations.inventory.calls).toContainEqual([
    'certificates',
    expect.objectContaining({ source: 'observed', state: 'valid' }),
  ])
})
