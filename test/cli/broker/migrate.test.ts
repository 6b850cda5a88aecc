import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { engineAccountExample } from '../../../src/api/engine-examples.ts'
import { certificateExample, clientExample } from '../../../src/api/examples.ts'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import type { Client } from '../../../src/audit/inventory/client.ts'
import { proposeMigration } from '../../../src/cli/broker/migration.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { type BrokerCommands, brokerCommands } from '../../support/broker/broker-commands.ts'

const BEFORE = `version: 1
# A comment that stays.
cas:
  letsencrypt: { preset: letsencrypt }
  zerossl: { preset: zerossl }
  pebble: { preset: pebble, trust: ./x.pem }
relay: [{ host: "localhost:8443", ca: pebble }]
intercept: { cas: [letsencrypt, zerossl] }
`

let commands: BrokerCommands | undefined
afterEach(() => commands?.end())

let count = 0
const client = (changes: Partial<Client>): Client => ({
  ...clientExample,
  id: `client-${++count}`,
  label: null,
  source: '192.0.2.1',
  ...changes,
})
const certificate = (of: Client, names: string[], changes: Partial<InventoriedCertificate> = {}) =>
  ({
    ...certificateExample,
    fingerprint: String(++count),
    client: of.id,
    profile: null,
    identifiers: names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' : 'dns', value })),
    ...changes,
  }) as InventoriedCertificate

const seen = () => {
  const team = client({ label: 'team-a' })
  const other = client({ label: null, program: 'lego-cli', source: '192.0.2.7' })
  const tiny = client({ program: 'acme-tiny', source: '192.0.2.8' })
  const addressed = client({ program: 'acmez', source: '192.0.2.9' })
  const idle = client({ program: 'curl', source: '192.0.2.10' })
  const gone = client({ program: 'gone', source: '192.0.2.11' })
  const relayed = client({
    program: 'uacme',
    source: '192.0.2.12',
    modes: ['relay'],
    label: 'localhost:8443',
  })
  const own = client({ program: 'acmetap', modes: ['engine'] })
  return {
    clients: [team, other, tiny, addressed, idle, gone, relayed, own],
    certificates: [
      certificate(team, ['a.example', '*.a.example'], { profile: 'shortlived' }),
      certificate(team, ['A.example', 'www.a.example']),
      certificate(other, ['b.example'], { ca: 'zerossl' }),
      certificate(tiny, ['c.example']),
      certificate(addressed, ['d.example', '192.0.2.200']),
      certificate(gone, ['e.example'], { ca: 'removed' }),
      certificate(relayed, ['f.example'], { ca: 'pebble' }),
      certificate(own, ['own.example']),
      {
        ...certificate(own, ['x.example']),
        client: null,
        source: 'imported' as const,
        imported: { host: 'web7', path: '/etc/x.pem', at: '2026-11-22T00:00:00Z', unmanaged: true },
      },
    ],
  }
}
const propose = (from = ['relay', 'intercept']) =>
  proposeMigration({ ...seen(), from, cas: ['letsencrypt', 'zerossl', 'pebble'] })

test('who moves, how, with the names it was seen with; and who stays, and why', () => {
  const { moves, direct, cas } = propose()
  const shown = Object.fromEntries(moves.map(({ label, how, names, why }) => [label, { how, names, why }]))
  expect(shown).toEqual({
    'team-a': { how: 'eab', names: ['*.a.example', 'a.example', 'www.a.example'], why: null },
    'lego-cli-192.0.2.7': { how: 'eab', names: ['b.example'], why: null },
    'acme-tiny-192.0.2.8': { how: 'label', names: ['c.example'], why: null },
    'acmez-192.0.2.9': {
      how: 'stays',
      names: ['d.example'],
      why: expect.stringMatching(/address 192\.0\.2\.200/),
    },
    'curl-192.0.2.10': {
      how: 'stays',
      names: [],
      why: expect.stringMatching(/no certificate of it was seen/),
    },
    'gone-192.0.2.11': { how: 'stays', names: ['e.example'], why: expect.stringMatching(/not under cas/) },
    'uacme-192.0.2.12': { how: 'eab', names: ['f.example'], why: null },
  })
  expect(cas).toEqual(['letsencrypt', 'pebble', 'zerossl'])
  expect(moves[0]!.label).toBe('team-a')
  expect(direct).toEqual([expect.objectContaining({ host: 'web7', names: ['x.example'] })])
})

test('one mode alone', () => {
  expect(propose(['relay']).moves.map(({ label }) => label)).toEqual(['uacme-192.0.2.12'])
})

test('more names than a key holds become their zones', () => {
  const one = client({ label: 'big' })
  const names = Array.from({ length: 201 }, (_, n) => `h${n}.big.example`)
  const [move] = proposeMigration({
    clients: [one],
    certificates: [certificate(one, names)],
    from: ['intercept'],
    cas: ['letsencrypt'],
  }).moves
  expect(move!.names).toEqual(['.big.example'])
})

async function opened(kind: 'server' | 'offline', config = BEFORE) {
  commands = await brokerCommands(kind, config)
  const { clients, certificates } = seen()
  commands.operations.inventory.clientList = clients
  commands.operations.inventory.certificateList = certificates
  commands.operations.inventory.pageSize = 3
  commands.operations.engine.accountList = [engineAccountExample]
  return commands
}

