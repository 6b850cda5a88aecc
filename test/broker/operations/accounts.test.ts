import { afterEach, describe, expect, test } from 'vitest'
import { urlOf } from '../../../src/broker/url-map.ts'
import { fieldOf, idOf, innerOf, OperationsWorld } from '../../support/broker/operations-world.ts'
import { makeAccountKey } from '../../support/sign-jws.ts'

let world = new OperationsWorld()
afterEach(() => world.close())
const urn = (name: string) => `urn:ietf:params:acme:error:${name}`
const BASE = 'https://acme.example.net/fleet'

describe('RFC 8555 §7.1.1, §7.2', () => {
  test('the directory has what the endpoint offers, and its labels', async () => {
    world = new OperationsWorld({
      endpoint: {
        eab: 'required',
        terms: 'https://acme.example.net/terms',
        website: 'https://acme.example.net',
        caaIdentities: ['acme.example.net'],
        profiles: [{ name: 'short', description: 'six days', at: {} }],
        preAuthorization: true,
      },
    })
    const reply = await world.ask('directory', undefined, { method: 'GET', label: 'team-a' })
    expect(reply).toMatchObject({ status: 200 })
    expect(fieldOf(reply, 'replay-nonce')).toBeUndefined()
    expect(reply.json).toEqual({
      newNonce: `${BASE}/~team-a/new-nonce`,
      newAccount: `${BASE}/~team-a/new-account`,
      newOrder: `${BASE}/~team-a/new-order`,
      newAuthz: `${BASE}/~team-a/new-authz`,
      revokeCert: `${BASE}/~team-a/revoke-cert`,
      keyChange: `${BASE}/~team-a/key-change`,
      renewalInfo: `${BASE}/~team-a/renewal-info`,
      meta: {
        termsOfService: 'https://acme.example.net/terms',
        website: 'https://acme.example.net',
        caaIdentities: ['acme.example.net'],
        externalAccountRequired: true,
        profiles: { short: 'six days' },
      },
    })
  })

  test('what is not offered is not in it', async () => {
    world = new OperationsWorld()
    const { json } = await world.ask('directory', undefined, { method: 'GET' })
    expect(Object.keys(json)).not.toContain('newAuthz')
    expect(json.meta).toEqual({ externalAccountRequired: false })
  })

  test.each([
    ['HEAD', 200],
    ['GET', 204],
  ])('newNonce by %s is %i, without a body, and never kept', async (method, status) => {
    world = new OperationsWorld()
    const reply = await world.ask('newNonce', undefined, { method })
    expect(reply).toMatchObject({ status, json: null, text: null })
    expect(fieldOf(reply, 'cache-control')).toBe('no-store')
  })
})

