import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ValidationRequest } from '../../../src/broker/validate.ts'
import type { NameRecords } from '../../support/dns-zone-server.ts'
import { diagnosed, KEY_AUTHORIZATION, NAME, World } from './world.ts'

const RECORD = `_acme-challenge.${NAME}`
const DIGEST = createHash('sha256').update(KEY_AUTHORIZATION).digest('base64url')

let world: World
beforeEach(async () => {
  world = await new World().open()
})
afterEach(() => world.close())

const look = (change: Partial<ValidationRequest> = {}) => world.look({ type: 'dns-01', ...change })

async function says(type: string, detail: string, diagnosis: string): Promise<void> {
  const problem = await look()
  expect(problem).toEqual({
    type: `urn:ietf:params:acme:error:${type}`,
    detail,
    status: type === 'unauthorized' || type === 'caa' ? 403 : 400,
  })
  expect(diagnosed(problem!, 'dns-01')).toBe(diagnosis)
}

describe('the record', () => {
  test.each<[string, Readonly<Record<string, NameRecords>>]>([
    ['alone', { [RECORD]: { TXT: [DIGEST] } }],
    ['among others', { [RECORD]: { TXT: ['a', 'b', DIGEST, 'c'] } }],
    [
      'behind aliases',
      {
        [RECORD]: { CNAME: 'a.example.org' },
        'a.example.org': { CNAME: 'b.example.net' },
        'b.example.net': { TXT: [DIGEST] },
      },
    ],
  ])('%s', async (_, zones) => {
    world.zones = zones
    expect(await look()).toBeNull()
    expect(await look({ wildcard: true })).toBeNull()
  })

  test('in an answer that only TCP takes', async () => {
    const answers = [DIGEST, ...Array.from({ length: 40 }, () => 'x'.repeat(200))].map((data) => ({
      type: 'TXT' as const,
      name: RECORD,
      ttl: 0,
      data,
    }))
    world.respond = () => ({ truncated: true, answers })
    expect(await look()).toBeNull()
  })

  test('is not there', async () => {
    world.zones = { [RECORD]: {} }
    await says('unauthorized', `No TXT record found at ${RECORD}`, 'txt-missing')
  })

  test('is another', async () => {
    world.zones = { [RECORD]: { TXT: ['wrong'] } }
    await says('unauthorized', `Incorrect TXT record "wrong" found at ${RECORD}`, 'txt-wrong')
    world.zones = { [RECORD]: { TXT: ['x'.repeat(150), DIGEST.toLowerCase(), ` ${DIGEST}`] } }
    await says(
      'unauthorized',
      `Incorrect TXT record "${'x'.repeat(100)}..." (and 2 more) found at ${RECORD}`,
      'txt-wrong',
    )
  })
})

describe('the DNS', () => {
  test('no such name', async () => {
    world.zones = { 'example.net': {} }
    await says(
      'dns',
      `DNS problem: NXDOMAIN looking up TXT for ${RECORD} - check that a DNS record exists for this domain`,
      'nxdomain',
    )
  })

  test('SERVFAIL', async () => {
    world.respond = () => ({ rcode: 'SERVFAIL' })
    await says(
      'dns',
      `DNS problem: SERVFAIL looking up TXT for ${RECORD} - the domain's nameservers may be malfunctioning`,
      'servfail',
    )
  })

  test('DNSSEC', async () => {
    world.respond = () => ({ rcode: 'SERVFAIL', extended: [6, 'no signature'] })
    await says('dns', `DNS problem: looking up TXT for ${RECORD}: DNSSEC: Bogus: "no signature"`, 'dnssec')
  })

  test('REFUSED', async () => {
    world.respond = () => ({ rcode: 'REFUSED' })
    await says('dns', `DNS problem: REFUSED looking up TXT for ${RECORD}`, 'dns-failure')
  })

  test('silence', async () => {
    world.respond = () => null
    await says('dns', `DNS problem: query timed out looking up TXT for ${RECORD}`, 'dns-timeout')
  })

  test('nonsense', async () => {
    world.respond = () => ({ raw: Buffer.from('nonsense') })
    await says('dns', `DNS problem: query timed out looking up TXT for ${RECORD}`, 'dns-timeout')
  })

  test('nobody there', async () => {
    world.settings = { resolvers: [`127.0.0.1:${world.tlsPort}`] }
    await says('dns', `DNS problem: networking error looking up TXT for ${RECORD}`, 'dns-failure')
  })

  test('the second resolver where the first is silent', async () => {
    world.zones = { [RECORD]: { TXT: [DIGEST] } }
    world.settings = { resolvers: [`127.0.0.1:${world.tlsPort}`, world.resolver] }
    expect(await look()).toBeNull()
  })

  test('asked from every address', async () => {
    world.zones = { [RECORD]: { TXT: [DIGEST] } }
    world.settings = { from: ['127.0.0.5', '127.0.0.6'] }
    expect(await look()).toBeNull()
  })

  test('http-01 of a name without an address', async () => {
    world.zones = { [NAME]: {} }
    const problem = await world.look()
    expect(problem).toMatchObject({
      type: 'urn:ietf:params:acme:error:dns',
      detail: `no valid A records found for ${NAME}; no valid AAAA records found for ${NAME}`,
    })
    expect(diagnosed(problem!, 'http-01')).toBe('no-address')
  })

  test('http-01 of no name', async () => {
    world.zones = {}
    const problem = await world.look()
    expect(problem?.detail).toBe(
      `DNS problem: NXDOMAIN looking up A for ${NAME} - check that a DNS record exists for this domain; DNS problem: NXDOMAIN looking up AAAA for ${NAME} - check that a DNS record exists for this domain`,
    )
    expect(diagnosed(problem!, 'http-01')).toBe('nxdomain')
  })

  test('http-01 where AAAA fails and A is there', async () => {
    world.respond = ({ name, type }) =>
      type === 'A' ? { answers: [{ type, name, ttl: 0, data: '127.0.0.1' }] } : { rcode: 'SERVFAIL' }
    await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    expect(await world.look()).toBeNull()
  })
})

