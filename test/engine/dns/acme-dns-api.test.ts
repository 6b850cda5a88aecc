import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { acmeDnsApi, type DnsApiParts } from '../../../src/engine/dns/acme-dns-api.ts'
import { Registrations } from '../../../src/engine/dns/registrations.ts'
import { MemoryEngineStore } from '../../support/engine/memory-engine-store.ts'
import { handClock, SETTINGS } from './fixtures.ts'

const VALUE = 'a_-Z'.repeat(10).padEnd(43, '0')

interface Registered {
  readonly username: string
  readonly password: string
  readonly fulldomain: string
  readonly subdomain: string
  readonly allowfrom: readonly string[]
}

const calls: string[] = []
afterEach(() => {
  calls.length = 0
})

async function open(over: Partial<DnsApiParts> = {}) {
  const store = new MemoryEngineStore()
  const clock = handClock()
  const changes: number[] = []
  const registrations = await Registrations.open(store, clock, () => changes.push(1))
  const faults: unknown[] = []
  const app = acmeDnsApi({
    registrations,
    zone: SETTINGS.zone,
    register: ['10.0.0.0/8', '2001:db8::/32'],
    tls: null,
    clock,
    onCall: (operation, outcome) => calls.push(`${operation} ${outcome}`),
    onFault: (error) => faults.push(error),
    ...over,
  })
  onTestFinished(() => app.close())
  const post = async (
    url: string,
    payload: unknown,
    { headers = {}, remoteAddress = '10.1.2.3' }: { headers?: object; remoteAddress?: string } = {},
  ) => {
    const body = typeof payload === 'string' ? payload : payload === undefined ? '' : JSON.stringify(payload)
    const {
      statusCode,
      body: text,
      headers: fields,
    } = await app.inject({
      method: 'POST',
      url,
      remoteAddress,
      payload: body,
      headers: { 'content-type': 'application/json', ...headers },
    })
    return { status: statusCode, fields, told: text === '' ? null : JSON.parse(text) }
  }
  const register = async (payload?: unknown) => (await post('/register', payload)).told as Registered
  const update = (by: Registered, payload: unknown, remoteAddress?: string) =>
    post('/update', payload, {
      headers: { 'x-api-user': by.username, 'x-api-key': by.password },
      ...(remoteAddress === undefined ? {} : { remoteAddress }),
    })
  return { app, store, clock, registrations, changes, faults, post, register, update }
}

describe('register', () => {
  test('201 with what the README of acme-dns shows; the password is kept as a digest alone', async () => {
    const { post, store } = await open()
    const { status, told, fields } = await post('/register', { allowfrom: ['192.168.100.1/24', '::1/128'] })
    expect(status).toBe(201)
    expect(fields['content-type']).toMatch(/^application\/json/)
    expect(told).toEqual({
      username: expect.stringMatching(/^[0-9a-f-]{36}$/),
      password: expect.stringMatching(/^[A-Za-z0-9_-]{40}$/),
      fulldomain: `${told.subdomain}.${SETTINGS.zone}`,
      subdomain: expect.stringMatching(/^[0-9a-f-]{36}$/),
      allowfrom: ['192.168.100.1/24', '::1/128'],
    })
    const [kept] = await store.registrations()
    expect(kept).toMatchObject({
      passwordDigest: createHash('sha256').update(told.password).digest('hex'),
      values: [],
      updatedAt: null,
    })
    expect(JSON.stringify(kept)).not.toContain(told.password)
    expect(calls).toEqual(['register ok'])
  })

  test.each([
    ['no body', undefined],
    ['{}', {}],
    ['null', { allowfrom: null }],
    ['none', { allowfrom: [] }],
  ])('networks can be left out: %s', async (_name, payload) => {
    const { register } = await open()
    expect((await register(payload)).allowfrom).toEqual([])
  })

  test.each([
    '1.2.3.4',
    '1.2.3.4/33',
    '300.1.1.1/8',
    '::/129',
    '0x7f.1/8',
    '127.1/8',
    '1.2.3.4/08888',
    'example.com/24',
    '',
    ' 1.2.3.4/32',
    7,
    null,
    ['10.0.0.0/8'],
  ])('400 for what is no network: %j', async (network) => {
    const { post, store } = await open()
    const { status, told } = await post('/register', { allowfrom: ['10.0.0.0/8', network] })
    expect({ status, told }).toEqual({ status: 400, told: { error: 'invalid_allowfrom_cidr' } })
    expect(await store.registrations()).toEqual([])
    expect(calls).toEqual(['register malformed'])
  })

  test('400 for what is no JSON object; 33 networks are too many', async () => {
    const { post } = await open()
    for (const payload of ['{', '[]', '"x"', '7', 'allowfrom=1'])
      expect((await post('/register', payload)).told).toEqual({ error: 'malformed_json_payload' })
    const many = Array.from({ length: 33 }, (_, index) => `10.0.0.${index}/32`)
    expect((await post('/register', { allowfrom: many })).status).toBe(400)
  })

  test('403 from networks that may not; nobody may where none is configured', async () => {
    const { post } = await open()
    const from = (remoteAddress: string) => post('/register', {}, { remoteAddress })
    expect(await from('11.0.0.1')).toMatchObject({ status: 403, told: { error: 'forbidden' } })
    expect(await from('2001:db9::1')).toMatchObject({ status: 403 })
    expect(await from('::ffff:10.9.9.9')).toMatchObject({ status: 201 })
    expect(await from('2001:db8::1')).toMatchObject({ status: 201 })
    // A field that names another address is anybody's to send.
    const lying = await post(
      '/register',
      {},
      { remoteAddress: '11.0.0.1', headers: { 'x-forwarded-for': '10.0.0.1' } },
    )
    expect(lying.status).toBe(403)
    const closed = await open({ register: [] })
    expect(await closed.post('/register', {})).toMatchObject({ status: 403 })
  })

  test('10 a minute from one network', async () => {
    const { post, clock } = await open()
    for (let index = 0; index < 10; index++) expect((await post('/register', {})).status).toBe(201)
    const { status, told, fields } = await post('/register', {})
    expect({ status, told, retry: fields['retry-after'] }).toEqual({
      status: 429,
      told: { error: 'rate_limited' },
      retry: '1',
    })
    expect(calls.at(-1)).toBe('register limited')
    clock.advance(60)
    expect((await post('/register', {})).status).toBe(201)
  })
})

