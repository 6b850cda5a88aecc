import { afterEach, expect, test } from 'vitest'
import { IssuerError } from '../../../src/broker/issuer.ts'
import { failing, hanging, issuerError, limitedBy } from '../../support/broker/fake-issuer.ts'
import { IssuanceWorld } from '../../support/broker/issuance-world.ts'

let world = new IssuanceWorld()
afterEach(() => world.issuances.close())

const refusal = async (promise: Promise<unknown>): Promise<IssuerError> => {
  const error = await promise.then(
    () => new Error('it was taken'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof IssuerError)) throw error
  return error
}

test('RFC 8555 §7.4: the CA has the order when newOrder is answered, and it is authorized meanwhile', async () => {
  world = new IssuanceWorld()
  const account = await world.account()
  const order = await world.begin(world.request(account, ['www.example.com', '*.example.org']))
  expect(order).toMatchObject({
    status: 'ready',
    endpoint: 'fleet',
    account: account.id,
    identifiers: [
      { type: 'dns', value: 'www.example.com' },
      { type: 'dns', value: '*.example.org' },
    ],
    upstream: { ca: 'one', reference: 'one-1', candidates: ['one', 'two'], left: [] },
    csr: null,
    error: null,
  })
  expect(order.id).toMatch(/^[\w-]{22}$/)
  expect(await world.found(order)).toEqual(order)
  await expect.poll(() => world.ca('one').events.map(({ what }) => what)).toEqual(['placed', 'authorized'])
  expect(world.ca('two').calls).toEqual([])
})

test('nothing is authorized at the CA before the client has proved every name (J16)', async () => {
  world = new IssuanceWorld({ endpoint: { proof: 'challenge' } })
  const request = world.request(await world.account(), ['a.example.com', 'b.example.com'], {
    status: 'pending',
  })
  const order = await world.begin(request)
  expect(order.status).toBe('pending')
  const [first, second] = request.authorizations.map(({ authorization }) => authorization)
  const prove = async (which: typeof first) => {
    await world.store.putAuthorization({ ...which!, status: 'valid' }, which!)
    await world.issuances.settled({ ...which!, status: 'valid' })
  }
  await prove(first)
  expect((await world.found(order)).status).toBe('pending')
  expect(world.ca('one').events.map(({ what }) => what)).toEqual(['placed'])
  await prove(second)
  expect((await world.found(order)).status).toBe('ready')
  await expect.poll(() => world.ca('one').events.map(({ what }) => what)).toEqual(['placed', 'authorized'])
})

test('an authorization that two orders share and that was proved a moment ago counts for both', async () => {
  world = new IssuanceWorld({ endpoint: { proof: 'challenge' } })
  const account = await world.account()
  const request = world.request(account, ['a.example.com'], { status: 'pending' })
  await world.begin(request)
  const { authorization } = request.authorizations[0]!
  await world.store.putAuthorization({ ...authorization, status: 'valid' }, authorization)
  const shared = { ...request, authorizations: [{ authorization, isNew: false }] }
  expect((await world.begin(shared)).status).toBe('ready')
})

test('RFC 8555 §7.1.6: an order whose authorization is invalid is invalid, with what was seen', async () => {
  world = new IssuanceWorld({ endpoint: { proof: 'challenge' } })
  const request = world.request(await world.account(), ['a.example.com'], { status: 'pending' })
  const order = await world.begin(request)
  const { authorization } = request.authorizations[0]!
  const error = { type: 'urn:ietf:params:acme:error:connection', detail: 'Connection refused', status: 400 }
  const challenges = authorization.challenges.map((each) => ({ ...each, status: 'invalid' as const, error }))
  const invalid = { ...authorization, status: 'invalid', challenges } as const
  await world.store.putAuthorization(invalid, authorization)
  await world.issuances.settled(invalid)
  expect(await world.found(order)).toMatchObject({
    status: 'invalid',
    error: { type: error.type, detail: 'a.example.com: Connection refused', status: 400 },
  })
  expect(world.ca('one').calls.at(-1)).toBe('abandon one-1')
})

test('an order ends when the first of its authorizations does, and is not pending for days after', async () => {
  world = new IssuanceWorld()
  const request = world.request(await world.account(), ['a.example.com', 'b.example.com'], {
    status: 'pending',
  })
  const [one, two] = request.authorizations
  const soon = world.clock.now().wall + 3_600_000_000
  const ending = { ...two!, authorization: { ...two!.authorization, expiresAt: soon } }
  const order = await world.begin({ ...request, authorizations: [one!, ending] })
  expect(order.expiresAt).toBe(soon)
  world.clock.forward(3_700_000)
  await world.restart()
  await expect.poll(async () => (await world.found(order)).status).toBe('invalid')
})

