import { afterEach, expect, test } from 'vitest'
import type { EabKey } from '../../../src/broker/objects.ts'
import { urlOf } from '../../../src/broker/url-map.ts'
import type { Sealed } from '../../../src/engine/sealing.ts'
import { type Binding, bindingOf, OperationsWorld } from '../../support/broker/operations-world.ts'
import { makeAccountKey } from '../../support/sign-jws.ts'

let world = new OperationsWorld()
afterEach(() => world.close())
const urn = (name: string) => `urn:ietf:params:acme:error:${name}`

/** A binding that would be right, changed; and what came of it. */
async function tried(key: EabKey, change: (right: Binding) => Binding | unknown, mac: Buffer) {
  const signer = makeAccountKey()
  const right: Binding = {
    kid: key.id,
    mac,
    url: urlOf(world.endpoint, 'newAccount'),
    payload: signer.jwk,
  }
  const changed = change(right) as Binding
  const externalAccountBinding = Buffer.isBuffer(changed?.mac) ? bindingOf(changed) : changed
  const reply = await world.ask('newAccount', { externalAccountBinding }, { key: signer })
  return { reply, externalAccountBinding, signer }
}

test.each(['HS256', 'HS384', 'HS512'])('RFC 8555 §7.3.4: %s makes an account of the key', async (alg) => {
  world = new OperationsWorld({ endpoint: { eab: 'required' } })
  const { key, mac } = await world.eab()
  const { reply, externalAccountBinding, signer } = await tried(key, (right) => ({ ...right, alg }), mac)
  expect(reply).toMatchObject({ status: 201, json: { externalAccountBinding } })
  const account = await world.store.accountByKey('fleet', signer.thumbprint)
  expect(account).toMatchObject({ label: 'team-a', eabKey: key.id })
  expect(await world.store.eabKey(key.id)).toMatchObject({ used: 1 })
  const again = await world.ask('newAccount', {}, { key: signer })
  expect(again.status).toBe(200)
})

test('J12: where a binding is required, none is told so', async () => {
  world = new OperationsWorld({ endpoint: { eab: 'required' } })
  for (const payload of [{}, { externalAccountBinding: null }]) {
    const reply = await world.ask('newAccount', payload, { key: makeAccountKey() })
    expect(reply.problem).toMatchObject({ type: urn('externalAccountRequired'), status: 403 })
  }
})

test('where it is optional, one that is wrong is not taken for none', async () => {
  world = new OperationsWorld()
  const { key, mac } = await world.eab()
  const { reply } = await tried(key, (right) => ({ ...right, mac: Buffer.alloc(32) }), mac)
  expect(reply.problem?.type).toBe(urn('unauthorized'))
})

test('J12: whatever is wrong with the key, the answer is the same, and as much is done', async () => {
  world = new OperationsWorld({ endpoint: { eab: 'required' } })
  const now = world.clock.now().wall
  const opened: string[] = []
  const open = world.sealing.open.bind(world.sealing)
  Object.assign(world.sealing, {
    open: (sealed: Sealed, place: Parameters<typeof open>[1]) => {
      opened.push(place.id)
      return open(sealed, place)
    },
  })
  const keys: Record<string, Partial<EabKey>> = {
    good: {},
    revoked: { revokedAt: now - 1 },
    expired: { expiresAt: now - 1 },
    spent: { uses: 1, used: 1 },
    'of another endpoint': { endpoints: ['other'] },
  }
  const problems: string[] = []
  for (const [what, changes] of Object.entries(keys)) {
    const { key, mac } = await world.eab(changes)
    const wrongs: ((right: Binding) => Binding)[] = [
      (right) => ({ ...right, mac: Buffer.alloc(32) }),
      (right) => ({ ...right, kid: `${right.kid}x` }),
      (right) => ({ ...right, kid: 'x'.repeat(256) }),
      ...(what === 'good' ? [] : [(right: Binding) => right]),
    ]
    for (const wrong of wrongs) {
      opened.length = 0
      const { reply } = await tried(key, wrong, mac)
      expect(opened, what).toHaveLength(1)
      problems.push(JSON.stringify([reply.status, reply.problem, reply.fields]))
    }
  }
  expect(problems).toHaveLength(19)
  expect(new Set(problems).size).toBe(1)
  expect(problems[0]).toContain(urn('unauthorized'))
  expect(await world.store.accounts({ limit: 10 })).toEqual([])
})