describe('update', () => {
  test('200 with the value; the last two are kept, newest first, and are durable', async () => {
    const { register, update, store, clock, registrations, changes } = await open()
    const by = await register()
    const before = changes.length
    for (const letter of ['a', 'b', 'c', 'c']) {
      const txt = letter.repeat(43)
      expect(await update(by, { subdomain: by.subdomain, txt })).toMatchObject({ status: 200, told: { txt } })
    }
    const expected = ['c'.repeat(43), 'b'.repeat(43)]
    expect(registrations.values(by.subdomain)).toEqual(expected)
    expect(changes.length - before).toBe(4)
    const again = await Registrations.open(store, clock)
    expect(again.values(by.subdomain)).toEqual(expected)
    expect(again.authenticate(by.username, by.password, '192.0.2.1')).not.toBeNull()
  })

  test('whatever type the body is said to have', async () => {
    const { register, post } = await open()
    const by = await register()
    const headers = {
      'x-api-user': by.username,
      'x-api-key': by.password,
      'content-type': 'application/x-www-form-urlencoded',
    }
    expect(await post('/update', { subdomain: by.subdomain, txt: VALUE }, { headers })).toMatchObject({
      status: 200,
    })
  })

  test('values that are set at once are both kept', async () => {
    const { register, update, registrations } = await open()
    const by = await register()
    const texts = ['x'.repeat(43), 'y'.repeat(43)]
    await Promise.all(texts.map((txt) => update(by, { subdomain: by.subdomain, txt })))
    expect([...(registrations.values(by.subdomain) ?? [])].sort()).toEqual(texts)
  })

  test('401 alike for a wrong user, a wrong password, none, another subdomain and another network', async () => {
    const { register, update, post, registrations } = await open()
    const by = await register({ allowfrom: ['192.0.2.0/24'] })
    const other = await register()
    const wish = { subdomain: by.subdomain, txt: VALUE }
    const answers = [
      await update({ ...by, username: randomUUID() }, wish, '192.0.2.1'),
      await update({ ...by, password: other.password }, wish, '192.0.2.1'),
      await update({ ...by, password: '' }, wish, '192.0.2.1'),
      await post('/update', wish),
      await update(other, wish),
      await update(by, wish, '192.0.3.1'),
      await update(by, wish, '2001:db8::1'),
      await update({ ...by, username: '__proto__' }, wish, '192.0.2.1'),
    ]
    for (const { status, told } of answers)
      expect({ status, told }).toEqual({ status: 401, told: { error: 'forbidden' } })
    expect(new Set(calls.slice(2))).toEqual(new Set(['update refused']))
    expect(registrations.values(by.subdomain)).toEqual([])
    expect(await update(by, wish, '::ffff:192.0.2.200')).toMatchObject({ status: 200 })
  })

  test.each([
    ['bad_txt', { txt: 'a'.repeat(42) }],
    ['bad_txt', { txt: 'a'.repeat(44) }],
    ['bad_txt', { txt: `${'a'.repeat(42)}=` }],
    ['bad_txt', { txt: `${'a'.repeat(43)}\n` }],
    ['bad_txt', { txt: 7 }],
    ['bad_txt', { txt: undefined }],
    ['bad_subdomain', { subdomain: 'www' }],
    ['bad_subdomain', { subdomain: ['x'] }],
    ['bad_subdomain', { subdomain: null }],
  ])('400 %s for %j', async (error, over) => {
    const { register, update } = await open()
    const by = await register()
    const { status, told } = await update(by, { subdomain: by.subdomain, txt: VALUE, ...over })
    expect({ status, told }).toEqual({ status: 400, told: { error } })
    expect(calls.at(-1)).toBe('update malformed')
  })

  test('a removed registration can be set no more', async () => {
    const { register, update, registrations } = await open()
    const by = await register()
    expect(await registrations.remove(by.subdomain)).toBe(true)
    expect(await registrations.remove(by.subdomain)).toBe(false)
    expect(registrations.list()).toEqual([])
    expect(await update(by, { subdomain: by.subdomain, txt: VALUE })).toMatchObject({ status: 401 })
  })

  test('500 where it could not be kept: then it is not told in the DNS either', async () => {
    const { register, update, store, registrations, faults } = await open()
    const by = await register()
    store.fault = new Error('the disk is full')
    const { status, told } = await update(by, { subdomain: by.subdomain, txt: VALUE })
    expect({ status, told }).toEqual({ status: 500, told: { error: 'db_error' } })
    expect(registrations.values(by.subdomain)).toEqual([])
    expect(faults).toEqual([store.fault])
    expect(calls.at(-1)).toBe('update failed')
    store.fault = null
    expect(await update(by, { subdomain: by.subdomain, txt: VALUE })).toMatchObject({ status: 200 })
  })
})

