import { expect, test } from 'vitest'
import { VitalsMeter } from '../../src/alerts/vitals-meter.ts'
import { type VitalParts, vitalsOf } from '../../src/app/vitals.ts'
import type { Config } from '../../src/config/schema.ts'
import type { EngineAccount } from '../../src/engine/account.ts'
import { stillClock } from '../support/exchanges.ts'

const SECOND = 1_000_000
const OWN = { certificate: { chain: 'c.pem', key: 'k.pem' }, tls: false }

const LOCAL_ROOT = {
  name: 'local CA internal',
  fingerprint: 'CD',
  notAfter: 10,
  run: 'acmetap local-ca create internal --next',
}
const LOST = {
  ca: 'pebble',
  url: 'https://ca.example/1',
  tenant: 'team-a',
  status: 'revoked',
  lostAt: 3999,
} as EngineAccount

function world() {
  const clock = stillClock()
  const began = clock.wall / 1000
  const stand = { healthy: true, projected: 5, recorded: 5, error: null as string | null, isClosed: false }
  const config = {
    cas: { pebble: {} },
    data: '/nowhere',
    relay: [],
    broker: [],
    intercept: { cas: ['pebble'] },
    listeners: { acme: OWN, proxy: OWN, admin: { ...OWN, certificate: undefined } },
  } as unknown as Config
  const parts: VitalParts = {
    clock,
    config: () => config,
    meter: new VitalsMeter(clock),
    recorder: {
      get healthy() {
        return stand.healthy
      },
    },
    spill: { bytes: 7 },
    inventory: {
      async progress() {
        if (stand.isClosed) throw new Error('closed')
        const { projected, recorded } = stand
        return { projected, recorded, rebuilding: false, fault: null }
      },
    },
    issuer: { root: { fingerprint: 'AB', notAfter: new Date(9), run: 'acmetap root rotate' } },
    policy: () => null,
    sinks: {
      status: async () => [{ name: 'amp', position: 1, backlog: 2, lastError: stand.error }],
    },
    channels: () => [],
    async localRoots() {
      if (stand.isClosed) throw new Error('closed')
      return [LOCAL_ROOT]
    },
    lostAccounts: async () => [LOST],
  }
  const vitals = vitalsOf(parts)
  return {
    stand,
    async after(seconds: number) {
      clock.wall += seconds * SECOND
      clock.monotonic += seconds * SECOND
      const now = await vitals()
      const ago = (at: number | null) => (at === null ? null : (at - began) / 1000)
      return {
        ...now,
        unwritable: ago(now.record.unwritableSince),
        behind: ago(now.record.behindSince),
        sink: ago(now.sinks[0]?.failingSince ?? null),
      }
    },
  }
}

test('when all is well nothing has been wrong since ever', async () => {
  const { after } = world()
  expect(await after(0)).toMatchObject({
    cas: [{ ca: 'pebble', exchanges: 0 }],
    record: { unwritableSince: null, detail: null, backlog: 0, behindSince: null, spillBytes: 7 },
    roots: [{ name: 'interception', fingerprint: 'AB', notAfter: 9, run: 'acmetap root rotate' }, LOCAL_ROOT],
    lostAccounts: [
      { ca: 'pebble', account: 'https://ca.example/1', tenant: 'team-a', status: 'revoked', since: 3 },
    ],
    sinks: [{ name: 'amp', failingSince: null, backlog: 2, error: null }],
    channels: [],
  })
})

test('since when something is wrong is remembered until it is over, and begins anew the next time', async () => {
  const { stand, after } = world()
  await after(10)
  Object.assign(stand, { healthy: false, recorded: 9, error: 'refused' })
  expect(await after(10)).toMatchObject({ unwritable: 20, behind: 20, sink: 20, record: { backlog: 4 } })
  expect(await after(10)).toMatchObject({ unwritable: 20, behind: 20, sink: 20 })
  Object.assign(stand, { healthy: true, recorded: 5, error: null })
  expect(await after(10)).toMatchObject({ unwritable: null, behind: null, sink: null })
  stand.error = 'again'
  expect(await after(10)).toMatchObject({ unwritable: null, sink: 50 })
})

test('an inventory that can not be asked stands as it stood', async () => {
  const { stand, after } = world()
  stand.recorded = 9
  await after(10)
  stand.isClosed = true
  expect(await after(10)).toMatchObject({ behind: 10, record: { backlog: 4 }, roots: [{}, LOCAL_ROOT] })
})