test('J12: 300 bindings that are none make no account', async () => {
  world = new OperationsWorld({ endpoint: { eab: 'required' } })
  const { key, mac } = await world.eab()
  const other = await world.eab({ label: 'team-b' })
  const url = urlOf(world.endpoint, 'newAccount')
  const stranger = makeAccountKey()
  const changes: ((right: Binding) => unknown)[] = []
  const algs = ['none', 'None', 'HS1', 'HS2048', 'hs256', 'HS256 ', '', 'RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'A128KW', 'dir', 'HS255', 'toString', '__proto__', 'constructor'] // biome-ignore format: a list
  for (const alg of algs) changes.push((right) => ({ ...right, alg }))
  for (const alg of [null, 5, ['HS256'], {}]) changes.push((right) => ({ ...right, header: { alg } }))
  for (const nonce of ['', 'abc', 'AAAAAAAAAAAAAAAA', null, 1])
    changes.push((right) => ({ ...right, header: { nonce } }))
  const urls = ['', '/', `${url}/`, `${url}?`, `${url}#`, url.toUpperCase(), url.replace('https', 'http'), url.replace('.net', '.net:443'), url.replace('/fleet', '/other'), url.replace('/fleet', '/fleet/staging'), url.replace('/fleet', '/fleet/~team-a'), urlOf(world.endpoint, 'newOrder'), urlOf(world.endpoint, 'directory'), ` ${url}`, `${url} `, url.replace('new-account', 'new%2Daccount'), url.replace('//', '///'), 'https://ca.example/new-account'] // biome-ignore format: a list
  for (const wrong of urls) changes.push((right) => ({ ...right, url: wrong }))
  for (const wrong of [null, 7, [url], {}]) changes.push((right) => ({ ...right, header: { url: wrong } }))
  const kids = ['', ' ', `${key.id} `, key.id.toLowerCase() === key.id ? key.id.toUpperCase() : key.id.toLowerCase(), other.key.id, `${key.id}\u0000`, '../x', "' or 1=1 --", '%', 'x'.repeat(257), '__proto__', 'constructor', 'null'] // biome-ignore format: a list
  for (const kid of kids) changes.push((right) => ({ ...right, kid }))
  for (const kid of [null, 7, [key.id], {}]) changes.push((right) => ({ ...right, header: { kid } }))
  for (const header of [{ jwk: stranger.jwk }, { crit: ['exp'] }, { b64: false }, { zip: 'DEF' }])
    changes.push((right) => ({ ...right, header }))
  const jwk = makeAccountKey().jwk
  const payloads = [undefined, null, '', 'x', 7, [], {}, { kty: 'EC' }, stranger.jwk, jwk, { ...jwk, x: stranger.jwk.x }, { kty: 'oct', k: 'AAAA' }, { jwk }, [jwk], { kty: ['EC'] }, { kty: 'RSA', n: 7, e: 7 }, { kty: 'RSA', n: ['AAAA'], e: ['AQAB'] }, { kty: 'EC', crv: {}, x: 1, y: 2 }] // biome-ignore format: a list
  for (const payload of payloads) changes.push((right) => ({ ...right, payload: payload ?? null }))
  for (let place = 0; place < 90; place++)
    changes.push((right) => {
      const signed = bindingOf(right)
      const bytes = Buffer.from(signed.signature, 'base64url')
      bytes[place % bytes.length]! ^= 1 << (place % 8)
      return { ...signed, signature: bytes.toString('base64url') }
    })
  for (let length = 0; length < 64; length++)
    changes.push((right) => {
      const signed = bindingOf(right)
      if (length === 32) return { ...signed, signature: 'A'.repeat(43) }
      const bytes = Buffer.concat([Buffer.from(signed.signature, 'base64url'), Buffer.alloc(32)])
      return { ...signed, signature: bytes.subarray(0, length).toString('base64url') }
    })
  for (const wrong of [Buffer.alloc(0), Buffer.alloc(32), other.mac, Buffer.from(mac.toString('base64url')), Buffer.from(mac.toString('hex')), mac.subarray(0, 31), Buffer.concat([mac, Buffer.from([1])])]) // biome-ignore format: a list
    for (const alg of ['HS256', 'HS384', 'HS512']) changes.push((right) => ({ ...right, mac: wrong, alg }))
  for (const value of ['', 'x', 7, true, [], {}, [{}]]) changes.push(() => value)
  for (const part of ['protected', 'payload', 'signature'] as const) {
    for (const value of ['', '=', 'AA==', 'A', '+/', ' ', '\n', null, 7, {}, []])
      changes.push((right) => ({ ...bindingOf(right), [part]: value }))
    changes.push((right) => {
      const { [part]: _, ...rest } = bindingOf(right)
      return rest
    })
  }
  for (const more of [{ header: {} }, { header: { alg: 'HS256' } }, { signatures: [] }, { extra: 1 }])
    changes.push((right) => ({ ...bindingOf(right), ...more }))
  changes.push((right) => ({ ...bindingOf(right), payload: bindingOf({ ...right, kid: 'x' }).protected }))
  expect(changes.length).toBeGreaterThanOrEqual(300)
  for (const [place, change] of changes.entries()) {
    const { reply } = await tried(key, change, mac)
    expect(reply.problem?.type, `${place}: ${change}`).toMatch(/:(?:malformed|unauthorized)$/)
    expect(reply.problem?.detail).not.toContain(mac.toString('base64url'))
  }
  expect(await world.store.accounts({ limit: 10 })).toEqual([])
  expect((await tried(key, (right) => right, mac)).reply.status).toBe(201)
})

test('uses are counted, also where all come at the same time', async () => {
  world = new OperationsWorld({ endpoint: { eab: 'required' } })
  const { key, mac } = await world.eab({ uses: 3 })
  const all = await Promise.all(Array.from({ length: 20 }, () => tried(key, (right) => right, mac)))
  expect(all.filter(({ reply }) => reply.status === 201)).toHaveLength(3)
  const refused = all.filter(({ reply }) => reply.status !== 201)
  expect(new Set(refused.map(({ reply }) => JSON.stringify(reply.problem))).size).toBe(1)
  expect(await world.store.eabKey(key.id)).toMatchObject({ used: 3 })
})

test('a label beside it must be its own', async () => {
  const labels = ['team-a', 'team-b'].map((name) => ({ name, names: ['**'], from: ['192.0.2.0/24'] }))
  world = new OperationsWorld({ endpoint: { labels } })
  const { key, mac } = await world.eab()
  for (const [label, status] of [
    ['team-b', 403],
    ['team-a', 201],
  ] as const) {
    const signer = makeAccountKey()
    const url = urlOf(world.endpoint, 'newAccount', [], label)
    const externalAccountBinding = bindingOf({ kid: key.id, mac, url, payload: signer.jwk })
    const reply = await world.ask('newAccount', { externalAccountBinding }, { key: signer, label })
    expect(reply.status).toBe(status)
  }
})

test.each([
  ['revoked', { revokedAt: 1 }],
  ['expired', { expiresAt: 1 }],
  ['no longer for this endpoint', { endpoints: ['other'] }],
])('accounts of a key that is %s order and finalize nothing, but read and give up', async (_, changes) => {
  world = new OperationsWorld()
  const account = await world.bound()
  const order = (await world.order(account, ['www.a.example'])).fields[0]![1]
  const id = order.split('/').at(-1)!
  const key = (await world.store.eabKey(account.eabKey!))!
  await world.store.putEabKey({ ...key, ...changes })
  const again = await world.order(account, ['www.a.example'])
  expect(again.problem).toMatchObject({ type: urn('unauthorized'), status: 403 })
  expect(again.problem!.detail).toContain('Ask the operator')
  const finalized = await world.ask('finalize', { csr: 'MAAA' }, { account, ids: [id] })
  expect(finalized.problem).toEqual(again.problem)
  expect((await world.ask('order', undefined, { account, ids: [id] })).status).toBe(200)
  const deactivated = await world.ask('account', { status: 'deactivated' }, { account, ids: [account.id] })
  expect(deactivated.status).toBe(200)
})
