import { describe, expect, test } from 'vitest'
import { thumbprintOf } from '../../src/acme/thumbprint.ts'
import type { Classified } from '../../src/exchange/exchange.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { type AccountKeys, inspect } from '../../src/exchange/inspect.ts'
import { members, newTestKey, s, signed } from '../support/ambiguous-requests.ts'

const KEY = newTestKey()
const ACCOUNT = 'https://ca.example:8443/acct/1'
const URL_HERE = 'https://ca.example:8443/new-order'

const known: AccountKeys = {
  accountKey: async (ca, account) =>
    ca === 'pebble' && account === ACCOUNT
      ? { ca, account, jwk: KEY.jwk, thumbprint: thumbprintOf(KEY.jwk), source: 'newAccount' }
      : null,
}

function exchange(
  body: Buffer,
  changes: Partial<Classified['request']> = {},
  more: Partial<Classified> = {},
): Classified {
  return {
    id: newExchangeId(),
    parent: null,
    mode: 'relay',
    connection: {
      listener: 'acme',
      clientAddress: '192.0.2.1',
      clientPort: 1,
      tlsVersion: 'TLSv1.3',
      serverName: null,
      mode: 'relay',
      proxyUser: null,
      intercepted: null,
    },
    destination: { ca: 'pebble', authority: 'ca.example:8443' },
    request: {
      ...{ method: 'POST', target: '/new-order', authority: 'ca.example:8443', fields: [], body },
      ...{ truncated: false, httpVersion: '1.1', ambiguities: [], ...changes },
    },
    receivedAt: { wall: 0, monotonic: 0 },
    operation: 'newOrder',
    resource: null,
    ambiguities: [],
    ...more,
  }
}

const byKid = (url = URL_HERE, kid = ACCOUNT, key = KEY) =>
  signed(
    key,
    members(['alg', '"ES256"'], ['kid', s(kid)], ['nonce', '"bm9uY2U"'], ['url', s(url)]),
    '{"identifiers":[]}',
  )
const byKey = (key = KEY, shown = KEY) =>
  signed(key, members(['alg', '"ES256"'], ['jwk', JSON.stringify(shown.jwk)], ['url', s(URL_HERE)]), '{}')

describe('the verdict', () => {
  test.each([
    ['by the known key of the account', byKid(), 'verified'],
    ['by another key', byKid(URL_HERE, ACCOUNT, newTestKey()), 'invalid'],
    ['of an unknown account', byKid(URL_HERE, 'https://ca.example:8443/acct/2'), 'keyUnknown'],
    ['by the key it shows', byKey(), 'verified'],
    ['by another key than it shows', byKey(newTestKey(), KEY), 'invalid'],
    ['without any key', signed(KEY, members(['alg', '"ES256"'], ['url', s(URL_HERE)]), '{}'), 'keyUnknown'],
  ])('%s', async (_name, body, verdict) => {
    const { inspection, ambiguities } = await inspect(exchange(body), known)
    expect(inspection?.verdict).toBe(verdict)
    expect(inspection?.thumbprint).toBe(verdict === 'keyUnknown' ? null : thumbprintOf(inspection!.key!))
    expect(ambiguities).toEqual([])
  })

  test('an account of another CA is another account', async () => {
    const elsewhere = exchange(byKid(), {}, { destination: { ca: 'other', authority: 'ca.example:8443' } })
    expect((await inspect(elsewhere, known)).inspection?.verdict).toBe('keyUnknown')
  })
})

