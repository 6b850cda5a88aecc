import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import type { BrokerAccount } from '../../../src/broker/objects.ts'
import { brokerCertificate, DAY } from '../../support/broker/broker-values.ts'
import { failing, limitedBy } from '../../support/broker/fake-issuer.ts'
import { csrFor } from '../../support/broker/issuance-world.ts'
import { fieldOf, idOf, OperationsWorld, type Reply } from '../../support/broker/operations-world.ts'
import { makeCsr } from '../../support/test-ca/certificates.ts'

let world = new OperationsWorld()
afterEach(() => world.close())
const urn = (name: string) => `urn:ietf:params:acme:error:${name}`
const BASE = 'https://acme.example.net/fleet'
const dns = (value: string) => ({ type: 'dns', value })

const orderOf = (reply: Reply) => idOf(fieldOf(reply, 'location'))
const finalize = (account: BrokerAccount, reply: Reply, csr = csrFor(reply.json)) =>
  world.ask('finalize', { csr }, { account, ids: [orderOf(reply)] })

describe('RFC 8555 §7.4: newOrder', () => {
  test('of an account that may have the names: ready at once, with authorizations that are valid', async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    const reply = await world.order(account, ['WWW.a.example', '*.a.example', 'www.a.example'], {
      junk: 1,
      notAfter: '',
      profile: '',
    })
    expect(reply.status).toBe(201)
    expect(fieldOf(reply, 'retry-after')).toBeUndefined()
    const id = orderOf(reply)
    expect(fieldOf(reply, 'location')).toBe(`${BASE}/order/${id}`)
    const { authorizations, expires, ...rest } = reply.json
    expect(rest).toEqual({
      status: 'ready',
      identifiers: [dns('www.a.example'), dns('*.a.example')],
      finalize: `${BASE}/order/${id}/finalize`,
    })
    expect(expires).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    const [first, second] = await Promise.all(
      authorizations.map((url: string) =>
        world.ask('authorization', undefined, { account, ids: [idOf(url)] }),
      ),
    )
    expect(first.json).toMatchObject({ status: 'valid', identifier: dns('www.a.example') })
    expect(first.json).not.toHaveProperty('wildcard')
    expect(second.json).toMatchObject({ status: 'valid', identifier: dns('a.example'), wildcard: true })
    expect(fieldOf(first, 'retry-after')).toBeUndefined()
    for (const { json } of [first, second])
      for (const challenge of json.challenges) {
        expect(Object.keys(challenge).sort()).toEqual(['status', 'token', 'type', 'url', 'validated'])
        expect(challenge.status).toBe('valid')
        expect(challenge.token).toMatch(/^[\w-]{43}$/)
      }
    expect(second.json.challenges.map(({ type }: { type: string }) => type)).toEqual(['dns-01'])
    expect((await world.ask('order', undefined, { account, ids: [id] })).json).toEqual(reply.json)
  })

  test.each([
    [{}, 'malformed', 'NewOrder request did not specify any identifiers'],
    [{ identifiers: [] }, 'malformed', 'NewOrder request did not specify any identifiers'],
    [{ identifiers: 'a.example' }, 'malformed', 'did not specify'],
    [{ identifiers: ['a.example'] }, 'malformed', 'must have a type and a value'],
    [{ identifiers: [{ type: 'dns', value: 7 }] }, 'malformed', 'must have a type and a value'],
    [{ identifiers: [dns('')] }, 'malformed', 'NewOrder request included empty identifier'],
    [
      { identifiers: [{ type: 'email', value: 'a@b' }] },
      'unsupportedIdentifier',
      'included unsupported identifier: type "email", value "a@b"',
    ],
    [{ identifiers: [{ type: 'DNS', value: 'a.example' }] }, 'unsupportedIdentifier', 'type "DNS"'],
    [
      { identifiers: [dns('a..example')] },
      'malformed',
      'Cannot issue for "a..example": it has an empty label',
    ],
    [{ identifiers: [dns('a_b.example')] }, 'malformed', 'Cannot issue for "a_b.example"'],
    [{ identifiers: [dns('*.*.example')] }, 'malformed', 'Cannot issue for "*.*.example"'],
    [{ identifiers: [dns('192.0.2.1')] }, 'malformed', 'identifier type ip (RFC 8738)'],
    [{ identifiers: [{ type: 'ip', value: 'a.example' }] }, 'malformed', 'is no address'],
    [
      { identifiers: Array.from({ length: 101 }, (_, at) => dns(`${at}.a.example`)) },
      'malformed',
      'more than 100 identifiers',
    ],
    [
      { identifiers: [dns('www.a.example')], notBefore: '2026-01-01T00:00:00Z' },
      'malformed',
      'NotBefore and NotAfter are not supported',
    ],
    [
      { identifiers: [dns('www.a.example')], notAfter: '2026-01-01T00:00:00Z' },
      'malformed',
      'NotBefore and NotAfter are not supported',
    ],
    [
      { identifiers: [dns('www.a.example')], profile: 'fast' },
      'invalidProfile',
      'profile name "fast" not recognized: this server has short',
    ],
    [{ identifiers: [dns('www.a.example')], profile: {} }, 'invalidProfile', 'not recognized'],
    [
      { identifiers: [dns('www.a.example')], replaces: 'x' },
      'malformed',
      'replaces must be a certificate id',
    ],
    [
      { identifiers: [dns('www.a.example')], replaces: ['a.b'] },
      'malformed',
      'replaces must be a certificate id',
    ],
    [
      { identifiers: [dns('www.b.example')] },
      'rejectedIdentifier',
      'Cannot issue for "www.b.example": it is not among the names of the EAB key',
    ],
    [{ identifiers: [dns('*.example')] }, 'rejectedIdentifier', 'Cannot issue for "*.example"'],
    [
      { identifiers: [{ type: 'ip', value: '192.0.2.1' }] },
      'rejectedIdentifier',
      'Cannot issue for "192.0.2.1"',
    ],
  ])('J18: %j is %s: %s', async (payload, type, detail) => {
    // biome-ignore format: a table
    world = new OperationsWorld({
      endpoint: { profiles: [{ name: 'short', description: 'six days', at: {} }] },
    })
    const account = await world.bound()
    const reply = await world.ask('newOrder', payload, { account })
    expect(reply.problem?.type).toBe(urn(type))
    expect(reply.problem?.detail).toContain(detail)
    expect(reply.problem).not.toHaveProperty('subproblems')
    expect(world.ca('one').calls).toEqual([])
    expect(await world.store.orders({ limit: 1 })).toEqual([])
  })

  test('RFC 8555 §6.7.1: several that are refused have a subproblem each', async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    const { problem } = await world.order(account, ['b.example', 'www.a.example', 'c.example'])
    expect(problem).toMatchObject({ type: urn('rejectedIdentifier'), status: 403 })
    expect(problem!.detail).toMatch(/^Cannot issue for "b.example": .* \(and 1 more problems\. Refer to sub-/)
    expect(problem!.subproblems?.map(({ identifier }) => identifier.value)).toEqual([
      'b.example',
      'c.example',
    ])
  })

  test('RFC 8738: an address, in one spelling', async () => {
    world = new OperationsWorld()
    const account = await world.bound({ names: ['.a.example', '192.0.2.0/24', '2001:db8::/32'] })
    const identifiers = ['192.0.2.1', '2001:DB8:0:0::1'].map((value) => ({ type: 'ip', value }))
    const reply = await world.ask('newOrder', { identifiers }, { account })
    expect(reply.json.identifiers.map(({ value }: { value: string }) => value)).toEqual([
      '192.0.2.1',
      '2001:db8::1',
    ])
    const { json } = await world.ask('authorization', undefined, {
      account,
      ids: [idOf(reply.json.authorizations[0])],
    })
    expect(json.challenges.map(({ type }: { type: string }) => type)).toEqual(['http-01', 'tls-alpn-01'])
  })

  test('an account of which the operator has said nothing has nothing by policy, and what it proves by challenge', async () => {
    for (const [proof, status] of [
      ['policy', 403],
      ['both', 403],
      ['challenge', 201],
    ] as const) {
      world = new OperationsWorld({ endpoint: { proof } })
      const { account } = await world.register()
      const reply = await world.order(account, ['www.example.com'])
      expect(reply.status, proof).toBe(status)
      if (status === 403) expect(reply.problem?.type).toBe(urn('rejectedIdentifier'))
      else expect(reply.json.status).toBe('pending')
    }
  })

  test("the CA's words reach the client: type, detail, status, subproblems, Retry-After, links", async () => {
    world = new OperationsWorld({ endpoint: { cas: ['one'] } })
    const account = await world.bound()
    world.ca('one').steps.place = limitedBy('one', 'too many certificates (50) already issued', 3600)
    const limited = await world.order(account, ['www.a.example'])
    expect(limited.problem).toMatchObject({ type: urn('rateLimited'), status: 429 })
    expect(limited.problem!.detail).toMatch(
      /^too many certificates \(50\) already issued \(from the CA "one"; .*acmetap record [0-9a-f-]{36}\)$/,
    )
    expect(Number(fieldOf(limited, 'retry-after'))).toBeGreaterThan(3500)
    world = new OperationsWorld({ endpoint: { cas: ['one'] } })
    const other = await world.bound()
    const subproblems = [{ type: urn('caa'), detail: 'no', identifier: dns('www.a.example') }]
    const links = ['<https://ca.example/help>;rel="help"']
    world.ca('one').steps.place = failing('one', 'refused', 'CAA forbids', {
      type: urn('caa'),
      status: 403,
      subproblems,
      links,
    })
    const refused = await world.order(other, ['www.a.example'])
    expect(refused.problem).toMatchObject({ type: urn('caa'), status: 403, subproblems })
    expect(fieldOf(refused, 'link')).toBe(links[0])
  })
})

