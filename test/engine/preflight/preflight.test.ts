import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { whyNotPublic } from '../../../src/ca/address-class.ts'
import { issuerOfDomain, issuerOfPreset } from '../../../src/engine/preflight/issuers.ts'
import { createPreflight, type PreflightRequest } from '../../../src/engine/preflight/preflight.ts'
import { context } from '../../contract/solver.contract.ts'
import {
  answerFrom,
  type NameRecords,
  type Respond,
  startZoneServer,
  type ZoneServer,
} from '../../support/dns-zone-server.ts'

const NAME = 'www.lab.test'
const ACCOUNT = 'https://ca.test/acct/1'

let zones: Record<string, NameRecords>
let resolving: Respond
let resolver: ZoneServer

beforeEach(async () => {
  zones = { test: { SOA: true }, 'lab.test': { SOA: true }, [NAME]: { A: ['1.1.1.1'] } }
  resolving = (asked) => answerFrom(zones)(asked)
  resolver = await startZoneServer((asked) => resolving(asked))
})
afterEach(() => resolver.close())

function look(more: Partial<PreflightRequest> = {}, watching = context()): Promise<void> {
  const { address, port } = resolver
  return createPreflight({ resolvers: [{ address, port }], port: 1, notPublic: whyNotPublic })(
    {
      identifier: { type: 'dns', value: NAME },
      wildcard: false,
      type: 'http-01',
      issuer: issuerOfPreset('letsencrypt'),
      accountUrl: ACCOUNT,
      ...more,
    },
    watching,
  )
}

describe('a look before an attempt', () => {
  it('finds nothing wrong with a sound name', async () => {
    const watching = context()
    await look({}, watching)
    expect(watching.told).toEqual([])
  })

  it('tells that CAA forbids the CA', async () => {
    zones['lab.test'] = { SOA: true, CAA: [[0, 'issue', 'other.example']] }
    await expect(look()).rejects.toMatchObject({
      fault: 'solver',
      identifier: NAME,
      message: expect.stringMatching(
        /not tried, the CA would refuse it: CAA records at lab\.test.*Add: CAA 0 issue "letsencrypt\.org"/,
      ),
    })
  })

  it.each([
    [
      'accounturi',
      `letsencrypt.org; accounturi=${ACCOUNT}`,
      'letsencrypt.org; accounturi=https://ca.test/acct/2',
    ],
    [
      'validationmethods',
      'letsencrypt.org; validationmethods=dns-persist-01',
      'letsencrypt.org; validationmethods=http-01',
    ],
  ])('reads %s of CAA for its own account and challenge', async (_what, allows, forbids) => {
    zones[NAME] = { A: ['1.1.1.1'], CAA: [[0, 'issue', allows]] }
    await look({ type: 'dns-persist-01' })
    zones[NAME] = { A: ['1.1.1.1'], CAA: [[0, 'issue', forbids]] }
    await expect(look({ type: 'dns-persist-01' })).rejects.toMatchObject({ fault: 'solver' })
  })

  it.each([
    ['does not exist', null, /NXDOMAIN/],
    ['has no address', {}, /neither an A nor an AAAA/],
  ])('tells that the name %s, where the CA connects to it', async (_what, records, says) => {
    if (records === null) delete zones[NAME]
    else zones[NAME] = records
    await expect(look()).rejects.toMatchObject({ message: expect.stringMatching(says) })
    await expect(look({ type: 'tls-alpn-01' })).rejects.toMatchObject({
      message: expect.stringMatching(says),
    })
    await look({ type: 'dns-01' })
  })

  it('tells that DNSSEC is broken', async () => {
    resolving = (asked) =>
      asked.unvalidated ? answerFrom(zones)(asked) : { rcode: 'SERVFAIL', extended: [6, 'bogus'] }
    await expect(look({ type: 'dns-01' })).rejects.toMatchObject({
      message: expect.stringMatching(/DNSSEC of /),
    })
  })

  it('refuses nothing for which it has no proof', async () => {
    resolving = () => ({ rcode: 'SERVFAIL' })
    const watching = context()
    await look({}, watching)
    expect(watching.told.join('\n')).toMatch(/SERVFAIL looking up/)
    zones[NAME] = { A: ['10.0.0.1'] }
    resolving = (asked) => answerFrom(zones)(asked)
    await look({}, watching)
    expect(watching.told.at(-1)).toMatch(/10\.0\.0\.1/)
  })

  it.each([
    ['a CA of its own', { issuer: issuerOfDomain('ca.lab.test') }],
    ['a CA that is not known', { issuer: null }],
    ['an address', { identifier: { type: 'ip', value: '192.0.2.1' } }],
  ])('asks nothing for %s', async (_what, more) => {
    delete zones[NAME]
    await look(more)
    expect(resolver.questions).toEqual([])
  })

  it('is stopped', async () => {
    resolving = () => null
    const stop = new AbortController()
    const looking = look({}, { ...context(), signal: stop.signal })
    setTimeout(() => stop.abort(), 100)
    await expect(looking).rejects.toMatchObject({ fault: 'aborted' })
  })
})