test('health, unknown paths, other methods, bodies beyond bounds', async () => {
  const { app, post } = await open()
  const health = await app.inject({ method: 'GET', url: '/health' })
  expect({ status: health.statusCode, body: health.body }).toEqual({ status: 200, body: '' })
  expect((await app.inject({ method: 'GET', url: '/register' })).statusCode).toBe(404)
  expect(await post('/admin', {})).toMatchObject({ status: 404, told: { error: 'not_found' } })
  expect(await post('/register', { pad: 'x'.repeat(5000) })).toMatchObject({
    status: 413,
    told: { error: 'body_too_large' },
  })
  expect(calls).toEqual(['health ok', 'other malformed', 'other malformed', 'register malformed'])
})

describe('connections', () => {
  async function listening(over: Partial<DnsApiParts>) {
    const { app } = await open(over)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    return () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      onTestFinished(() => void socket.destroy())
      return socket
    }
  }

  test.each([
    ['without TLS', null],
    ['with TLS', { options: {}, watch: () => undefined }],
  ])('one that says nothing is ended, %s', async (_, tls) => {
    const socket = (await listening({ tls, patience: 200 }))()
    await once(socket.resume(), 'close')
  })

  test('20 from one network, so that nobody can take the places of all others', async () => {
    const enter = await listening({ isExempt: () => false })
    const first = Array.from({ length: 20 }, enter)
    await Promise.all(first.map((socket) => once(socket, 'connect')))
    await once(enter().resume(), 'close')
    expect(first.every((socket) => !socket.destroyed)).toBe(true)
    first[0]!.write('GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    const [answer] = (await once(first[0]!, 'data')) as [Buffer]
    expect(answer.toString()).toContain(' 200 ')
    await once(first[0]!, 'close')
    const next = enter()
    next.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(((await once(next, 'data')) as [Buffer])[0].toString()).toContain(' 200 ')
  })
})

test('50 calls a second from one network, whatever they are', async () => {
  const { app, clock } = await open()
  const health = async (remoteAddress: string) =>
    (await app.inject({ method: 'GET', url: '/health', remoteAddress })).statusCode
  for (let index = 0; index < 50; index++) expect(await health(`192.0.2.${index}`)).toBe(200)
  expect(await health('192.0.2.99')).toBe(429)
  expect(await health('192.0.3.1')).toBe(200)
  clock.advance(1)
  expect(await health('192.0.2.99')).toBe(200)
})