describe('RFC 9773 §5: replaces', () => {
  const setting = async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    const first = await world.order(account, ['www.a.example'])
    const done = await finalize(account, first)
    const certificate = (await world.store.certificate(
      { endpoint: 'fleet', account: account.id },
      idOf(done.json.certificate),
    ))!
    return { account, certificate, ariId: certificate.ariId! }
  }

  test('one of this account is shown, kept, and replaced once', async () => {
    const { account, certificate, ariId } = await setting()
    const reply = await world.order(account, ['www.a.example', 'b.a.example'], { replaces: ariId })
    expect(reply.json.replaces).toBe(ariId)
    const second = await world.order(account, ['www.a.example'], { replaces: ariId })
    expect(second.problem).toMatchObject({ type: urn('alreadyReplaced'), status: 409 })
    expect(second.problem!.detail).toContain(certificate.serial)
    // Not by an order that came to nothing.
    const order = (await world.store.anyOrder(orderOf(reply)))!
    await world.store.putOrder({ ...order, status: 'invalid' }, order)
    expect((await world.order(account, ['www.a.example'], { replaces: ariId })).status).toBe(201)
  })

  test('of several at the same time one replaces it', async () => {
    const { account, ariId } = await setting()
    const all = await Promise.all(
      Array.from({ length: 10 }, () => world.order(account, ['www.a.example'], { replaces: ariId })),
    )
    expect(all.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)])
  })

  test('whatever each of them waits for', async () => {
    const { account, ariId } = await setting()
    Object.assign(world.endpoint, { proof: 'challenge' })
    const reusable = world.store.reusable.bind(world.store)
    const { promise: last, resolve: goOn } = Promise.withResolvers<void>()
    let asked = 0
    world.store.reusable = async (...given) => {
      if (asked++ === 0) await last
      return reusable(...given)
    }
    const first = world.order(account, ['www.a.example'], { replaces: ariId })
    const second = await world.order(account, ['www.a.example'], { replaces: ariId })
    goOn()
    expect([(await first).status, second.status].sort()).toEqual([201, 409])
  })

  test('no name in common is malformed', async () => {
    const { account, ariId } = await setting()
    const reply = await world.order(account, ['b.a.example'], { replaces: ariId })
    expect(reply.problem?.type).toBe(urn('malformed'))
  })

  test("another account's and an unknown one are left out alike", async () => {
    const { ariId } = await setting()
    const stranger = await world.bound()
    for (const replaces of [ariId, 'AAAA.BBBB']) {
      const reply = await world.order(stranger, ['www.a.example'], { replaces })
      expect(reply.status).toBe(201)
      expect(reply.json).not.toHaveProperty('replaces')
    }
  })
})