test('what the CA refuses goes to the next, which is seen in the order', async () => {
  world = new IssuanceWorld()
  world.ca('one').steps.place = failing('one', 'refused', 'policy forbids this name')
  const order = await world.begin(world.request(await world.account(), ['www.example.com']))
  expect(order.upstream).toMatchObject({
    ca: 'two',
    left: [{ ca: 'one', why: 'CA "one": policy forbids this name' }],
  })
})

test('where no CA takes it, the first that spoke is heard, whole, and nothing is kept', async () => {
  world = new IssuanceWorld({ endpoint: { cas: ['one', 'two', 'three'] } })
  const type = 'urn:ietf:params:acme:error:caa'
  world.ca('one').steps.place = failing('one', 'unavailable', 'nobody is there')
  world.ca('two').steps.place = failing('two', 'refused', 'CAA forbids it', {
    type,
    status: 403,
    retryAfter: 7,
    subproblems: [{ type, detail: 'x', identifier: { type: 'dns', value: 'a.example' } }],
    links: ['<https://ca.example/help>;rel="help"'],
  })
  world.ca('three').steps.place = limitedBy('three', 'too many', 60)
  const account = await world.account()
  const error = await refusal(world.begin(world.request(account, ['www.example.com'])))
  expect(error).toMatchObject({
    ca: 'two',
    fault: 'refused',
    type,
    detail: 'CAA forbids it',
    status: 403,
    retryAfter: 7,
    links: ['<https://ca.example/help>;rel="help"'],
    others: ['CA "one": nobody is there', 'CA "three": too many'],
  })
  expect(error.subproblems).toHaveLength(1)
  expect(await world.store.openOrders()).toEqual([])
})

test('a CA that keeps an order waiting is left, and what it gives later is abandoned', async () => {
  world = new IssuanceWorld()
  const { promise, resolve } = Promise.withResolvers<void>()
  const one = world.ca('one')
  const slow = one.place.bind(one)
  one.place = async (wanted) => {
    await promise
    return slow(wanted, new AbortController().signal)
  }
  const order = await world.begin(world.request(await world.account(), ['www.example.com']))
  expect(order.upstream).toMatchObject({
    ca: 'two',
    left: [{ ca: 'one', why: expect.stringContaining('did not take the order within') }],
  })
  resolve()
  await expect.poll(() => one.calls.at(-1)).toBe('abandon one-1')
  expect(await one.placed()).toEqual([])
})

test('a CA that hangs holds the first orders only', async () => {
  world = new IssuanceWorld()
  const one = world.ca('one')
  one.steps.place = hanging
  const account = await world.account()
  for (let i = 0; i < 10; i++) await world.begin(world.request(account, [`n${i}.example.com`]))
  expect(one.calls).toHaveLength(1)
  expect(world.issuances.standings()[0]).toMatchObject({ ca: 'one', state: 'open' })
})

test('a client that goes away leaves nothing behind', async () => {
  world = new IssuanceWorld()
  world.ca('one').steps.place = hanging
  const gone = new AbortController()
  const request = world.request(await world.account(), ['www.example.com'])
  const begun = refusal(world.issuances.begin(request, gone.signal))
  gone.abort()
  expect((await begun).fault).toBe('aborted')
  expect(world.ca('two').calls).toEqual([])
  expect(world.issuances.standings()[0]).toMatchObject({ state: 'closed' })
})

test('what cannot be kept here is not kept at the CA', async () => {
  world = new IssuanceWorld()
  const request = world.request(await world.account(), ['www.example.com'])
  world.store.addOrder = async () => {
    throw new Error('the disk is full')
  }
  await expect(world.begin(request)).rejects.toThrow('the disk is full')
  await expect.poll(() => world.ca('one').placed()).toEqual([])
})

