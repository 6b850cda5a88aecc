import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { stateLook } from '../../../../src/store/sqlite/alerts/state-look.ts'
import {
  type FleetCertificate,
  type FleetClient,
  FleetInventory,
} from '../../../support/alerts/fleet-inventory.ts'
import { BEGIN, DAY, HOUR, MINUTE } from '../../../support/alerts/how-things-stand.ts'

let fleet: FleetInventory
let now = 0
beforeEach(() => {
  fleet = new FleetInventory()
})
afterEach(() => fleet.close())

const look = () => stateLook(fleet.db, fleet.record, () => now)
const clientFrom = (source: string, user: string | null = null, at = BEGIN) =>
  fleet.client({ ca: 'alpha', program: 'certbot', source, user }, at)
const lived = (notBefore: number, days = 90) => ({ notBefore, notAfter: notBefore + days * DAY })
const set = (table: string, values: string, id: number) =>
  fleet.db.prepare(`update ${table} set ${values} where id = ?`).run(id)

const FIELDS = [
  'fingerprint',
  'serial',
  'ca',
  'names',
  'notBefore',
  'notAfter',
  'isForTests',
  'window',
  'source',
  'imported',
  'order',
  'account',
  'client',
  'clientText',
  'label',
  'replacedPredecessorAt',
] as const

describe('currentCertificates', () => {
  const names = ['www.example.com', 'a.example']
  const hold = (client: FleetClient, at = BEGIN, days = 90) =>
    fleet.certificate(client, names, lived(at, days), at, null, null)
  const fingerprints = () => [...look().currentCertificates()].map(({ fingerprint }) => fingerprint)

  test('everything a rule may ask of one', () => {
    const client = clientFrom('192.0.2.7', 'cluster-a')
    const order = fleet.order(client, names, BEGIN, 'valid')
    const before = fleet.certificate(client, names, lived(BEGIN), BEGIN, order, null)
    const at = BEGIN + 63 * DAY
    const one = fleet.certificate(client, names, lived(at), at, order, before)
    fleet.window(one, at + 59 * DAY, at + 61 * DAY, 'https://alpha.example/why')
    now = at + DAY
    const [found, ...others] = [...look().currentCertificates()]
    expect(others).toEqual([])
    const asked = Object.fromEntries(FIELDS.map((field) => [field, found?.[field]]))
    expect(asked).toEqual({
      fingerprint: one.fingerprint,
      serial: expect.stringMatching(/^[0-9a-f]+$/),
      ca: 'alpha',
      names,
      ...lived(at),
      isForTests: false,
      window: { start: at + 59 * DAY, end: at + 61 * DAY, explanation: 'https://alpha.example/why' },
      source: 'observed',
      imported: null,
      order: expect.stringMatching(/^[0-9a-f]{16}$/),
      account: 'https://alpha.example/account/192.0.2.7',
      client: client.key,
      clientText: 'certbot from 192.0.2.7 (cluster-a)',
      label: 'cluster-a',
      replacedPredecessorAt: 0.7,
    })
  })

  test('what was got at the same time for another type of key is not the one before', () => {
    const client = clientFrom('192.0.2.7')
    const pair = (at: number, before: FleetCertificate | null) => {
      const rsa = fleet.certificate(client, names, lived(at), at, null, before)
      const lately = at + MINUTE
      return fleet.certificate(client, names, lived(lately), lately, null, rsa)
    }
    const part = () => [...look().currentCertificates()].map((one) => one.replacedPredecessorAt)
    now = BEGIN + DAY
    const first = pair(BEGIN, null)
    expect(part()).toEqual([null])
    now = BEGIN + 73 * DAY
    pair(BEGIN + 72 * DAY, first)
    expect(part()).toEqual([0.8])
  })

  test('none that was revoked, replaced, or ended more than a week ago', () => {
    const client = clientFrom('192.0.2.7')
    const [revoked, ended, kept] = [hold(client), hold(client, BEGIN - DAY), hold(client)]
    set('certificates', 'revoked_at = 1', revoked.id)
    now = BEGIN + 97 * DAY - HOUR
    expect(fingerprints()).toEqual([kept.fingerprint])
    now = BEGIN + 96 * DAY
    expect(fingerprints()).toEqual([ended.fingerprint, kept.fingerprint])
    now = BEGIN + 98 * DAY
    expect(fingerprints()).toEqual([])
  })

  test('the Host of a relay is no label; what was erased is not told; issuers for tests are known', () => {
    const client = clientFrom('192.0.2.7', 'cluster-a')
    const one = hold(client)
    now = BEGIN
    fleet.record.exec('delete from personal')
    const [erased] = [...look().currentCertificates()]
    expect([erased?.label, erased?.clientText]).toEqual([null, 'certbot'])
    set('clients', "label = 'host:ca.example:8443'", client.id)
    set('certificates', "issuer = 'CN=(STAGING) Riddling Rhubarb R12,O=Let''s Encrypt,C=US'", one.id)
    const [relayed] = [...look().currentCertificates()]
    expect([relayed?.label, relayed?.clientText]).toEqual([null, 'certbot (ca.example:8443)'])
    expect(relayed?.isForTests).toBe(true)
  })

  test('by a name that it holds', () => {
    const client = clientFrom('192.0.2.7')
    const before = hold(client)
    const one = fleet.certificate(client, names, lived(BEGIN), BEGIN, null, before)
    const other = fleet.certificate(client, ['*.example.com'], lived(BEGIN), BEGIN, null, null)
    const having = (name: string) => [...look().currentWith(name)].map(({ fingerprint }) => fingerprint)
    now = BEGIN
    expect(having('WWW.example.com')).toEqual([one.fingerprint])
    expect(having('*.example.com')).toEqual([other.fingerprint])
    expect(having('example.com')).toEqual([])
    now = BEGIN + 98 * DAY
    expect(having('a.example')).toEqual([])
  })

  test('one look inside another, and one that is broken off', () => {
    const client = clientFrom('192.0.2.7')
    for (let n = 0; n < 5; n++) hold(client)
    now = BEGIN
    const { currentCertificates } = look()
    for (const outer of currentCertificates()) {
      expect([...currentCertificates()]).toHaveLength(5)
      expect(outer.names).toEqual(names)
      break
    }
    expect([...currentCertificates()]).toHaveLength(5)
  })
})