describe('orders', () => {
  test('§7.1.2.1: the list has pages, newest first', async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    for (let count = 0; count < 101; count++) await world.order(account, ['www.a.example'])
    const first = await world.ask('orders', undefined, { account, ids: [account.id] })
    expect(first.json.orders).toHaveLength(100)
    const [, next] = /^<(.*)>;rel="next"$/.exec(fieldOf(first, 'link') ?? '') ?? []
    const second = await world.ask('orders', undefined, { account, ids: [account.id, idOf(next)] })
    expect(second.json.orders).toHaveLength(1)
    expect(fieldOf(second, 'link')).toBeUndefined()
    expect(new Set([...first.json.orders, ...second.json.orders]).size).toBe(101)
  })

  test('§7.1.6: what was not finalized in time is invalid', async () => {
    world = new OperationsWorld({ endpoint: { orderLifetime: 600_000 } })
    const account = await world.bound()
    const reply = await world.order(account, ['www.a.example'])
    world.clock.forward(601_000)
    const { json } = await world.ask('order', undefined, { account, ids: [orderOf(reply)] })
    expect(json).toMatchObject({ status: 'invalid', error: { type: urn('malformed') } })
    expect((await finalize(account, reply)).problem).toMatchObject({
      type: urn('orderNotReady'),
      status: 403,
    })
    const { json: shown } = await world.ask('authorization', undefined, {
      account,
      ids: [idOf(reply.json.authorizations[0])],
    })
    expect(shown.status).toBe('expired')
  })

  test('M1: objects of another account and none look the same, whatever is done with them', async () => {
    world = new OperationsWorld()
    const [owner, stranger] = [await world.bound(), await world.bound()]
    const reply = await world.order(owner, ['www.a.example'])
    const done = await finalize(owner, reply)
    const authorization = idOf(reply.json.authorizations[0])
    const found = await world.ask('authorization', undefined, { account: owner, ids: [authorization] })
    const nobody = 'AAAAAAAAAAAAAAAAAAAAAA'
    const certificate = idOf(done.json.certificate)
    const ids = {
      order: [[orderOf(reply)], [nobody]],
      finalize: [[orderOf(reply)], [nobody]],
      authorization: [[authorization], [nobody]],
      challenge: [
        [authorization, idOf(found.json.challenges[0].url)],
        [authorization, nobody],
        [nobody, nobody],
      ],
      certificate: [[certificate], [certificate, '1'], [nobody], [nobody, '1']],
    } as const
    for (const operation of ['order', 'finalize', 'authorization', 'challenge', 'certificate'] as const)
      for (const payload of [undefined, {}, { status: 'deactivated' }, { csr: csrFor(reply.json) }]) {
        const answers = await Promise.all(
          ids[operation].map((each) => world.ask(operation, payload, { account: stranger, ids: each })),
        )
        expect(new Set(answers.map((each) => JSON.stringify(each))).size, operation).toBe(1)
        expect(answers[0]!.status, operation).toBe(404)
      }
  })

  test.each(['order', 'orders', 'certificate'] as const)('§6.3: %s is only read', async (operation) => {
    world = new OperationsWorld()
    const account = await world.bound()
    const reply = await world.order(account, ['www.a.example'])
    const done = await finalize(account, reply)
    const id = { order: orderOf(reply), orders: account.id, certificate: idOf(done.json.certificate) }[
      operation
    ]
    const { problem } = await world.ask(operation, {}, { account, ids: [id] })
    expect(problem).toMatchObject({ type: urn('malformed'), status: 400 })
  })
})

