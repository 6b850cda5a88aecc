import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CaaForbids, createCaaForbids } from '../../../src/engine/preflight/caa-forbids.ts'
import { issuerOfDomain, issuerOfPreset } from '../../../src/engine/preflight/issuers.ts'
import {
  answerFrom,
  type NameRecords,
  type Respond,
  startZoneServer,
  type ZoneServer,
} from '../../support/dns-zone-server.ts'

const NAME = 'www.lab.test'

let zones: Record<string, NameRecords>
let resolving: Respond
let resolver: ZoneServer
let asked: number
let monotonic: number
let forbids: CaaForbids

beforeEach(async () => {
  zones = { test: { SOA: true }, 'lab.test': { SOA: true }, [NAME]: { A: ['1.1.1.1'] } }
  asked = 0
  monotonic = 0
  resolving = (question) => answerFrom(zones)(question)
  resolver = await startZoneServer((question) => {
    asked += 1
    return resolving(question)
  })
  const { address, port } = resolver
  const clock = { now: () => ({ wall: 0, monotonic }) }
  forbids = createCaaForbids({ resolvers: () => [{ address, port }], clock })
})
afterEach(() => resolver.close())

const issuer = issuerOfPreset('letsencrypt')!
const ask = (more: Partial<Parameters<CaaForbids>[0]> = {}) =>
  forbids({
    identifier: { type: 'dns', value: NAME },
    wildcard: false,
    type: 'http-01',
    issuer,
    accountUrl: null,
    ...more,
  })

const caa = (value: string, tag = 'issue') => ({ CAA: [[0, tag, value] as const] })

test('nothing forbids it: no records, or such as permit it', async () => {
  expect(await ask()).toBeNull()
  zones['lab.test'] = { SOA: true, ...caa('letsencrypt.org') }
  expect(await ask({ identifier: { type: 'dns', value: 'other.lab.test' } })).toBeNull()
})

test('another CA alone may issue; for the wildcard nobody', async () => {
  zones['lab.test'] = { SOA: true, ...caa('sectigo.com') }
  expect(await ask()).toContain('sectigo.com')
  expect(await ask({ issuer: issuerOfPreset('zerossl')! })).toBeNull()
  zones['lab.test'] = { SOA: true, ...caa(';', 'issuewild') }
  expect(await ask({ wildcard: true, type: 'dns-01' })).not.toBeNull()
})

test('another account alone may, where ours is known', async () => {
  zones[NAME] = caa('letsencrypt.org; accounturi=https://ca.test/acct/2')
  expect(await ask()).toBeNull()
  expect(await ask({ accountUrl: 'https://ca.test/acct/1' })).toContain('accounturi')
  expect(await ask({ accountUrl: 'https://ca.test/acct/2' })).toBeNull()
})

test('an answer is kept for five minutes', async () => {
  zones[NAME] = caa('sectigo.com')
  expect(await ask()).not.toBeNull()
  const before = asked
  zones[NAME] = caa('letsencrypt.org')
  expect(await ask()).not.toBeNull()
  expect(asked).toBe(before)
  monotonic = 301_000_000
  expect(await ask()).toBeNull()
})

test("nothing is forbidden by a name that is not there, nor to a CA of one's own, or an address", async () => {
  zones = {}
  expect(await ask()).toBeNull()
  expect(await ask({ issuer: issuerOfDomain('ca.lab.test') })).toBeNull()
  expect(await ask({ identifier: { type: 'ip', value: '192.0.2.1' } })).toBeNull()
})