test('the configuration is what config check takes, with every comment, and on no host of a relay', async () => {
  const { run, folder } = await opened('server')
  const { code, out, err } = await run('broker', 'migrate', '--out', 'moving')
  expect(code, err).toBe(0)
  expect(out).toMatch(/team-a +CertbotACMEClient at 192\.0\.2\.1 +EAB key +letsencrypt +2/)
  expect(out).toMatch(/Clients that stay, for now/)
  expect(out).toMatch(/web7 +x\.example +\/etc\/x\.pem +its client takes neither/)
  const text = readFileSync(path.join(folder, 'moving', 'acmetap.yaml'), 'utf8')
  expect(text).toContain('# A comment that stays.')
  const { config } = parseConfig(text, path.join(folder, 'acmetap.yaml'), { env: {}, readFiles: false })
  expect(config.broker).toHaveLength(1)
  expect(config.broker[0]).toMatchObject({
    name: 'fleet',
    url: 'https://broker.localhost:8443',
    cas: ['letsencrypt', 'pebble', 'zerossl'],
    proof: 'policy',
    eab: 'optional',
    labels: [{ name: 'acme-tiny-192.0.2.8', names: ['c.example'], from: ['192.0.2.8/32'] }],
    routes: [
      { labels: ['uacme-192.0.2.12'], cas: ['pebble', 'letsencrypt', 'zerossl'] },
      { labels: ['lego-cli-192.0.2.7'], cas: ['zerossl', 'letsencrypt', 'pebble'] },
    ],
    profiles: [{ name: 'shortlived' }],
  })
  expect(config.listeners.acme.names).toEqual(['localhost', 'broker.localhost'])
})

test('records: for the account that is there, and a word for those that are not', async () => {
  const { run, folder } = await opened('server')
  await run('broker', 'migrate', '--out', 'moving')
  const zone = readFileSync(path.join(folder, 'moving', 'records.zone'), 'utf8')
  const account = engineAccountExample.url
  expect(zone).toContain(
    `_validation-persist.a.example. IN TXT "letsencrypt.org; accounturi=${account}; policy=wildcard"`,
  )
  expect(zone).toContain(
    `b.example. IN CAA 0 issue "letsencrypt.org; accounturi=${account}; validationmethods=dns-persist-01"`,
  )
  expect(zone).toContain(`a.example. IN CAA 0 issuewild "letsencrypt.org;`)
  expect(zone).not.toContain('d.example')
  expect(zone).toMatch(/^; There is no account at zerossl yet: acmetap engine accounts register zerossl/m)
})

test('with a DNS server of our own, a CNAME for each name', async () => {
  const { run } = await opened(
    'server',
    `${BEFORE}engine: { dns: { zone: acme-dns.example.net, nameserver: ns.example.net } }\n`,
  )
  const { out } = await run('broker', 'migrate')
  expect(out).toContain('_acme-challenge.a.example. IN CNAME a.example.acme-dns.example.net.')
  expect(out).toContain('validationmethods=dns-01')
})

test('keys are made where the endpoint is, for those who have none, into a file that only its owner reads', async () => {
  const config = `${BEFORE}broker: [{ name: fleet, url: "https://acme.example", cas: [letsencrypt] }]\n`
  const { run, folder, operations } = await opened('server', config)
  const { code, err } = await run('broker', 'migrate', '--create', '--out', 'moving')
  expect(code, err).toBe(0)
  const file = path.join(folder, 'moving', 'eab-keys.json')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const keys = JSON.parse(readFileSync(file, 'utf8')) as {
    key: { label: string; names: string[] }
    mac: string
  }[]
  // team-a has a usable key already.
  expect(keys.map(({ key }) => key.label).sort()).toEqual(['lego-cli-192.0.2.7', 'uacme-192.0.2.12'])
  expect(operations.broker.calls.filter(([call]) => call === 'createEabKey')).toHaveLength(2)
  const again = await run('broker', 'migrate', '--create', '--out', 'moving')
  expect([again.code, again.err]).toEqual([1, expect.stringMatching(/is there already/)])
  expect(operations.broker.calls.filter(([call]) => call === 'createEabKey')).toHaveLength(2)
})

test('no key is made for an endpoint that is not there, nor where its MAC key would be lost', async () => {
  const { run, operations } = await opened('server')
  expect((await run('broker', 'migrate', '--create', '--out', 'm')).err).toMatch(/no endpoint fleet/)
  expect((await run('broker', 'migrate', '--create')).err).toMatch(/--create needs --out/)
  expect(operations.broker.calls).toEqual([])
})

test('without a server it reads the record, and says which accounts are missing', async () => {
  const { run } = await opened('offline')
  const { code, out } = await run('broker', 'migrate', '--json')
  expect(code).toBe(0)
  const told = JSON.parse(out)
  expect(told.moves).toHaveLength(7)
  expect(told.records.caa).toEqual([])
  expect(told.records.notes.join('\n')).toMatch(/no account at letsencrypt/)
})

test('where nobody came by, it says so', async () => {
  commands = await brokerCommands('offline', BEFORE)
  expect((await commands.run('broker', 'migrate')).err).toMatch(/holds no client that came by relay/)
})
