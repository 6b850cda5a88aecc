import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { EabKeyRequest } from '../../../src/api/broker-operations.ts'
import { brokerOperations } from '../../../src/app/broker/broker-operations.ts'
import { endpointsOf } from '../../../src/app/broker/endpoints.ts'
import type { EventDetails } from '../../../src/audit/event.ts'
import { CaHealth } from '../../../src/broker/routing/ca-health.ts'
import { Drill } from '../../../src/broker/routing/drill.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { createSealing } from '../../../src/engine/create-sealing.ts'
import { brokerAccount, brokerOrder } from '../../support/broker/broker-values.ts'
import { MemoryBrokerStore } from '../../support/broker/memory-broker-store.ts'
import { stillClock } from '../../support/exchanges.ts'

const LOCAL = { kind: 'local', token: null, name: null } as const
const CONFIG = `version: 1
cas: { le: { preset: letsencrypt }, zs: { preset: zerossl } }
local_cas: { home: { names: [.home.arpa] } }
broker:
  - { name: fleet, url: "https://acme.example", cas: [le, zs], staging: [home], labels: [{ name: team-a, names: [.a.example], from: [10.0.0.0/8] }] }
  - { name: inner, url: "https://acme.example", cas: [home] }
`

function opened(text = CONFIG) {
  const { config } = parseConfig(text, '/x/a.yaml', { env: {}, readFiles: false })
  const clock = stillClock()
  const store = new MemoryBrokerStore()
  const sealing = createSealing(randomBytes(32))
  const events: EventDetails[] = []
  const drill = new Drill(clock)
  const health = new CaHealth(clock, () => undefined)
  const operations = brokerOperations({
    store,
    sealing,
    clock,
    drill,
    events: {
      async record(_actor, details) {
        events.push(details)
        return 'id'
      },
    },
    endpoints: () => endpointsOf(config, 8443),
    isLocal: (ca) => Object.hasOwn(config.local_cas, ca),
    standing: (ca) => health.standing(ca),
  })
  const create = (request: Partial<EabKeyRequest> = {}) =>
    operations.createEabKey({ label: 'team-a', names: ['.a.example'], ...request }, LOCAL)
  return { operations, create, store, sealing, events, clock, drill }
}

test('a key is kept sealed, its MAC key is told once, and the record never has it', async () => {
  const { operations, create, store, sealing, events } = opened()
  const { key, mac, directories } = await create({
    names: ['.A.example', '.a.example', '*.b.example'],
    uses: 2,
  })
  expect(mac).toMatch(/^[\w-]{43}$/)
  const kept = (await store.eabKey(key.id))!
  expect(sealing.open(kept.mac, { table: 'eab', id: key.id, column: 'key' })).toBe(mac)
  expect(key).toMatchObject({ names: ['.a.example', '*.b.example'], uses: 2, used: 0, state: 'usable' })
  expect(directories.map(({ url }) => url)).toEqual([
    'https://acme.example/fleet/directory',
    'https://acme.example/fleet/staging/directory',
    'https://acme.example/inner/directory',
  ])
  expect(events).toEqual([
    expect.objectContaining({
      event: 'eabKeyCreated',
      key: key.id,
      label: 'team-a',
      names: key.names,
      uses: 2,
    }),
  ])
  expect(JSON.stringify([events, await operations.eabKeys()])).not.toContain(mac)
})

test('neither part begins as an option does, for both go onto command lines', async () => {
  const { create } = opened()
  for (let n = 0; n < 300; n++) {
    const { key, mac } = await create()
    expect(`${key.id[0]}${mac[0]}`).not.toContain('-')
  }
})

test('a key for an endpoint is good for its twin', async () => {
  const { create } = opened()
  const { key, directories } = await create({ endpoints: ['fleet'], cas: ['zs', 'home'] })
  expect(key.endpoints).toEqual(['fleet', 'fleet-staging'])
  expect(directories).toHaveLength(2)
  expect((await create({ endpoints: ['inner'] })).key.endpoints).toEqual(['inner'])
})

test.each<[Partial<EabKeyRequest>, RegExp]>([
  [{ label: 'Team A' }, /^label: /],
  [{ names: ['10.0.0.1'] }, /^names: .*address/],
  [{ names: ['*'] }, /^names: .*two ways/],
  [{ endpoints: ['flet'] }, /^endpoints: .*known: fleet, fleet-staging, inner/],
  [{ endpoints: ['inner'], cas: ['le'] }, /^cas: no endpoint of this key sends orders to "le"; known: home/],
  [{ uses: 0 }, /^uses: /],
  [{ expiresAt: '2001-01-01T00:00:00Z' }, /^expiresAt: /],
])('%j is refused, and nothing is kept or recorded', async (request, said) => {
  const { create, events, store } = opened()
  await expect(create(request)).rejects.toThrow(said)
  expect([events, await store.eabKeys()]).toEqual([[], []])
})

