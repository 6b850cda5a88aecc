import { afterEach, describe, expect, test } from 'vitest'
import type { EndpointState } from '../../../src/alerts/endpoint.ts'
import type { Place } from '../../../src/alerts/watch/place.ts'
import type { Probed } from '../../../src/alerts/watch/probe.ts'
import { Watcher, type WatchSettings } from '../../../src/alerts/watch/watcher.ts'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import { stillClock } from '../../support/exchanges.ts'
import { aCertificate as inventoried } from '../../support/inventoried.ts'

const SECOND = 1_000_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const BEGAN = Date.parse('2026-11-22T00:00:00Z')

/** Seen before anybody looked. */
function aCertificate(parts: Partial<InventoriedCertificate>): InventoriedCertificate {
  return inventoried({ firstSeen: '2026-11-01T00:00:00.000Z', ...parts })
}

const watchers: Watcher[] = []
afterEach(() => {
  for (const watcher of watchers.splice(0)) watcher.close()
})

function world(settings: Partial<WatchSettings>, kept: readonly EndpointState[] = []) {
  const clock = stillClock()
  clock.wall = BEGAN * 1000
  const began = clock.monotonic
  const given = { endpoints: [], learn: false, every: 86_400_000, ...settings }
  const certificates: InventoriedCertificate[] = []
  const states = new Map(kept.map((state) => [state.endpoint, state]))
  const looks: { readonly endpoint: string; readonly at: number }[] = []
  const told: EndpointState[] = []
  const watched: (readonly string[])[] = []
  const faults: unknown[] = []
  let result: (place: Place) => Probed | Promise<Probed> = () => serves()
  let most = 0
  let underWay = 0
  const watcher = new Watcher({
    clock,
    settings: () => given,
    random: () => 0.5,
    onFault: (error) => faults.push(error),
    async probe(place) {
      looks.push({ endpoint: place.endpoint, at: (clock.monotonic - began) / MINUTE })
      underWay += 1
      most = Math.max(most, underWay)
      const probed = await result(place)
      underWay -= 1
      return probed
    },
    inventory: {
      async certificates({ limit, cursor, since, state, name }) {
        const from = Number(cursor ?? 0)
        const found = certificates.filter(
          (one) =>
            (since === undefined || Date.parse(one.firstSeen) * 1000 >= since) &&
            (state === undefined || one.replacedBy === null) &&
            (name === undefined || one.identifiers.some(({ value }) => value === name.value)),
        )
        const next = from + limit < found.length ? String(from + limit) : null
        return { items: found.slice(from, from + limit), next }
      },
      certificate: async (id) => certificates.find(({ fingerprint }) => fingerprint === id) ?? null,
    },
    reader: { endpoints: async () => ({ items: [...states.values()], next: null }) },
    feed: {
      async probed(state) {
        told.push(state)
        states.set(state.endpoint, state)
      },
      async watched(endpoints) {
        watched.push(endpoints)
        for (const [endpoint, { source }] of states) {
          if (source !== 'added' && !endpoints.includes(endpoint)) states.delete(endpoint)
        }
      },
    },
  })
  watchers.push(watcher)
  return {
    clock,
    watcher,
    settings: given as { -readonly [Key in keyof WatchSettings]: WatchSettings[Key] },
    certificates,
    states,
    looks,
    told,
    watched,
    faults,
    most: () => most,
    finds(next: typeof result) {
      result = next
    },
    async pass(micros: number, step = SECOND) {
      for (let left = micros; left > 0; left -= step) {
        await watcher.tick()
        await new Promise(setImmediate)
        clock.monotonic += step
        clock.wall += step
      }
    },
    minutes: (endpoint?: string) =>
      looks
        .filter((look) => endpoint === undefined || look.endpoint === endpoint)
        .map(({ at }) => Math.round(at)),
  }
}

const SERVED: NonNullable<EndpointState['served']> = {
  fingerprint: 'a'.repeat(64),
  serial: '1f',
  names: ['www.example.com'],
  issuer: 'CN=Root',
  notBefore: '2026-10-01T00:00:00.000Z',
  notAfter: '2026-12-30T00:00:00.000Z',
  chain: ['CN=www.example.com'],
  trusted: true,
  fault: null,
}

