import { afterEach, expect, test } from 'vitest'
import { failing, hanging } from '../../support/broker/fake-issuer.ts'
import { IssuanceWorld } from '../../support/broker/issuance-world.ts'

let world = new IssuanceWorld()
afterEach(() => world.issuances.close())

test('a restart goes on with every order from where it stands', async () => {
  world = new IssuanceWorld({ patience: { finalize: 20 } })
  const one = world.ca('one')
  const account = await world.account()
  one.steps.finalize = hanging
  const processing = await world.obtain(['a.example.com'], { account })
  expect(processing.status).toBe('processing')
  one.steps.authorize = hanging
  const ready = await world.begin(world.request(account, ['b.example.com']))
  const request = world.request(account, ['c.example.com'], { status: 'pending' })
  const pending = await world.begin(request)
  await expect.poll(() => one.calls).toContain('authorize one-2')
  await world.issuances.close()
  // It was proved, and nobody was there to be told.
  const { authorization } = request.authorizations[0]!
  await world.store.putAuthorization({ ...authorization, status: 'valid' }, authorization)
  one.steps = {}
  await world.restart()
  await expect.poll(async () => (await world.found(processing)).status).toBe('valid')
  await expect.poll(async () => (await world.found(pending)).status).toBe('ready')
  const authorized = () =>
    new Set(one.events.flatMap((event) => (event.what === 'authorized' ? [event.reference] : [])))
  await expect.poll(() => authorized().size).toBe(3)
  expect((await world.found(ready)).status).toBe('ready')
  expect((await world.finalize(ready)).status).toBe('valid')
  expect(one.issuedFor(processing.id)).toBe(1)
})

test('orders that hang after a start keep none of the others waiting for long', async () => {
  world = new IssuanceWorld({ patience: { finalize: 5 } })
  const one = world.ca('one')
  const account = await world.account()
  one.steps.finalize = hanging
  const orders = await Promise.all(
    Array.from({ length: 15 }, (_, i) => world.obtain([`n${i}.example.com`], { account })),
  )
  one.steps.finalize = ({ identifiers }, signal) =>
    identifiers[0]?.value === 'n0.example.com' ? hanging({} as never, signal) : undefined
  await world.restart()
  const statuses = async () =>
    (await Promise.all(orders.map((order) => world.found(order)))).filter(({ status }) => status === 'valid')
  await expect.poll(async () => (await statuses()).length).toBe(14)
})

test.each([
  ['was sent before, nobody else is asked', 'finalize', 'one', 'invalid'],
  ['was not sent before, another CA is', 'authorize', 'two', 'valid'],
] as const)('where the CA is gone after a restart, and finalize %s', async (_name, step, ca, status) => {
  world = new IssuanceWorld({ patience: { finalize: 20, uncertain: 50 } })
  const one = world.ca('one')
  one.steps[step] = hanging
  const order = await world.obtain(['www.example.com'])
  expect(order.status).toBe('processing')
  const down = failing('one', 'unavailable', 'down')
  one.steps = { place: down, authorize: down, finalize: down }
  await world.restart()
  await expect.poll(async () => (await world.found(order)).status).toBe(status)
  expect((await world.found(order)).upstream.ca).toBe(ca)
})

test('what has expired is invalid, and not wanted at its CA any more', async () => {
  world = new IssuanceWorld()
  const account = await world.account()
  const pending = await world.begin(world.request(account, ['a.example.com'], { status: 'pending' }))
  const ready = await world.begin(world.request(account, ['b.example.com']))
  world.clock.forward(8 * 86_400_000)
  await world.restart()
  for (const order of [pending, ready])
    await expect
      .poll(async () => (await world.found(order)).error?.detail)
      .toBe('the order expired before it was finalized')
  await expect.poll(() => world.ca('one').placed()).toEqual([])
})

test('what expires while the process runs is found too', async () => {
  world = new IssuanceWorld({ patience: { sweep: 20 } })
  await world.issuances.start()
  const order = await world.begin(world.request(await world.account(), ['a.example.com']))
  world.clock.forward(8 * 86_400_000)
  await expect.poll(async () => (await world.found(order)).status).toBe('invalid')
})

test('orders at CAs that nobody has are abandoned at the next start', async () => {
  world = new IssuanceWorld()
  const request = world.request(await world.account(), ['a.example.com'])
  const kept = await world.begin(request)
  // Its CA was not told that it has ended.
  const ended = await world.begin(world.request(await world.account(), ['b.example.com']))
  await world.store.putOrder({ ...ended, status: 'invalid', changedAt: ended.changedAt + 1 }, ended)
  for (const ca of ['one', 'two'])
    await world.ca(ca).place(
      {
        order: ca === 'one' ? 'of-nobody' : kept.id,
        tenant: null,
        identifiers: request.identifiers,
        profile: null,
        replaces: null,
        parent: request.exchange,
      },
      new AbortController().signal,
    )
  await world.restart()
  await expect.poll(() => world.ca('two').placed()).toEqual([])
  expect((await world.ca('one').placed()).map(({ reference }) => reference)).toEqual(['one-1'])
  expect((await world.finalize(kept)).status).toBe('valid')
})
