import { afterEach, expect, test } from 'vitest'
import { AcmeProblem } from '../../../src/acme/problem.ts'
import type { BrokerAccount } from '../../../src/broker/objects.ts'
import { fieldOf, idOf, OperationsWorld } from '../../support/broker/operations-world.ts'

let world = new OperationsWorld()
afterEach(() => world.close())
const urn = (name: string) => `urn:ietf:params:acme:error:${name}`
const BASE = 'https://acme.example.net/fleet'
type Shown = { type: string; url: string; status: string; token: string }

/** An order to be proved, and its first authorization. */
async function pending(names: readonly string[], account?: BrokerAccount) {
  const asking = account ?? (await world.register()).account
  const order = await world.order(asking, names)
  const id = idOf(order.json.authorizations[0])
  const authorization = await world.ask('authorization', undefined, { account: asking, ids: [id] })
  const challenges: Shown[] = authorization.json.challenges
  const challenge = (type: string) => [id, idOf(challenges.find((each) => each.type === type)?.url)]
  return { account: asking, order, id, authorization, challenges, challenge }
}

test('RFC 8555 §7.5: a pending authorization, member by member', async () => {
  world = new OperationsWorld({ endpoint: { proof: 'challenge' } })
  const { authorization, id, challenges, order } = await pending(['www.example.com'])
  expect(order.json.status).toBe('pending')
  expect(authorization.json).toEqual({
    status: 'pending',
    expires: expect.stringMatching(/Z$/),
    identifier: { type: 'dns', value: 'www.example.com' },
    challenges: ['http-01', 'dns-01', 'tls-alpn-01'].map((type) => ({
      type,
      url: expect.stringMatching(`^${BASE}/challenge/${id}/[\\w-]{22}$`),
      status: 'pending',
      token: expect.stringMatching(/^[\w-]{43}$/),
    })),
  })
  expect(fieldOf(authorization, 'retry-after')).toMatch(/^[123]$/)
  expect(new Set(challenges.map(({ token }) => token)).size).toBe(3)
})

test('§7.1.3: a wildcard is proved by dns-01 alone, and refused where that is not offered', async () => {
  world = new OperationsWorld({ endpoint: { proof: 'challenge' } })
  const { challenges } = await pending(['*.example.com'])
  expect(challenges.map(({ type }) => type)).toEqual(['dns-01'])
  const settings = world.endpoint.challenges
  world = new OperationsWorld({
    endpoint: { proof: 'challenge', challenges: { ...settings, types: ['http-01'] } },
  })
  const { account } = await world.register()
  const { problem } = await world.order(account, ['*.example.com'])
  expect(problem).toMatchObject({ type: urn('rejectedIdentifier') })
  expect(problem!.detail).toContain('dns-01')
})

test('§7.5.1: an answer is looked at, and the order becomes ready; asked again, it is as it is', async () => {
  world = new OperationsWorld({ endpoint: { proof: 'challenge' } })
  let goOn = () => {}
  const seen: string[] = []
  world.looked = async ({ keyAuthorization }) => {
    seen.push(keyAuthorization)
    await new Promise<void>((resolve) => {
      goOn = resolve
    })
    return null
  }
  const { account, order, id, challenge } = await pending(['www.example.com'])
  const ids = challenge('http-01')
  const reply = await world.ask('challenge', {}, { account, ids })
  expect(reply).toMatchObject({ status: 200, json: { type: 'http-01', status: 'pending' } })
  expect(fieldOf(reply, 'link')).toBe(`<${BASE}/authorization/${id}>;rel="up"`)
  expect(fieldOf(reply, 'retry-after')).toMatch(/^[123]$/)
  const again = await world.ask('challenge', { keyAuthorization: 'x' }, { account, ids })
  expect(again.json).toEqual(reply.json)
  await expect.poll(() => seen).toEqual([`${reply.json.token}.${account.thumbprint}`])
  goOn()
  const read = () => world.ask('order', undefined, { account, ids: [idOf(fieldOf(order, 'location'))] })
  await expect.poll(async () => (await read()).json.status).toBe('ready')
  const after = await world.ask('authorization', undefined, { account, ids: [id] })
  expect(after.json.status).toBe('valid')
  expect(after.json.challenges).toEqual([
    { ...reply.json, status: 'valid', validated: expect.stringMatching(/Z$/) },
  ])
  for (const payload of [undefined, {}]) {
    const late = await world.ask('challenge', payload, { account, ids })
    expect(late.json).toEqual(after.json.challenges[0])
    expect(fieldOf(late, 'retry-after')).toBeUndefined()
  }
  expect(seen).toHaveLength(1)
  // The same account needs to prove nothing again; another does.
  expect((await world.order(account, ['www.example.com'])).json.status).toBe('ready')
  const stranger = await world.register()
  expect((await world.order(stranger.account, ['www.example.com'])).json.status).toBe('pending')
})