function serves(parts: Partial<typeof SERVED> = {}, keyType: string | null = 'P-256'): Probed {
  const certificate = { ...SERVED, ...parts }
  return { served: { certificate, names: certificate.names, keyType }, error: null }
}

const FAILS: Probed = { served: null, error: 'ECONNREFUSED' }

function added(endpoint: string, parts: Partial<EndpointState> = {}): EndpointState {
  return {
    endpoint,
    source: 'added',
    probed: null,
    served: null,
    error: null,
    failingSince: null,
    newer: null,
    ...parts,
  }
}

describe('a place is looked at', () => {
  test('at once, and then every day', async () => {
    const { pass, minutes, told } = world({ endpoints: ['www.example.com:443'] })
    await pass(2.5 * DAY, 20 * SECOND)
    expect(minutes()).toEqual([0, 1440, 2880])
    expect(told[0]).toEqual({
      endpoint: 'www.example.com:443',
      source: 'config',
      probed: '2026-11-22T00:00:00.000Z',
      served: SERVED,
      error: null,
      failingSince: null,
      newer: null,
    })
  })

  test('sooner while it can not be seen; what it served last and since when is kept', async () => {
    const { pass, finds, minutes, told } = world({ endpoints: ['www.example.com:443'] })
    await pass(MINUTE)
    finds(() => FAILS)
    await pass(1.5 * DAY, 20 * SECOND)
    expect(minutes().map((at) => at - 1440)).toEqual([-1440, 0, 5, 20, 65, 200, 605])
    expect(told.at(-1)).toMatchObject({
      served: SERVED,
      error: 'ECONNREFUSED',
      failingSince: '2026-11-23T00:00:00.000Z',
    })
    finds(() => serves())
    await pass(DAY, 20 * SECOND)
    expect(told.at(-1)).toMatchObject({ error: null, failingSince: null })
  })

  test('since no later than now, when the clock was set back', async () => {
    const { clock, pass, finds, told } = world({ endpoints: ['www.example.com:443'] })
    finds(() => FAILS)
    await pass(MINUTE)
    clock.wall -= 365 * DAY
    await pass(DAY, 20 * SECOND)
    expect(told.length).toBeGreaterThan(1)
    expect(told[1]?.failingSince).toBe(told[1]?.probed)
    expect(told.at(-1)?.failingSince).toBe(told[1]?.probed)
  })

  test('and one that does not verify counts as failing', async () => {
    const { pass, finds, told } = world({ endpoints: ['www.example.com:443'] })
    finds(() => serves({ trusted: false, fault: 'it has expired' }))
    await pass(MINUTE)
    expect(told).toMatchObject([{ error: null, failingSince: '2026-11-22T00:00:00.000Z' }])
  })

  test('when it is added by hand, once more when it is named again, and no longer when it is taken off', async () => {
    const { pass, states, watcher, looks, watched } = world({})
    await pass(MINUTE)
    states.set('mail.example.com:25/smtp', added('mail.example.com:25/smtp'))
    watcher.refresh()
    await pass(2 * SECOND)
    expect(looks.map(({ endpoint }) => endpoint)).toEqual(['mail.example.com:25/smtp'])
    watcher.refresh('mail.example.com:25/smtp')
    await pass(2 * SECOND)
    expect(looks).toHaveLength(2)
    states.delete('mail.example.com:25/smtp')
    await pass(3 * DAY, MINUTE)
    expect(looks).toHaveLength(2)
    expect(watched).toEqual([])
  })

  test('no longer when it is taken out of the configuration: the desk is told', async () => {
    const { pass, settings, watcher, watched, states } = world({ endpoints: ['a.test:443', 'B.test:443'] })
    await pass(MINUTE)
    settings.endpoints = ['a.test:443']
    watcher.refresh()
    await pass(MINUTE)
    expect(watched).toEqual([['a.test:443', 'b.test:443'], ['a.test:443']])
    expect([...states.keys()]).toEqual(['a.test:443'])
  })

  test('after a start when it was to be, not at once', async () => {
    const probed = new Date(BEGAN - 20 * 3_600_000).toISOString()
    const { pass, minutes } = world({ endpoints: ['a.test:443'] }, [
      added('a.test:443', { source: 'config', probed }),
    ])
    await pass(DAY, 20 * SECOND)
    expect(minutes()).toEqual([240])
  })

  test('though another line of the configuration is none', async () => {
    const { pass, looks, faults } = world({ endpoints: ['nonsense', 'a.test:443'] })
    await pass(2 * SECOND)
    expect(looks).toHaveLength(1)
    expect(String(faults[0])).toContain('must be host:port')
  })
})