test('every name is a key for every name only where that is said', async () => {
  const { create } = await opened()
  await expect(create({ names: [] })).rejects.toThrow(/at least one pattern/)
  await expect(create({ anyName: true })).rejects.toThrow(/at least one pattern/)
  expect((await create({ names: [], anyName: true })).key.names).toEqual([])
})

test('without an endpoint there is nothing to make keys for', async () => {
  const { create } = opened('version: 1\ncas: { le: { preset: letsencrypt } }\n')
  await expect(create()).rejects.toThrow(/no broker: add an endpoint/)
})

test('a key is revoked once, whatever is asked; spent and expired are seen', async () => {
  const { operations, create, store, events, clock } = opened()
  const { key } = await create({ uses: 1 })
  expect(await store.addAccount(brokerAccount({ eabKey: key.id, label: 'team-a' }))).toBeNull()
  expect((await operations.eabKeys())[0]).toMatchObject({ state: 'spent', used: 1 })
  const revoked = await operations.revokeEabKey(key.id, LOCAL)
  expect(revoked).toMatchObject({ state: 'revoked', used: 1 })
  expect(await operations.revokeEabKey(key.id, LOCAL)).toEqual(revoked)
  expect(events.map(({ event }) => event)).toEqual(['eabKeyCreated', 'eabKeyRevoked'])
  await expect(operations.revokeEabKey('x'.repeat(22), LOCAL)).rejects.toThrow(/there is no EAB key/)
  const soon = new Date(clock.now().wall / 1000 + 1000).toISOString()
  await create({ expiresAt: soon })
  const kept = (await store.eabKeys()).find(({ expiresAt }) => expiresAt !== null)!
  await store.putEabKey({ ...kept, expiresAt: clock.now().wall })
  expect((await operations.eabKeys()).map(({ state }) => state).sort()).toEqual(['expired', 'revoked'])
})

test('status and orders tell where things are', async () => {
  const { operations, store } = opened()
  const account = brokerAccount({ label: 'team-a' })
  await store.addAccount(account)
  const order = brokerOrder({ endpoint: 'fleet', account: account.id, status: 'processing' })
  await store.addOrder(order, [])
  await store.addOrder(brokerOrder({ endpoint: 'inner', status: 'valid' }), [])
  const status = await operations.status()
  expect(status.openOrders).toBe(1)
  expect(status.endpoints.map(({ name, openOrders }) => [name, openOrders])).toEqual([
    ['fleet', 1],
    ['fleet-staging', 0],
    ['inner', 0],
  ])
  expect(status.endpoints[0]!.labels).toEqual([
    { name: 'team-a', directory: 'https://acme.example/fleet/~team-a/directory' },
  ])
  expect(status.cas.map(({ name, kind, state }) => `${name} ${kind} ${state}`)).toEqual([
    'le acme closed',
    'zs acme closed',
    'home local closed',
  ])
  const open = await operations.orders({ open: true, limit: 10 })
  expect(open.map(({ id, label, status: how }) => [id, label, how])).toEqual([
    [order.id, 'team-a', 'processing'],
  ])
  expect(await operations.orders({ limit: 10 })).toHaveLength(2)
  expect(await operations.orders({ endpoint: 'inner', limit: 10 })).toHaveLength(1)
  expect(await operations.orders({ open: true, ca: 'none', limit: 10 })).toEqual([])
})

test('a drill is recorded before it begins, holds for its labels, and can be stopped', async () => {
  const { operations, drill, events } = opened()
  await expect(operations.startDrill({ ca: 'nix', for: 60 }, LOCAL)).rejects.toThrow(/known: le, zs, home/)
  await operations.startDrill({ ca: 'le', labels: ['team-a'], for: 60 }, LOCAL)
  expect(() => drill.check('le', 'team-a')).toThrow(/drill/)
  expect(() => drill.check('le', 'team-b')).not.toThrow()
  expect((await operations.status()).drills).toMatchObject([{ ca: 'le', labels: ['team-a'] }])
  await expect(operations.stopDrills('zs', LOCAL)).rejects.toThrow(/no drill of "zs"/)
  expect(await operations.stopDrills(null, LOCAL)).toMatchObject([{ ca: 'le' }])
  expect(() => drill.check('le', 'team-a')).not.toThrow()
  expect(events.map(({ event }) => event)).toEqual(['drillStarted', 'drillStopped'])
})