describe('RFC 8555 §7.4: finalize', () => {
  test('a certificate, and where it is', async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    const order = await world.order(account, ['www.a.example', '*.a.example'])
    const csr = csrFor(order.json)
    const reply = await finalize(account, order, csr)
    expect(reply).toMatchObject({ status: 200, json: { status: 'valid' } })
    expect(fieldOf(reply, 'location')).toBe(fieldOf(order, 'location'))
    const id = idOf(reply.json.certificate)
    expect(reply.json.certificate).toBe(`${BASE}/certificate/${id}`)
    const { text, status } = await world.ask('certificate', undefined, { account, ids: [id] })
    expect(status).toBe(200)
    expect(text).toMatch(/^-----BEGIN CERTIFICATE-----\n[\s\S]*-----END CERTIFICATE-----\n$/)
    // The answer was lost, and is asked for once more.
    expect((await finalize(account, order, csr)).json).toEqual(reply.json)
    const other = makeCsr(...newKey(), reply.json.identifiers).toString('base64url')
    expect((await finalize(account, order, other)).problem).toMatchObject({
      type: urn('orderNotReady'),
      status: 403,
      detail: 'Order\'s status ("valid") is not acceptable for finalization',
    })
    expect(world.ca('one').issuedFor(orderOf(order))).toBe(1)
  })

  test('while the CA is at it: processing, with a time to ask again in whole seconds', async () => {
    world = new OperationsWorld({ patience: { finalize: 5 } })
    const account = await world.bound()
    const order = await world.order(account, ['www.a.example'])
    let goOn = () => {}
    world.ca('one').steps.finalize = () =>
      new Promise<void>((resolve) => {
        goOn = resolve
      })
    const csr = csrFor(order.json)
    const reply = await finalize(account, order, csr)
    expect(reply).toMatchObject({ status: 200, json: { status: 'processing' } })
    expect(fieldOf(reply, 'retry-after')).toMatch(/^[123]$/)
    const asked = { account, ids: [orderOf(order)] }
    expect(fieldOf(await world.ask('order', undefined, asked), 'retry-after')).toMatch(/^[123]$/)
    expect((await finalize(account, order, csr)).json?.status).toBe('processing')
    goOn()
    await expect.poll(async () => (await world.ask('order', undefined, asked)).json.status).toBe('valid')
  })

  test('before all is proved: orderNotReady', async () => {
    world = new OperationsWorld({ endpoint: { proof: 'challenge' } })
    const account = await world.bound()
    const order = await world.order(account, ['www.a.example'])
    expect((await finalize(account, order)).problem).toMatchObject({
      type: urn('orderNotReady'),
      status: 403,
      detail: 'Order\'s status ("pending") is not acceptable for finalization',
    })
  })

  test("what the CA refuses is answered in its words, and stays the order's", async () => {
    world = new OperationsWorld({ endpoint: { cas: ['one'] } })
    const account = await world.bound()
    const order = await world.order(account, ['www.a.example'])
    world.ca('one').steps.finalize = failing('one', 'refused', 'the CSR is weak', {
      type: urn('badCSR'),
      status: 400,
    })
    const reply = await finalize(account, order)
    expect(reply.problem).toMatchObject({ type: urn('badCSR'), status: 400 })
    expect(reply.problem!.detail).toContain('the CSR is weak (from the CA "one"')
    const { json } = await world.ask('order', undefined, { account, ids: [orderOf(order)] })
    expect(json).toMatchObject({ status: 'invalid', error: { type: urn('badCSR') } })
    const again = await finalize(account, order)
    expect(again.problem).toMatchObject({ type: urn('orderNotReady'), status: 403 })
    expect(again.problem!.detail).toContain('the CSR is weak')
  })

  test('J17: a CSR that is not the order, or not a good one, is badCSR', async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    const order = await world.order(account, ['www.a.example', 'b.a.example'])
    const [key, spki] = newKey()
    const names = [dns('www.a.example'), dns('b.a.example')]
    const right = makeCsr(key, spki, names)
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const wrong: Record<string, unknown> = {
      none: undefined,
      null: null,
      text: 'x',
      empty: '',
      padded: `${right.toString('base64url')}=`,
      pem: `-----BEGIN CERTIFICATE REQUEST-----\n${right.toString('base64')}`,
      garbage: Buffer.from('none').toString('base64url'),
      'a name more': makeCsr(key, spki, [...names, dns('c.a.example')]).toString('base64url'),
      'a name less': makeCsr(key, spki, names.slice(1)).toString('base64url'),
      'other names': makeCsr(key, spki, [dns('x.example'), dns('y.example')]).toString('base64url'),
      'no name': makeCsr(key, spki, []).toString('base64url'),
      'signed by another': makeCsr(newKey()[0], spki, names).toString('base64url'),
      'a small key': makeCsr(
        rsa.privateKey,
        rsa.publicKey.export({ type: 'spki', format: 'der' }),
        names,
      ).toString('base64url'),
      'bytes behind': Buffer.concat([right, Buffer.from([0])]).toString('base64url'),
    }
    for (const [what, csr] of Object.entries(wrong)) {
      const reply = await world.ask('finalize', { csr }, { account, ids: [orderOf(order)] })
      expect(reply.problem, what).toMatchObject({ type: urn('badCSR'), status: 400 })
    }
    expect(
      (await finalize(account, order, makeCsr(key, spki, names.reverse()).toString('base64url'))).status,
    ).toBe(200)
  })

  test("RFC 8555 §11.1: an account's key is no certificate's", async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    const others = await world.register()
    const order = await world.order(account, ['www.a.example'])
    const { privateKey } = others.key
    const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
    const reply = await finalize(
      account,
      order,
      makeCsr(privateKey, spki, order.json.identifiers).toString('base64url'),
    )
    expect(reply.problem).toMatchObject({ type: urn('badCSR') })
    expect(reply.problem!.detail).toContain('Certificate public key must be different than account key')
  })

  test('what the operator has taken back since newOrder is not issued', async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    const order = await world.order(account, ['www.a.example'])
    const key = (await world.store.eabKey(account.eabKey!))!
    await world.store.putEabKey({ ...key, names: ['.b.example'] })
    expect((await finalize(account, order)).problem?.type).toBe(urn('rejectedIdentifier'))
    await world.store.putEabKey(key)
    const owner = { endpoint: 'fleet', account: account.id }
    const authorization = (await world.store.authorization(owner, idOf(order.json.authorizations[0])))!
    await world.store.putAuthorization({ ...authorization, status: 'deactivated' }, authorization)
    const reply = await finalize(account, order)
    expect(reply.problem).toMatchObject({ type: urn('unauthorized'), status: 403 })
    expect(reply.problem!.detail).toContain('www.a.example')
    expect(world.ca('one').calls.filter((call) => call.startsWith('finalize'))).toEqual([])
  })

  test('nor what was proved too long ago', async () => {
    world = new OperationsWorld()
    const account = await world.bound()
    const order = await world.order(account, ['www.a.example'])
    const owner = { endpoint: 'fleet', account: account.id }
    const authorization = (await world.store.authorization(owner, idOf(order.json.authorizations[0])))!
    const over = { ...authorization, expiresAt: world.clock.now().wall - 1 }
    await world.store.putAuthorization(over, authorization)
    expect((await finalize(account, order)).problem?.type).toBe(urn('unauthorized'))
  })
})