describe('what is not validated', () => {
  test.each<[string, Partial<ValidationRequest>]>([
    ['a wildcard over HTTP', { type: 'http-01', wildcard: true }],
    ['a wildcard over TLS', { type: 'tls-alpn-01', wildcard: true }],
    ['an address over DNS', { identifier: { type: 'ip', value: '127.0.0.1' } }],
    ['something else', { identifier: { type: 'permanent-identifier', value: 'x' } }],
  ])('%s', async (_, change) => {
    expect(await look(change)).toMatchObject({ type: 'urn:ietf:params:acme:error:malformed' })
  })

  test('a type that is no longer offered', async () => {
    world.settings = { types: ['http-01'] }
    expect(await look()).toMatchObject({ type: 'urn:ietf:params:acme:error:malformed' })
  })
})

describe('CAA', () => {
  const ACCOUNT = 'https://acme.example.net/fleet/account/a1'
  const caa = (at: string, ...records: (readonly [number, string, string])[]) => {
    world.settings = { caa: true }
    world.zones = { [NAME]: {}, [RECORD]: { TXT: [DIGEST] }, [at]: { ...world.zones[at], CAA: records } }
  }

  test.each<[string, string, ...(readonly [number, string, string])[]]>([
    ['us', NAME, [0, 'issue', 'acme.example.net']],
    ['us, in upper case', NAME, [0, 'ISSUE', 'ACME.example.NET']],
    ['us at the parent', 'example.com', [0, 'issue', 'acme.example.net']],
    ['us at the top', 'com', [0, 'issue', 'acme.example.net']],
    ['us beside others', NAME, [0, 'issue', 'letsencrypt.org'], [0, 'issue', 'acme.example.net']],
    ['this account', NAME, [0, 'issue', `acme.example.net; accounturi=${ACCOUNT}`]],
    ['this method', NAME, [0, 'issue', 'acme.example.net; validationmethods=http-01,dns-01']],
    ['everybody: nothing of issue', NAME, [0, 'iodef', 'mailto:a@example.com']],
    ['us for names, nobody for wildcards', NAME, [0, 'issue', 'acme.example.net'], [0, 'issuewild', ';']],
  ])('permits %s', async (_, at, ...records) => {
    caa(at, ...records)
    expect(await look()).toBeNull()
  })

  test.each<[string, string, ...(readonly [number, string, string])[]]>([
    ['another CA', NAME, [0, 'issue', 'letsencrypt.org']],
    ['another CA at the parent', 'example.com', [0, 'issue', 'letsencrypt.org']],
    ['nobody', NAME, [0, 'issue', ';']],
    ['another account', NAME, [0, 'issue', `acme.example.net; accounturi=${ACCOUNT}2`]],
    ['another method', NAME, [0, 'issue', 'acme.example.net; validationmethods=http-01']],
    ['what nobody knows', NAME, [128, 'future', 'x'], [0, 'issue', 'acme.example.net']],
    ['nonsense', NAME, [0, 'issue', 'not a domain']],
  ])('permits %s', async (_, at, ...records) => {
    caa(at, ...records)
    const problem = await look()
    expect(problem).toMatchObject({ type: 'urn:ietf:params:acme:error:caa', status: 403 })
    expect(problem!.detail).toContain(
      `While processing CAA for ${NAME}: CAA record for ${at} prevents issuance: `,
    )
    expect(diagnosed(problem!, 'dns-01')).toBe('caa')
  })

  test('the nearest decides', async () => {
    caa(NAME, [0, 'issue', 'acme.example.net'])
    world.zones = { ...world.zones, 'example.com': { CAA: [[0, 'issue', ';']] } }
    expect(await look()).toBeNull()
  })

  test('wildcards by issuewild', async () => {
    caa(NAME, [0, 'issue', 'letsencrypt.org'], [0, 'issuewild', 'acme.example.net'])
    expect(await look({ wildcard: true })).toBeNull()
    expect(await look()).toMatchObject({ type: 'urn:ietf:params:acme:error:caa' })
    caa(NAME, [0, 'issue', 'acme.example.net'], [0, 'issuewild', ';'])
    expect((await look({ wildcard: true }))!.detail).toContain(`While processing CAA for *.${NAME}: `)
  })

  test('that cannot be looked up', async () => {
    caa(NAME)
    const { respond } = world
    world.respond = (asked) =>
      asked.type === 'CAA' && asked.name === 'com' ? { rcode: 'SERVFAIL' } : respond(asked)
    await says(
      'dns',
      `While processing CAA for ${NAME}: DNS problem: SERVFAIL looking up CAA for com - the domain's nameservers may be malfunctioning`,
      'servfail',
    )
  })

  test('is not asked where it is not wanted, nor of an address', async () => {
    caa(NAME, [0, 'issue', ';'])
    world.settings = { caa: false }
    expect(await look()).toBeNull()
    world.settings = { caa: true }
    await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    expect(await world.look({ identifier: { type: 'ip', value: '127.0.0.1' } })).toBeNull()
  })
})