describe('lastOrder', () => {
  test('the newest for exactly these names, in whatever order and case', () => {
    const client = clientFrom('192.0.2.7')
    const order = (names: string[], day: number, status = 'valid') =>
      fleet.order(client, names, BEGIN + day * DAY, status)
    order(['www.example.com', 'a.example'], 1)
    order(['a.example', 'www.example.com'], 5, 'invalid')
    order(['a.example'], 9)
    const { lastOrder } = look()
    const two = ['WWW.example.com', 'a.example']
    expect(lastOrder(two, null)).toEqual({ at: BEGIN + 5 * DAY, status: 'invalid' })
    expect(lastOrder(['a.example'], 'alpha')).toEqual({ at: BEGIN + 9 * DAY, status: 'valid' })
    expect(lastOrder(['www.example.com'], null)).toBeNull()
    expect(lastOrder([], null)).toBeNull()
  })

  test('of that CA alone', () => {
    fleet.order(clientFrom('192.0.2.7'), ['a.example'], BEGIN, 'valid')
    const trial = fleet.client({ ca: 'staging', program: 'certbot', source: '192.0.2.7' }, BEGIN)
    fleet.order(trial, ['a.example'], BEGIN + DAY, 'valid')
    const { lastOrder } = look()
    expect(lastOrder(['a.example'], 'alpha')?.at).toBe(BEGIN)
    expect(lastOrder(['a.example'], 'staging')?.at).toBe(BEGIN + DAY)
    expect(lastOrder(['a.example'], 'beta')).toBeNull()
  })

  test('asked for again, where the CA gave the order that it had', () => {
    const order = fleet.order(clientFrom('192.0.2.7'), ['a.example'], BEGIN, 'pending')
    fleet.db
      .prepare('update orders set requests = 2, last_at = ? where id = ?')
      .run((BEGIN + DAY) * 1000, order)
    expect(look().lastOrder(['a.example'], 'alpha')?.at).toBe(BEGIN + DAY)
  })

  test('of addresses', () => {
    const client = clientFrom('192.0.2.7')
    fleet.order(client, ['192.0.2.1'], BEGIN, 'valid')
    expect(look().lastOrder(['192.0.2.1'], 'alpha')?.at).toBe(BEGIN)
  })
})