test('§7.4.2: alternates are linked with each other', async () => {
  world = new OperationsWorld()
  const account = await world.bound()
  const reply = await world.order(account, ['www.a.example'])
  const order = (await world.store.anyOrder(orderOf(reply)))!
  const certificate = brokerCertificate({
    account: account.id,
    order: order.id,
    chains: ['default', 'first', 'second'],
    notAfter: world.clock.now().wall + DAY,
  })
  await world.store.addCertificate(certificate, { ...order, status: 'valid', certificate: certificate.id })
  const url = `${BASE}/certificate/${certificate.id}`
  const all = [url, `${url}/1`, `${url}/2`]
  for (const [place, text] of certificate.chains.entries()) {
    const ids = place === 0 ? [certificate.id] : [certificate.id, String(place)]
    const found = await world.ask('certificate', undefined, { account, ids })
    expect(found).toMatchObject({ status: 200, text })
    const links = found.fields.filter(([name]) => name === 'link').map(([, value]) => value)
    expect(links).toEqual(all.filter((_, at) => at !== place).map((each) => `<${each}>;rel="alternate"`))
  }
  for (const number of ['0', '3', '01', '-1', 'x'])
    expect(
      (await world.ask('certificate', undefined, { account, ids: [certificate.id, number] })).status,
    ).toBe(404)
})

function newKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return [privateKey, publicKey.export({ type: 'spki', format: 'der' })] as const
}