describe('RFC 8555 §7.3', () => {
  test('a new account is 201, and 200 when asked for again; its contact is echoed', async () => {
    world = new OperationsWorld()
    const contact = ['mailto:ops@example.com']
    const { key, account, reply } = await world.register({ contact, unknown: 1, profile: 'x' })
    expect(reply.status).toBe(201)
    expect(fieldOf(reply, 'location')).toBe(`${BASE}/account/${account.id}`)
    expect(reply.json).toEqual({
      status: 'valid',
      contact,
      termsOfServiceAgreed: true,
      orders: `${BASE}/account/${account.id}/orders`,
    })
    for (const payload of [{ onlyReturnExisting: true }, { contact: ['mailto:other@example.com'] }]) {
      const again = await world.ask('newAccount', payload, { key })
      expect(again).toMatchObject({ status: 200, json: reply.json })
      expect(fieldOf(again, 'location')).toBe(fieldOf(reply, 'location'))
    }
  })

  test('of several at the same time with one key, one makes the account', async () => {
    world = new OperationsWorld()
    const key = makeAccountKey()
    const replies = await Promise.all(Array.from({ length: 20 }, () => world.ask('newAccount', {}, { key })))
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201])
    expect(new Set(replies.map((reply) => fieldOf(reply, 'location'))).size).toBe(1)
  })

  test('without contact, an empty list: clients look into it', async () => {
    world = new OperationsWorld()
    expect((await world.register()).reply.json.contact).toEqual([])
  })

  test('§7.3.1: onlyReturnExisting', async () => {
    world = new OperationsWorld()
    const reply = await world.ask('newAccount', { onlyReturnExisting: true }, { key: makeAccountKey() })
    expect(reply.problem).toMatchObject({ type: urn('accountDoesNotExist'), status: 400 })
  })

  test('§7.3.3: terms must be agreed to, and the client is told where they are', async () => {
    const terms = 'https://acme.example.net/terms'
    world = new OperationsWorld({ endpoint: { terms } })
    for (const payload of [{}, { termsOfServiceAgreed: false }]) {
      const reply = await world.ask('newAccount', payload, { key: makeAccountKey() })
      expect(reply.problem).toMatchObject({ type: urn('userActionRequired'), status: 403, instance: terms })
      expect(fieldOf(reply, 'link')).toBe(`<${terms}>;rel="terms-of-service"`)
    }
    expect((await world.register()).reply.status).toBe(201)
  })

  test.each([
    [['tel:+12025551212'], 'unsupportedContact'],
    [['https://example.com'], 'unsupportedContact'],
    [['ops@example.com'], 'invalidContact'],
    [['mailto:'], 'invalidContact'],
    [[''], 'invalidContact'],
    [['mailto:a@example.com,b@example.com'], 'invalidContact'],
    [['mailto:a@example.com?subject=x'], 'invalidContact'],
    [['mailto:ö@example.com'], 'invalidContact'],
    [['mailto:a@example.com\r\nX: y'], 'invalidContact'],
    ['mailto:a@example.com', 'malformed'],
    [[7], 'malformed'],
    [Array(11).fill('mailto:a@example.com'), 'malformed'],
  ])('contact %j is %s, when made and when changed', async (contact, type) => {
    world = new OperationsWorld()
    const made = await world.ask('newAccount', { contact }, { key: makeAccountKey() })
    expect(made.problem).toMatchObject({ type: urn(type), status: 400 })
    expect(made.problem!.detail).not.toMatch(/[\r\n]/)
    const { account } = await world.register()
    const changed = await world.ask('account', { contact }, { account, ids: [account.id] })
    expect(changed.problem).toMatchObject({ type: urn(type), status: 400 })
  })

  test('§7.3.2: contacts are changed, and what an account cannot change is left', async () => {
    world = new OperationsWorld()
    const { account } = await world.register({ contact: ['mailto:a@example.com'] })
    const asked = { account, ids: [account.id] }
    const payload = { contact: ['mailto:b@example.com'], orders: 'x', status: 'valid' }
    const reply = await world.ask('account', payload, asked)
    expect(reply).toMatchObject({ status: 200, json: { status: 'valid', contact: ['mailto:b@example.com'] } })
    expect((await world.ask('account', {}, asked)).status).toBe(200)
    const kept = (await world.store.account('fleet', account.id))!
    expect(kept.contact).toEqual(['mailto:b@example.com'])
    const read = await world.ask('account', undefined, { account: kept, ids: [account.id] })
    expect(read.json).toEqual(reply.json)
    expect((await world.ask('account', { status: 'revoked' }, asked)).problem?.type).toBe(urn('malformed'))
  })

  test('§7.3.6: a deactivated account stays so, and its key makes no other', async () => {
    world = new OperationsWorld()
    const { account, key } = await world.register()
    const asked = { account, ids: [account.id] }
    const reply = await world.ask('account', { status: 'deactivated', contact: 'ignored' }, asked)
    expect(reply).toMatchObject({ status: 200, json: { status: 'deactivated' } })
    // Another request that was on its way.
    const late = await world.ask('account', { contact: ['mailto:b@example.com'] }, asked)
    expect(late.problem?.type).toBe(urn('unauthorized'))
    for (const payload of [{}, { onlyReturnExisting: true }])
      expect((await world.ask('newAccount', payload, { key })).problem).toMatchObject({
        type: urn('unauthorized'),
        status: 403,
      })
  })

  test('another account and none look the same', async () => {
    world = new OperationsWorld()
    const [one, two] = [await world.register(), await world.register()]
    const problems = []
    for (const id of [two.account.id, 'AAAAAAAAAAAAAAAAAAAAAA'])
      for (const operation of ['account', 'orders'] as const)
        problems.push(
          JSON.stringify(
            (await world.ask(operation, undefined, { account: one.account, ids: [id] })).problem,
          ),
        )
    expect(new Set(problems).size).toBe(1)
    expect(problems[0]).toContain('404')
  })
})