test('a clock that is set starts nothing', async () => {
  const { clock, pass, looks } = world({ endpoints: ['a.test:443', 'b.test:443'] })
  await pass(MINUTE)
  clock.wall += 400 * DAY
  await pass(HOUR, 10 * SECOND)
  clock.wall -= 800 * DAY
  await pass(HOUR, 10 * SECOND)
  expect(looks).toHaveLength(2)
})

test('a thousand places: eight at once, ten a second at most, and those of people first', async () => {
  const { certificates, pass, looks, most, finds, states } = world({
    learn: true,
    endpoints: ['named.test:443'],
  })
  for (let n = 0; n < 1000; n += 1) {
    const identifiers = [{ type: 'dns', value: `n${n}.test` }]
    certificates.push(aCertificate({ fingerprint: String(n), identifiers }))
  }
  finds((place) =>
    new Promise((resolve) => setTimeout(resolve, 1)).then(() =>
      serves({ names: [place.host], notBefore: '2026-11-22T12:00:00.000Z' }),
    ),
  )
  await pass(2 * HOUR)
  const seconds = new Map<number, number>()
  for (const { at } of looks) seconds.set(Math.round(at * 60), (seconds.get(Math.round(at * 60)) ?? 0) + 1)
  expect(most()).toBeLessThanOrEqual(8)
  expect(Math.max(...seconds.values())).toBeLessThanOrEqual(10)
  expect([looks.length, states.size]).toEqual([1001, 1001])
  expect(looks[0]!.endpoint).toBe('named.test:443')
})

describe('learned', () => {
  const of = (...values: string[]) => values.map((value) => ({ type: 'dns', value }))

  test('are port 443 of the names of current certificates; wildcards are none', async () => {
    const { certificates, pass, looks, told } = world({ learn: true })
    certificates.push(
      aCertificate({ fingerprint: '1', identifiers: of('a.test', '*.a.test') }),
      aCertificate({ fingerprint: '2', identifiers: of('old.test'), replacedBy: '1' }),
      aCertificate({ fingerprint: '3', identifiers: of('in.test'), source: 'imported' }),
      aCertificate({ fingerprint: '4', identifiers: [{ type: 'ip', value: '2001:db8::1' }] }),
    )
    await pass(2 * HOUR, 10 * SECOND)
    expect(looks.map(({ endpoint }) => endpoint).sort()).toEqual([
      '[2001:db8::1]:443',
      'a.test:443',
      'in.test:443',
    ])
    expect(told.map(({ source }) => source).sort()).toEqual(['imported', 'learned', 'learned'])
  })

  test('one that never served anything is no place: nobody is told', async () => {
    const { certificates, finds, pass, looks, told } = world({ learn: true })
    certificates.push(aCertificate({ identifiers: of('a.test') }))
    finds(() => FAILS)
    await pass(6 * DAY, MINUTE)
    expect([looks.length, told]).toEqual([1, []])
  })

  test('one that served and no longer does is told', async () => {
    const { certificates, finds, pass, told } = world({ learn: true })
    certificates.push(aCertificate({ identifiers: of('a.test') }))
    await pass(HOUR, 10 * SECOND)
    finds(() => FAILS)
    await pass(2 * DAY, MINUTE)
    expect(told.at(-1)).toMatchObject({ source: 'learned', served: SERVED, error: 'ECONNREFUSED' })
  })

  test('by the run before are kept until this one has read the inventory', async () => {
    const state = added('n900.test:443', {
      source: 'learned',
      probed: new Date(BEGAN).toISOString(),
      served: SERVED,
    })
    const { certificates, pass, states } = world({ learn: true }, [state])
    for (let n = 0; n < 1000; n += 1) {
      certificates.push(aCertificate({ fingerprint: String(n), identifiers: of(`n${n}.test`) }))
    }
    await pass(MINUTE)
    expect(states.has('n900.test:443')).toBe(true)
  })

  test('are forgotten when nobody wants them any more', async () => {
    const { certificates, pass, settings, watcher, states } = world({ learn: true })
    certificates.push(aCertificate({ identifiers: of('a.test') }))
    await pass(HOUR, 10 * SECOND)
    expect(states.size).toBe(1)
    settings.learn = false
    watcher.refresh()
    await pass(2 * MINUTE)
    expect(states.size).toBe(0)
  })
})

