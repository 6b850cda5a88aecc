import { expect, test } from 'vitest'
import type { Operation } from '../../src/acme/operation.ts'
import type { Decided, FieldList } from '../../src/exchange/exchange.ts'
import { learnFrom, locationOf } from '../../src/exchange/learn.ts'
import { ACCOUNT, decided, inspection, ORIGIN, resource, response } from '../support/exchanges.ts'
import { makeAccountKey, signJws } from '../support/sign-jws.ts'

const key = makeAccountKey()
const names = [
  { type: 'dns', value: 'one.test' },
  { type: 'dns', value: 'two.test' },
]

function learned(
  operation: Operation,
  body: unknown,
  options: { status?: number; fields?: FieldList; changes?: Partial<Decided> } = {},
) {
  const exchange = decided(operation, { inspection: inspection({}), ...options.changes })
  const { resources, keys } = learnFrom(exchange, response(options.status ?? 200, body, options.fields ?? []))
  return {
    exchange,
    keys,
    resources,
    kinds: resources.map(({ operation, url }) => [operation, url.slice(ORIGIN.length)]),
  }
}

test('Pebble: a directory names its resources, meta names none', () => {
  const { kinds } = learned('directory', {
    keyChange: `${ORIGIN}/rollover-account-key`,
    meta: { termsOfService: `${ORIGIN}/tos`, website: `${ORIGIN}/` },
    newAccount: `${ORIGIN}/sign-me-up`,
    newNonce: `${ORIGIN}/nonce-plz`,
    newOrder: `${ORIGIN}/order-plz`,
    renewalInfo: `${ORIGIN}/draft-ietf-acme-ari-03/renewalInfo`,
    revokeCert: `${ORIGIN}/revoke-cert`,
    'x-random': 'https://community.test/t/1',
  })
  expect(kinds.sort()).toEqual([
    ['keyChange', '/rollover-account-key'],
    ['newAccount', '/sign-me-up'],
    ['newNonce', '/nonce-plz'],
    ['newOrder', '/order-plz'],
    ['renewalInfo', '/draft-ietf-acme-ari-03/renewalInfo'],
    ['revokeCert', '/revoke-cert'],
  ])
})

test('newAccount teaches the account, its orders list and its key; 200 for one that exists too', () => {
  for (const status of [200, 201]) {
    const { kinds, keys } = learned(
      'newAccount',
      { status: 'valid', orders: `${ORIGIN}/list-orderz/1` },
      {
        status,
        fields: [['location', ACCOUNT]],
        changes: { inspection: inspection({ onlyReturnExisting: true }, { jwk: key.jwk }) },
      },
    )
    expect(kinds).toEqual([
      ['account', '/acct/1'],
      ['orders', '/list-orderz/1'],
    ])
    expect(keys).toMatchObject([
      { ca: 'pebble', account: ACCOUNT, thumbprint: key.thumbprint, source: 'newAccount' },
    ])
  }
})

test.each([400, 403, 404, 429, 500, 503, 302, 199])('an answer %d teaches nothing', (status) => {
  const { resources, keys } = learned(
    'newAccount',
    { orders: `${ORIGIN}/list-orderz/1` },
    { status, fields: [['location', ACCOUNT]], changes: { inspection: inspection({}, { jwk: key.jwk }) } },
  )
  expect([resources, keys]).toEqual([[], []])
})

test('a POST by kid to newAccount teaches no key', () => {
  expect(learned('newAccount', {}, { fields: [['location', ACCOUNT]] }).keys).toEqual([])
})

test('keyChange moves the key to the inner one, on success only', () => {
  const next = makeAccountKey('RS256')
  const inner = JSON.parse(
    signJws(
      next,
      { jwk: next.jwk, url: `${ORIGIN}/rollover` },
      { account: ACCOUNT, oldKey: key.jwk },
    ).toString(),
  )
  const changes = { inspection: inspection(inner) }
  expect(learned('keyChange', '', { changes }).keys).toMatchObject([
    { account: ACCOUNT, thumbprint: next.thumbprint, source: 'keyChange' },
  ])
  expect(learned('keyChange', '', { status: 409, changes }).keys).toEqual([])
  expect(learned('keyChange', '', { changes: { inspection: inspection({}) } }).keys).toEqual([])
})

test('an order teaches itself, its authorizations and finalize, with the issuance it begins', () => {
  const { exchange, resources, kinds } = learned(
    'newOrder',
    {
      status: 'pending',
      identifiers: names,
      authorizations: [`${ORIGIN}/authZ/a`, `${ORIGIN}/authZ/b`],
      finalize: `${ORIGIN}/finalize-order/1`,
    },
    { status: 201, fields: [['location', `${ORIGIN}/my-order/1`]] },
  )
  expect(kinds).toEqual([
    ['order', '/my-order/1'],
    ['authorization', '/authZ/a'],
    ['authorization', '/authZ/b'],
    ['finalize', '/finalize-order/1'],
  ])
  for (const each of resources) {
    expect(each).toMatchObject({ account: ACCOUNT, order: `${ORIGIN}/my-order/1`, issuance: exchange.id })
  }
  expect(resources.map(({ identifiers }) => identifiers.length)).toEqual([2, 0, 0, 2])
})

test('the only authorization of an order is for its only identifier', () => {
  const { resources } = learned('newOrder', {
    identifiers: [names[0]],
    authorizations: [`${ORIGIN}/authZ/a`],
  })
  expect(resources).toMatchObject([{ operation: 'authorization', identifiers: [names[0]] }])
})