test('CAs that could not serve it are not asked; where none is left, each says why', async () => {
  world = new IssuanceWorld()
  world.ca('one').unfitFor = ({ profile }) => (profile === 'short' ? 'it has no profile short' : null)
  const account = await world.account()
  const order = await world.begin(world.request(account, ['a.example.com'], { profile: 'short' }))
  expect(order.upstream).toMatchObject({
    ca: 'two',
    candidates: ['two'],
    left: [{ ca: 'one', why: 'it has no profile short' }],
  })
  world.ca('two').unfitFor = () => 'no solver answers for it'
  const error = await refusal(world.begin(world.request(account, ['b.example.com'], { profile: 'short' })))
  expect(error.fault).toBe('unfit')
  expect(error.message).toContain('CA "one": it has no profile short')
  expect(error.message).toContain('CA "two": no solver answers for it')
})

test("an EAB key's CAs and the route's are both kept to", async () => {
  world = new IssuanceWorld()
  const account = await world.account()
  const order = await world.begin(world.request(account, ['a.example.com'], { permitted: ['two', 'x'] }))
  expect(order.upstream).toMatchObject({ ca: 'two', candidates: ['two'] })
  const error = await refusal(world.begin(world.request(account, ['b.example.com'], { permitted: ['x'] })))
  expect(error).toMatchObject({ fault: 'unfit', message: expect.stringContaining('"one", "two"') })
})

test('RFC 9773 §5: a CA hears of a replacement of its own certificates alone', async () => {
  world = new IssuanceWorld()
  const account = await world.account()
  const old = await world.obtain(['www.example.com'], { account })
  const { ariId } = (await world.store.certificate(old, old.certificate!))!
  const renewed = await world.begin(world.request(account, ['www.example.com'], { replaces: ariId }))
  expect(renewed.replaces).toBe(ariId)
  world.ca('one').steps.place = failing('one', 'refused', 'no')
  await world.begin(world.request(account, ['www.example.com'], { replaces: ariId }))
  const placed = [...world.issuers.values()].flatMap(({ events }) =>
    events.flatMap((event) => (event.what === 'placed' ? [`${event.reference} ${event.replaces}`] : [])),
  )
  expect(placed).toEqual(['one-1 null', `one-2 ${ariId}`, 'two-1 null'])
})

test('a CA that takes a certificate for replaced by an order that failed is asked without', async () => {
  world = new IssuanceWorld()
  const account = await world.account()
  const old = await world.obtain(['www.example.com'], { account })
  const { ariId } = (await world.store.certificate(old, old.certificate!))!
  world.ca('one').steps.place = ({ replaces }) => {
    const type = 'urn:ietf:params:acme:error:alreadyReplaced'
    if (replaces !== null) throw issuerError('one', 'refused', 'already replaced', { type, status: 409 })
  }
  const order = await world.begin(world.request(account, ['www.example.com'], { replaces: ariId }))
  expect(order.upstream).toMatchObject({ ca: 'one', left: [] })
})

test('profiles and tenants are what each CA calls them', async () => {
  world = new IssuanceWorld({
    endpoint: {
      accounts: 'per_tenant',
      profiles: [{ name: 'short', description: '', at: { one: 'shortlived', two: null } }],
    },
  })
  const account = await world.account({ label: 'team-a' })
  await world.begin(world.request(account, ['a.example.com'], { profile: 'short' }))
  world.ca('one').steps.place = failing('one', 'unavailable', 'down')
  await world.begin(world.request(account, ['b.example.com'], { profile: 'short' }))
  expect(world.ca('one').events[0]).toMatchObject({ profile: 'shortlived', tenant: 'team-a' })
  expect(world.ca('two').events[0]).toMatchObject({ profile: null, tenant: 'team-a' })
})

test('a drill takes a CA for down for the clients it is for', async () => {
  world = new IssuanceWorld()
  const until = world.clock.now().wall + 60_000_000
  world.issuances.drill.set({ ca: 'one', labels: ['team-a'], until })
  const [a, b] = [await world.account({ label: 'team-a' }), await world.account({ label: 'team-b' })]
  const drilled = await world.begin(world.request(a, ['a.example.com']))
  expect(drilled.upstream).toMatchObject({
    ca: 'two',
    left: [{ ca: 'one', why: expect.stringContaining('a drill') }],
  })
  expect((await world.begin(world.request(b, ['b.example.com']))).upstream.ca).toBe('one')
  expect(world.issuances.standings()[0]).toMatchObject({ state: 'closed' })
  world.clock.forward(61_000)
  expect((await world.begin(world.request(a, ['c.example.com']))).upstream.ca).toBe('one')
  expect(world.issuances.drill.list()).toEqual([])
})