test('§7.1.6: what failed is told in the challenge, the authorization and the order', async () => {
  world = new OperationsWorld({ endpoint: { proof: 'challenge' } })
  const problem = new AcmeProblem('connection', '192.0.2.9: Connection refused').document()
  world.looked = async () => problem
  const { account, order, id, challenge } = await pending(['www.example.com'])
  await world.ask('challenge', {}, { account, ids: challenge('http-01') })
  const read = () => world.ask('authorization', undefined, { account, ids: [id] })
  await expect.poll(async () => (await read()).json.status).toBe('invalid')
  expect((await read()).json.challenges).toMatchObject([
    { type: 'http-01', status: 'invalid', error: problem },
  ])
  const ids = [idOf(fieldOf(order, 'location'))]
  await expect
    .poll(async () => (await world.ask('order', undefined, { account, ids })).json)
    .toMatchObject({ status: 'invalid', error: { type: urn('connection') } })
  const late = await world.ask('challenge', {}, { account, ids: challenge('dns-01') })
  expect(late.problem?.type).toBe(urn('malformed'))
})

test('what nobody proved in time is invalid, and answered no more', async () => {
  world = new OperationsWorld({ endpoint: { proof: 'challenge', orderLifetime: 600_000 } })
  const { account, id, challenge } = await pending(['www.example.com'])
  world.clock.forward(601_000)
  const { json } = await world.ask('authorization', undefined, { account, ids: [id] })
  expect(json.status).toBe('invalid')
  const reply = await world.ask('challenge', {}, { account, ids: challenge('http-01') })
  expect(reply.problem?.detail).toContain('Expired authorization')
})

test('§7.5.2: one that is given up takes its orders with it, and is not used again', async () => {
  world = new OperationsWorld({ endpoint: { proof: 'challenge' } })
  const { account, order, id } = await pending(['www.example.com'])
  const asked = { account, ids: [id] }
  for (const payload of [{}, { status: 'valid' }, { status: 7 }])
    expect((await world.ask('authorization', payload, asked)).problem?.type).toBe(urn('malformed'))
  for (const _ of [1, 2])
    expect((await world.ask('authorization', { status: 'deactivated' }, asked)).json.status).toBe(
      'deactivated',
    )
  const ids = [idOf(fieldOf(order, 'location'))]
  expect((await world.ask('order', undefined, { account, ids })).json.status).toBe('invalid')
  const again = await world.order(account, ['www.example.com'])
  expect(idOf(again.json.authorizations[0])).not.toBe(id)
})

test('J16: two that ask for the same name prove it each for itself', async () => {
  world = new OperationsWorld({ endpoint: { proof: 'both' } })
  const one = await pending(['www.a.example'], await world.bound())
  const two = await pending(['www.a.example'], await world.bound())
  await world.ask('challenge', {}, { account: one.account, ids: one.challenge('http-01') })
  const status = async ({ account, id }: typeof one) =>
    (await world.ask('authorization', undefined, { account, ids: [id] })).json.status
  await expect.poll(() => status(one)).toBe('valid')
  expect(await status(two)).toBe('pending')
  expect((await world.order(two.account, ['www.a.example'])).json.status).toBe('pending')
})

test('what was valid by policy proves nothing where challenges are asked for since', async () => {
  world = new OperationsWorld()
  const account = await world.bound()
  const order = await world.order(account, ['www.a.example'])
  Object.assign(world.endpoint, { proof: 'both' })
  const ids = [idOf(fieldOf(order, 'location'))]
  const reply = await world.ask('finalize', { csr: 'MAAA' }, { account, ids })
  expect(reply.problem?.type).toBe(urn('unauthorized'))
  expect((await world.order(account, ['www.a.example'])).json.status).toBe('pending')
})

test('§7.4.1: newAuthz, where it is offered', async () => {
  const ask = (account: BrokerAccount, identifier: unknown) =>
    world.ask('newAuthz', { identifier }, { account })
  const identifier = { type: 'dns', value: 'www.A.example' }
  world = new OperationsWorld({ endpoint: { proof: 'both' } })
  expect((await ask(await world.bound(), identifier)).status).toBe(404)
  await world.close()
  world = new OperationsWorld({ endpoint: { proof: 'both', preAuthorization: true } })
  const account = await world.bound()
  const made = await ask(account, identifier)
  expect(made).toMatchObject({
    status: 201,
    json: { status: 'pending', identifier: { value: 'www.a.example' } },
  })
  const there = await ask(account, identifier)
  expect(there).toMatchObject({ status: 200, json: made.json })
  expect(fieldOf(there, 'location')).toBe(fieldOf(made, 'location'))
  const order = await world.order(account, ['www.a.example'])
  expect(order.json.authorizations).toEqual([fieldOf(made, 'location')])
  for (const [wrong, type] of [
    [{ type: 'dns', value: '*.a.example' }, 'malformed'],
    [{ ...identifier, subdomainAuthAllowed: true }, 'malformed'],
    [undefined, 'malformed'],
    [{ type: 'dns', value: 'www.b.example' }, 'rejectedIdentifier'],
  ] as const)
    expect((await ask(account, wrong)).problem?.type).toBe(urn(type))
})
