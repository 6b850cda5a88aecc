import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  readAccount,
  readAuthorization,
  readChallenge,
  readDirectory,
  readOrder,
  readOrders,
  readProblem,
} from '../../src/acme/response-objects.ts'

const URL = 'https://localhost:14000'

describe('what a CA answers', () => {
  test('directory (RFC 8555 §7.1.1)', () => {
    const directory = readDirectory({
      newNonce: `${URL}/nonce-plz`,
      newAccount: `${URL}/sign-me-up`,
      newOrder: `${URL}/order-plz`,
      revokeCert: `${URL}/revoke-cert`,
      keyChange: `${URL}/rollover-account-key`,
      renewalInfo: `${URL}/renewalInfo`,
      meta: {
        termsOfService: 'data:text/plain,x',
        externalAccountRequired: true,
        caaIdentities: ['pebble.test', 4],
        profiles: { default: 'The default', odd: 7 },
      },
    })
    expect(directory).toEqual({
      newNonce: `${URL}/nonce-plz`,
      newAccount: `${URL}/sign-me-up`,
      newOrder: `${URL}/order-plz`,
      newAuthz: null,
      revokeCert: `${URL}/revoke-cert`,
      keyChange: `${URL}/rollover-account-key`,
      renewalInfo: `${URL}/renewalInfo`,
      meta: {
        termsOfService: 'data:text/plain,x',
        website: null,
        caaIdentities: ['pebble.test'],
        externalAccountRequired: true,
        profiles: [
          { name: 'default', description: 'The default' },
          { name: 'odd', description: null },
        ],
      },
    })
  })

  test('order (RFC 8555 §7.1.3), its URLs byte for byte, in their order', () => {
    const order = {
      status: 'invalid',
      expires: '2026-11-23T00:00:00Z',
      identifiers: [{ type: 'dns', value: 'A.test' }, { type: 'dns' }, { type: 'ip', value: '::1' }, 'junk'],
      authorizations: [`${URL}/authZ/2?`, '/relative', `${URL}/authZ/%41`, '', 7, 'x'.repeat(2049)],
      finalize: `${URL}/finalize-order/1`,
      certificate: 'x'.repeat(2049),
      error: { type: 'urn:ietf:params:acme:error:connection', detail: 'no' },
    }
    expect(readOrder(order)).toEqual({
      status: 'invalid',
      expires: '2026-11-23T00:00:00Z',
      identifiers: [
        { type: 'dns', value: 'A.test' },
        { type: 'ip', value: '::1' },
      ],
      authorizations: [`${URL}/authZ/2?`, '/relative', `${URL}/authZ/%41`],
      finalize: `${URL}/finalize-order/1`,
      certificate: null,
      error: { type: 'urn:ietf:params:acme:error:connection', detail: 'no', subproblems: [] },
      profile: null,
    })
  })

  test('authorization (RFC 8555 §7.1.4) with a challenge that has no token', () => {
    expect(
      readAuthorization({
        status: 'pending',
        identifier: { type: 'dns', value: 'a.test' },
        wildcard: true,
        challenges: [
          { type: 'dns-01', url: `${URL}/chalZ/1`, status: 'pending', token: 't' },
          { type: 'dns-persist-01', url: `${URL}/chalZ/2`, status: 'pending' },
          null,
        ],
      }),
    ).toEqual({
      status: 'pending',
      identifier: { type: 'dns', value: 'a.test' },
      wildcard: true,
      challenges: [
        { type: 'dns-01', url: `${URL}/chalZ/1`, status: 'pending', token: 't', error: null },
        { type: 'dns-persist-01', url: `${URL}/chalZ/2`, status: 'pending', token: null, error: null },
      ],
      expires: null,
    })
    expect(readAuthorization({ wildcard: 'true' }).wildcard).toBe(false)
  })

  test('account (RFC 8555 §7.1.2) and orders list (§7.1.2.1)', () => {
    expect(
      readAccount({ status: 'valid', contact: ['mailto:a@b.test', 1], orders: `${URL}/list/1` }),
    ).toEqual({
      status: 'valid',
      contact: ['mailto:a@b.test'],
      orders: `${URL}/list/1`,
    })
    expect(readOrders({ orders: [`${URL}/1`, `${URL}/2`] })).toEqual([`${URL}/1`, `${URL}/2`])
  })

  test('problem (RFC 8555 §6.7.1)', () => {
    const identifier = { type: 'dns', value: 'a.test' }
    expect(
      readProblem({
        type: 't',
        detail: 'x'.repeat(9000),
        subproblems: [{ type: 's', detail: 'd', identifier }, 1],
      }),
    ).toEqual({
      type: 't',
      detail: `${'x'.repeat(8192)}… [cut]`,
      subproblems: [{ type: 's', detail: 'd', identifier }],
    })
  })

  test('only own members count, and objects may have no prototype', () => {
    const order = Object.assign(Object.create(null), { finalize: `${URL}/f` })
    expect(readOrder(order).finalize).toBe(`${URL}/f`)
    expect(readOrder(Object.create({ finalize: `${URL}/f` })).finalize).toBeNull()
    expect(readOrder(Object.assign([], { finalize: `${URL}/f` })).finalize).toBeNull()
  })

  test('counts are bounded', () => {
    const many = Array.from({ length: 5000 }, (_, index) => `${URL}/${index}`)
    expect(readOrder({ authorizations: many }).authorizations).toEqual(many.slice(0, 1000))
    expect(readAuthorization({ challenges: many.map((url) => ({ url })) }).challenges).toHaveLength(1000)
    const profiles = Object.fromEntries(many.map((name) => [name, 'x']))
    expect(readDirectory({ meta: { profiles } }).meta.profiles).toHaveLength(100)
  })

  test('no JSON of any shape makes a reader throw or keep a URL the answer did not hold', () => {
    const readers = [
      readDirectory,
      readOrder,
      readAuthorization,
      readChallenge,
      readAccount,
      readProblem,
      readOrders,
    ]
    const names = fc.constantFrom(
      ...['status', 'identifiers', 'identifier', 'authorizations', 'finalize', 'error', 'challenges', 'type'],
      ...[
        'value',
        'url',
        'token',
        'contact',
        'orders',
        'meta',
        'profiles',
        'subproblems',
        'detail',
        '__proto__',
      ],
    )
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.string(),
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value')),
        fc.dictionary(names, tie('value'), { noNullPrototype: false }),
      ),
    })).value
    fc.assert(
      fc.property(json, (value) => {
        for (const read of readers) read(value)
        const { authorizations, finalize } = readOrder(value)
        const text = JSON.stringify(value) ?? ''
        for (const url of [...authorizations, finalize ?? ''])
          expect(text).toContain(JSON.stringify(url).slice(1, -1))
      }),
      { numRuns: 2000 },
    )
    for (const junk of [undefined, null, 1n, Symbol('x'), () => 1, new Date(), [[]]]) {
      for (const read of readers) expect(() => read(junk)).not.toThrow()
    }
  })
})