describe('J10: RFC 8555 §6.4, the url is compared byte for byte', () => {
  const wrong = [
    'http://ca.example:8443/new-order',
    'https://CA.example:8443/new-order',
    'HTTPS://ca.example:8443/new-order',
    'https://ca.example/new-order',
    'https://ca.example:443/new-order',
    'https://ca.example:8443/new-order/',
    'https://ca.example:8443//new-order',
    'https://ca.example:8443/new-order?',
    'https://ca.example:8443/new-order#',
    'https://ca.example:8443/new%2dorder',
    'https://ca.example:8443/New-Order',
    'https://ca.example:8443/new-account',
    ' https://ca.example:8443/new-order',
    'https://ca.example:8443/new-order\u0000',
    '/new-order',
    '',
    'https://user@ca.example:8443/new-order',
    'https://ca.example.:8443/new-order',
    'https://ca.example:08443/new-order',
  ]
  test.each(wrong)('%j', async (url) => {
    expect((await inspect(exchange(byKid(url)), known)).ambiguities).toEqual([
      { kind: 'url-mismatch', where: 'protected.url' },
    ])
  })

  test('a target with a query is equal to itself, not to its escaped form', async () => {
    const changes = { target: '/new-order?x=1' }
    expect((await inspect(exchange(byKid(`${URL_HERE}?x=1`), changes), known)).ambiguities).toEqual([])
    expect((await inspect(exchange(byKid(`${URL_HERE}%3Fx=1`), changes), known)).ambiguities).toHaveLength(1)
  })

  test('no url at all', async () => {
    const body = signed(KEY, members(['alg', '"ES256"'], ['kid', s(ACCOUNT)]), '{}')
    expect((await inspect(exchange(body), known)).ambiguities).toEqual([
      { kind: 'url-mismatch', where: 'protected.url' },
    ])
  })
})

describe('bodies', () => {
  test('an empty body is nothing to inspect, whatever the method', async () => {
    for (const method of ['POST', 'GET', 'HEAD']) {
      const { inspection, ambiguities } = await inspect(exchange(Buffer.alloc(0), { method }), known)
      expect([inspection, ambiguities]).toEqual([null, []])
    }
  })

  test('only a POST may have one', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const { inspection, ambiguities } = await inspect(exchange(byKid(), { method }), known)
      expect([inspection, ambiguities]).toEqual([null, [{ kind: 'unexpected-body', where: 'body' }]])
    }
  })

  test('a truncated one is for others to refuse', async () => {
    const { inspection, ambiguities } = await inspect(exchange(byKid(), { truncated: true }), known)
    expect([inspection, ambiguities]).toEqual([null, []])
  })

  test('what was found before stays', async () => {
    const before = [{ kind: 'resembles-resource', where: 'target' }] as const
    const { inspection, ambiguities } = await inspect(
      exchange(Buffer.from('x'), {}, { ambiguities: before }),
      known,
    )
    expect(inspection).toBeNull()
    expect(ambiguities).toEqual([...before, { kind: 'not-json', where: 'body' }])
  })

  test('an ambiguous request is inspected all the same', async () => {
    const body = signed(
      KEY,
      members(['alg', '"ES256"'], ['kid', s(ACCOUNT)], ['url', s(URL_HERE)]),
      '{"a":1,"a":2}',
    )
    const { inspection, ambiguities } = await inspect(exchange(body), known)
    expect(inspection?.verdict).toBe('verified')
    expect(ambiguities).toEqual([{ kind: 'duplicate-member', where: 'payload.a' }])
  })
})

test.each([
  ...['+1', '01', '0001', '+01', '%31', './1', '1/', '1?x', '1#', '1;a', '/1'].map((end) => `/acct/${end}`),
  ...['/ACCT/1', '//acct/1', '/x/../acct/1'],
])('a kid that some server takes for an account of another spelling is ambiguous: %s', async (path) => {
  const { ambiguities, inspection } = await inspect(
    exchange(byKid(URL_HERE, `https://ca.example:8443${path}`)),
    known,
  )
  expect([inspection?.verdict, ambiguities]).toEqual([
    'keyUnknown',
    [{ kind: 'resembles-resource', where: 'protected.kid' }],
  ])
})

test.each([ACCOUNT, 'https://ca.example:8443/acct/10', 'https://ca.example:8443/acct/2', 'urn:acct:1', '1'])(
  'a kid that is its own spelling is not: %s',
  async (kid) => {
    expect((await inspect(exchange(byKid(URL_HERE, kid)), known)).ambiguities).toEqual([])
  },
)