describe('clients', () => {
  const visit = (client: FleetClient, at: number, operations = ['directory', 'renewalInfo']) => {
    for (const operation of operations) fleet.exchange(client, operation, at)
  }
  const RENEWAL = ['directory', 'newNonce', 'newOrder', 'finalize', 'certificate']
  const found = () => [...look().clients()]

  test('the longest of its pauses, once it came three times without ordering', () => {
    const client = clientFrom('192.0.2.7')
    fleet.certificate(client, ['a.example'], lived(BEGIN), BEGIN, null, null)
    visit(client, BEGIN, RENEWAL)
    visit(client, BEGIN + 30 * MINUTE)
    now = BEGIN + 12 * HOUR
    visit(client, now)
    expect(found()[0]?.longestPause).toBeNull()
    for (const hours of [24, 48]) visit(client, BEGIN + hours * HOUR)
    now = BEGIN + 3 * DAY
    const [one] = found()
    expect(one).toMatchObject({
      client: client.key,
      first: BEGIN,
      last: BEGIN + 2 * DAY,
      silentFrom: BEGIN + 2 * DAY,
      soonestExpiry: BEGIN + 90 * DAY,
    })
    expect([one?.longestPause, one?.text, one?.names]).toEqual([DAY, 'certbot from 192.0.2.7', ['a.example']])
  })

  test('who comes only to order has no rhythm', () => {
    const client = clientFrom('192.0.2.7')
    for (let n = 0; n < 8; n++) {
      visit(client, BEGIN + n * DAY, RENEWAL)
      fleet.order(client, ['a.example'], BEGIN + n * DAY, 'valid')
    }
    now = BEGIN + 9 * DAY
    expect(found()).toMatchObject([{ client: client.key }])
    expect(found()[0]?.longestPause).toBeNull()
  })

  test('of many pauses the last twenty', () => {
    const client = clientFrom('192.0.2.7')
    fleet.order(client, ['a.example'], BEGIN, 'valid')
    visit(client, BEGIN)
    for (let n = 0; n < 21; n++) visit(client, BEGIN + 10 * DAY + n * 6 * HOUR)
    now = BEGIN + 16 * DAY
    expect(found()[0]?.longestPause).toBe(6 * HOUR)
  })

  test('not one without a current certificate or an order of the last hundred days', () => {
    const client = clientFrom('192.0.2.7')
    fleet.order(client, ['a.example'], BEGIN, 'valid')
    now = BEGIN + 99 * DAY
    expect(found()).toHaveLength(1)
    now = BEGIN + 101 * DAY
    expect(found()).toEqual([])
    fleet.certificate(client, ['a.example'], lived(BEGIN + 20 * DAY), BEGIN, null, null)
    expect(found()).toMatchObject([{ soonestExpiry: BEGIN + 110 * DAY }])
  })

  test('not one in whose place another came up since', () => {
    const [one, other] = [clientFrom('192.0.2.7'), clientFrom('192.0.2.8', null, BEGIN + DAY)]
    for (const client of [one, other]) fleet.order(client, ['a.example'], BEGIN, 'valid')
    now = BEGIN + 2 * DAY
    const keys = () => found().map(({ client }) => client)
    expect(keys()).toEqual([one.key, other.key])
    // The account at another address.
    set('clients', `account = ${one.account}`, other.id)
    expect(keys()).toEqual([other.key])
    visit(one, BEGIN + 1.5 * DAY)
    expect(keys()).toEqual([one.key, other.key])
    // Another account at the same address.
    set(
      'clients',
      `account = ${other.account}, source = (select source from clients where id = ${one.id})`,
      other.id,
    )
    set('clients', `last_at = first_at`, one.id)
    expect(keys()).toEqual([other.key])
  })

  test('silence counts from the end of the last day in which nobody was heard', () => {
    const [one, other] = [clientFrom('192.0.2.7'), clientFrom('192.0.2.8')]
    for (const client of [one, other]) {
      fleet.order(client, ['a.example'], BEGIN, 'valid')
      visit(client, BEGIN)
    }
    visit(other, BEGIN + 20 * HOUR)
    now = BEGIN + 21 * HOUR
    const silentFrom = () => found().find(({ client }) => client === one.key)?.silentFrom
    expect(silentFrom()).toBe(BEGIN)
    now = BEGIN + 5 * DAY
    expect(silentFrom()).toBe(now)
    visit(other, now)
    now += 6 * HOUR
    expect(silentFrom()).toBe(BEGIN + 5 * DAY)
  })
})