describe('labels', () => {
  const labels = [{ name: 'team-a', names: ['.a.example'], from: ['192.0.2.0/24'] }]

  test('a label counts from its networks, and stays with the account', async () => {
    world = new OperationsWorld({ endpoint: { labels } })
    const { account } = await world.register({}, { label: 'team-a' })
    expect(account).toMatchObject({ label: 'team-a', eabKey: null })
    expect((await world.order(account, ['www.a.example'])).status).toBe(201)
    expect((await world.order(account, ['www.b.example'])).problem?.type).toBe(urn('rejectedIdentifier'))
    const identifiers = [{ type: 'dns', value: 'www.a.example' }]
    for (const asked of [
      { account, from: '198.51.100.1' },
      { account, from: null },
      { account, label: 'team-b' },
    ])
      expect((await world.ask('newOrder', { identifiers }, asked)).problem).toMatchObject({
        type: urn('unauthorized'),
        status: 403,
      })
    expect((await world.ask('newOrder', { identifiers }, { account, label: 'team-a' })).status).toBe(201)
  })

  test('RFC 8555 §7.3.1: an account of another label, or of none, is not found under it', async () => {
    world = new OperationsWorld({ endpoint: { labels } })
    const { key } = await world.register()
    expect((await world.ask('newAccount', {}, { key })).status).toBe(200)
    const reply = await world.ask('newAccount', {}, { key, label: 'team-a' })
    expect(reply.problem).toMatchObject({ type: urn('unauthorized'), status: 403 })
    const under = (await world.register({}, { label: 'team-a' })).key
    expect((await world.ask('newAccount', {}, { key: under, label: 'team-a' })).status).toBe(200)
  })

  test.each(['198.51.100.1', null, '::1'])('from %s it makes no account', async (from) => {
    world = new OperationsWorld({ endpoint: { labels } })
    const reply = await world.ask('newAccount', {}, { key: makeAccountKey(), label: 'team-a', from })
    expect(reply.problem?.type).toBe(urn('unauthorized'))
  })

  test('a label is no EAB key where one is required', async () => {
    world = new OperationsWorld({ endpoint: { labels, eab: 'required' } })
    const reply = await world.ask('newAccount', {}, { key: makeAccountKey(), label: 'team-a' })
    expect(reply.problem).toMatchObject({ type: urn('externalAccountRequired'), status: 403 })
  })
})

describe('RFC 8555 §7.3.5: keyChange', () => {
  const change = async () => {
    world = new OperationsWorld()
    const { account, key } = await world.register()
    const next = makeAccountKey()
    const url = urlOf(world.endpoint, 'keyChange')
    const payload = { account: urlOf(world.endpoint, 'account', [account.id]), oldKey: key.jwk }
    return { account, key, next, url, payload }
  }

  test.each(['ES256', 'RS256'] as const)('to a key of %s', async (alg) => {
    const { account, key, url, payload } = await change()
    const next = makeAccountKey(alg)
    const reply = await world.ask('keyChange', innerOf(next, { jwk: next.jwk, url }, payload), { account })
    expect(reply).toMatchObject({ status: 200, json: { status: 'valid' } })
    expect(await world.store.accountByKey('fleet', next.thumbprint)).toMatchObject({ id: account.id })
    expect(await world.store.accountByKey('fleet', key.thumbprint)).toBeNull()
  })

  test('a key that is in use: 409 with the account that has it', async () => {
    const { account, url, payload } = await change()
    const other = await world.register()
    const inner = innerOf(other.key, { jwk: other.key.jwk, url }, payload)
    const reply = await world.ask('keyChange', inner, { account })
    expect(reply.problem).toMatchObject({ type: urn('malformed'), status: 409 })
    expect(idOf(fieldOf(reply, 'location'))).toBe(other.account.id)
  })

  test('whatever is wrong is refused, and the key stays', async () => {
    const { account, key, next, url, payload } = await change()
    const jwk = next.jwk
    const wrong: Record<string, unknown> = {
      'no JWS': {},
      'another url': innerOf(next, { jwk, url: `${url}/` }, payload),
      'no url': innerOf(next, { jwk }, payload),
      'a nonce': innerOf(next, { jwk, url, nonce: 'abc' }, payload),
      'a kid': innerOf(next, { kid: payload.account, url }, payload),
      'kid and jwk': innerOf(next, { jwk, kid: payload.account, url }, payload),
      'another signer': innerOf(key, { jwk, url }, payload),
      'another account': innerOf(next, { jwk, url }, { ...payload, account: `${payload.account}x` }),
      'no account': innerOf(next, { jwk, url }, { oldKey: key.jwk }),
      'another old key': innerOf(next, { jwk, url }, { ...payload, oldKey: next.jwk }),
      'no old key': innerOf(next, { jwk, url }, { account: payload.account }),
      'an old key that is a text': innerOf(next, { jwk, url }, { ...payload, oldKey: 'x' }),
      'the same key': innerOf(key, { jwk: key.jwk, url }, payload),
      'another alg': innerOf(next, { jwk, url, alg: 'ES384' }, payload),
      'alg none': innerOf(next, { jwk, url, alg: 'none' }, payload),
      'a key too many members': { ...innerOf(next, { jwk, url }, payload), header: {} },
      'no signature': { ...innerOf(next, { jwk, url }, payload), signature: '' },
    }
    for (const [what, inner] of Object.entries(wrong)) {
      const reply = await world.ask('keyChange', inner, { account })
      expect(reply.problem, what).toMatchObject({ type: urn('malformed'), status: 400 })
    }
    const symmetric = { kty: 'oct', k: 'AAAA' }
    const reply = await world.ask('keyChange', innerOf(next, { jwk: symmetric, url }, payload), { account })
    expect(reply.problem?.type).toBe(urn('badPublicKey'))
    expect(await world.store.accountByKey('fleet', key.thumbprint)).toMatchObject({ id: account.id })
  })
})