test('finalize with Location (Pebble 2.4) and without (2.10), and a poll, teach the certificate of the same order', () => {
  const order = `${ORIGIN}/my-order/1`
  const body = { status: 'valid', identifiers: names, certificate: `${ORIGIN}/certZ/1` }
  const known = resource({
    url: `${ORIGIN}/finalize-order/1`,
    operation: 'finalize',
    order,
    issuance: 'i',
    identifiers: names,
  })
  const polled = resource({ url: order, order, issuance: 'i', identifiers: names })
  for (const found of [
    learned('finalize', body, { fields: [['location', order]], changes: { resource: known } }),
    learned('finalize', body, { changes: { resource: known } }),
    learned('order', body, { changes: { resource: polled } }),
  ]) {
    expect(found.kinds).toEqual([
      ['order', '/my-order/1'],
      ['certificate', '/certZ/1'],
    ])
    expect(found.resources.at(-1)).toMatchObject({ order, issuance: 'i', identifiers: names })
  }
})

test('an authorization teaches its challenges and its own identifier, a wildcard as the order named it', () => {
  const url = `${ORIGIN}/authZ/a`
  const changes = {
    resource: resource({ url, operation: 'authorization', order: `${ORIGIN}/my-order/1`, issuance: 'i' }),
  }
  const body = {
    status: 'pending',
    identifier: names[0],
    wildcard: true,
    challenges: [
      { type: 'dns-01', url: `${ORIGIN}/chalZ/1`, token: 't' },
      { type: 'dns-persist-01', url: `${ORIGIN}/chalZ/2` },
    ],
  }
  const { kinds, resources } = learned('authorization', body, { changes })
  expect(kinds).toEqual([
    ['authorization', '/authZ/a'],
    ['challenge', '/chalZ/1'],
    ['challenge', '/chalZ/2'],
  ])
  for (const each of resources) {
    expect(each).toMatchObject({
      authorization: url,
      order: `${ORIGIN}/my-order/1`,
      issuance: 'i',
      identifiers: [{ type: 'dns', value: '*.one.test' }],
    })
  }
})

test('Boulder: a challenge names its authorization by Link up', () => {
  const url = `${ORIGIN}/acme/chall/1/2/x`
  const { resources } = learned(
    'challenge',
    { type: 'http-01', url, status: 'pending' },
    {
      fields: [
        ['link', `<${ORIGIN}/directory>;rel="index"`],
        ['link', `<${ORIGIN}/acme/authz/1/2>;rel="up"`],
      ],
      changes: { resource: resource({ url, operation: 'challenge' }) },
    },
  )
  expect(resources).toMatchObject([
    { operation: 'authorization', url: `${ORIGIN}/acme/authz/1/2` },
    { operation: 'challenge', url, authorization: `${ORIGIN}/acme/authz/1/2` },
  ])
})

test('a certificate names its alternates, an orders list its orders and its next page', () => {
  const changes = {
    resource: resource({ url: `${ORIGIN}/certZ/1`, operation: 'certificate', issuance: 'i' }),
  }
  const alternates = learned('certificate', '-----BEGIN', {
    fields: [
      ['link', `</certZ/1/alternate/1>;rel="alternate", <${ORIGIN}/certZ/1/alternate/2>; rel=alternate`],
    ],
    changes,
  })
  expect(alternates.kinds).toEqual([
    ['certificate', '/certZ/1/alternate/1'],
    ['certificate', '/certZ/1/alternate/2'],
  ])
  expect(alternates.resources[0]).toMatchObject({ issuance: 'i' })
  const list = learned(
    'orders',
    { orders: [`${ORIGIN}/my-order/1`] },
    { fields: [['link', '</list?c=2>;rel="next"']] },
  )
  expect(list.kinds).toEqual([
    ['order', '/my-order/1'],
    ['orders', '/list?c=2'],
  ])
})

test.each([
  ['https://other.test/order/1'],
  ['http://acme.test:8443/order/1'],
  ['https://acme.test:8443.evil.test/order/1'],
  ['https://acme.test:84430/order/1'],
  ['https://ACME.test:8443/order/1'],
  ['https://acme.test:8443@evil.test/order/1'],
  ['//evil.test/order/1'],
  ['javascript:alert(1)'],
])('%s is not ours to know', (location) => {
  const body = { finalize: location, authorizations: [location], certificate: location }
  expect(learned('newOrder', body, { status: 201, fields: [['location', location]] }).resources).toEqual([])
})

test.each([
  ['/my-order/1', `${ORIGIN}/my-order/1`],
  ['my-order/1', `${ORIGIN}/acme/my-order/1`],
  ['../my-order/1', `${ORIGIN}/my-order/1`],
  [`${ORIGIN}/a/../b`, `${ORIGIN}/a/../b`],
  ['//evil.test/x', 'https://evil.test/x'],
  ['mailto:a@b', null],
  ['https://[', 'https://['],
])('Location %s of an answer to /acme/new-order is %s', (value, expected) => {
  const exchange = decided('newOrder')
  const request = { ...exchange.request, target: '/acme/new-order' }
  expect(locationOf({ ...exchange, request }, [['location', value]])).toBe(expected)
})

test.each([null, 1, [], 'x', { authorizations: [null, 3, {}], finalize: 7, identifiers: 'x' }])(
  'junk (%j) teaches nothing and hurts nobody',
  (body) => {
    for (const operation of [
      'directory',
      'newAccount',
      'newOrder',
      'orders',
      'authorization',
      'challenge',
      'certificate',
    ] as const)
      expect(learned(operation, body).resources).toEqual([])
  },
)