describe('after a renewal', () => {
  const renewed = (parts: Partial<InventoriedCertificate> = {}) =>
    aCertificate({
      fingerprint: 'b'.repeat(64),
      serial: '2e',
      notBefore: '2026-11-22T00:30:00.000Z',
      firstSeen: '2026-11-22T00:30:00.000Z',
      ...parts,
    })

  test('the place is looked at an hour later, hourly while the old one is served, and told what is newer', async () => {
    const { certificates, pass, finds, minutes, told } = world({ endpoints: ['www.example.com:443'] })
    await pass(30 * MINUTE)
    certificates.push(renewed())
    await pass(3.5 * HOUR, 10 * SECOND)
    expect(minutes()[0]).toBe(0)
    expect(minutes()[1]).toBeGreaterThanOrEqual(90)
    expect(minutes()[1]).toBeLessThanOrEqual(96)
    expect(minutes()).toHaveLength(4)
    expect(told.at(-1)?.newer).toEqual({
      fingerprint: 'b'.repeat(64),
      serial: '2e',
      firstSeen: '2026-11-22T00:30:00.000Z',
    })
    finds(() => serves({ fingerprint: 'b'.repeat(64), notBefore: '2026-11-22T00:30:00.000Z' }))
    await pass(2 * HOUR, 10 * SECOND)
    expect(told.at(-1)?.newer).toBeNull()
    const before = minutes().length
    await pass(5 * HOUR, 10 * SECOND)
    expect(minutes().length).toBe(before)
    await pass(4 * HOUR, 10 * SECOND)
    expect(minutes().length).toBe(before + 1)
  })

  test.each<readonly [string, Partial<InventoriedCertificate>, string | null]>([
    [
      'of more names',
      {
        identifiers: [
          { type: 'dns', value: 'www.example.com' },
          { type: 'dns', value: 'example.com' },
        ],
      },
      null,
    ],
    ['that was made before', { notBefore: '2026-09-01T00:00:00.000Z' }, null],
    ['that was replaced itself', { replacedBy: 'c'.repeat(64) }, null],
    [
      'with another type of key, made within days',
      { keyType: 'RSA', notBefore: '2026-10-02T00:00:00.000Z' },
      null,
    ],
    ['with another type of key, made much later', { keyType: 'RSA' }, '2e'],
    ['of another CA, where nobody knows whose the served one is', { ca: 'staging' }, '2e'],
    [
      'of an issuer for tests, where nobody knows whose the served one is',
      { ca: 'staging', issuer: "CN=(STAGING) Riddling Rhubarb R12,O=Let's Encrypt,C=US" },
      null,
    ],
  ])('one %s', async (_, parts, serial) => {
    const { certificates, pass, told } = world({ endpoints: ['www.example.com:443'] })
    certificates.push(renewed(parts))
    await pass(MINUTE)
    expect(told.at(-1)?.newer?.serial ?? null).toBe(serial)
  })

  test('one of a CA for tests takes the place of none of another', async () => {
    const { certificates, pass, told } = world({ endpoints: ['www.example.com:443'] })
    certificates.push(
      renewed({ ca: 'staging' }),
      aCertificate({ fingerprint: SERVED.fingerprint, replacedBy: null }),
    )
    await pass(MINUTE)
    expect(told.at(-1)?.newer).toBeNull()
  })
})
