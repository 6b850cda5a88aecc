import { afterEach, expect, test } from 'vitest'
import { AcmeProblem } from '../../../src/acme/problem.ts'
import type { BrokerStore } from '../../../src/broker/broker-store.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { after, type FakeStep, failing, hanging, limitedBy, times } from '../../support/broker/fake-issuer.ts'
import { csrFor, IssuanceWorld } from '../../support/broker/issuance-world.ts'
import { MemoryBrokerStore } from '../../support/broker/memory-broker-store.ts'

let world = new IssuanceWorld()
afterEach(() => world.issuances.close())

test('RFC 8555 §7.4: a finalized order becomes valid, with the certificate of its CA', async () => {
  world = new IssuanceWorld()
  const order = await world.obtain(['www.example.com', 'example.com'])
  expect(order).toMatchObject({ status: 'valid', upstream: { ca: 'one' } })
  expect(await world.found(order)).toEqual(order)
  const certificate = await world.store.certificate(order, order.certificate!)
  expect(certificate).toMatchObject({
    ca: 'one',
    order: order.id,
    upstreamAccount: 'one/account',
    revokedAt: null,
    replacedBy: null,
  })
  expect(certificate?.chains[0]?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
  expect(certificate?.ariId).toMatch(/^[\w-]+\.[\w-]+$/)
  expect(world.ca('one').calls.map((call) => call.split(' ')[0])).toEqual(['place', 'authorize', 'finalize'])
  expect(world.events.map(({ kind }) => kind)).toEqual(['placed', 'issued'])
})

test('an order takes three writes', async () => {
  let writes = 0
  const store = new Proxy(new MemoryBrokerStore(), {
    get: (target, name) => {
      const member = Reflect.get(target, name) as unknown
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        if (/^(add|put)(?!Account|EabKey)/.test(String(name))) writes += 1
        return Reflect.apply(member, target, args) as unknown
      }
    },
  }) as BrokerStore
  world = new IssuanceWorld({ store })
  await world.obtain(['www.example.com'])
  expect(writes).toBe(3)
})

test('a client is not kept waiting for a slow CA; the certificate comes all the same', async () => {
  world = new IssuanceWorld({ patience: { finalize: 20 } })
  world.ca('one').steps.finalize = after(150)
  const order = await world.obtain(['www.example.com'])
  expect(order.status).toBe('processing')
  await expect.poll(async () => (await world.found(order)).status).toBe('valid')
})

test('a finalize that comes just as its authorization ends is not lost, in whichever turn', async () => {
  for (let turns = 0; turns <= 40; turns++) {
    const authorized = Promise.withResolvers<void>()
    world = new IssuanceWorld({
      failPoint: async (step, when) => {
        if (step !== 'order.authorized' || when !== 'after') return
        authorized.resolve()
        for (let turn = 0; turn < turns; turn++) await undefined
      },
    })
    world.ca('one').steps.authorize = after(1)
    const order = await world.begin(world.request(await world.account(), ['www.example.com']))
    await authorized.promise
    const done = await world.issuances.finalize(order, csrFor(order), newExchangeId())
    expect([turns, done.status]).toEqual([turns, 'valid'])
    await world.issuances.close()
  }
})

test('of finalizes at the same time one is acted on, the others are orderNotReady (RFC 8555 §7.4)', async () => {
  world = new IssuanceWorld()
  const order = await world.begin(world.request(await world.account(), ['www.example.com']))
  const all = await Promise.allSettled(
    Array.from({ length: 20 }, () => world.issuances.finalize(order, csrFor(order), newExchangeId())),
  )
  const refused = all.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
  expect(refused).toHaveLength(19)
  for (const reason of refused) {
    expect(reason).toBeInstanceOf(AcmeProblem)
    expect(reason).toMatchObject({ type: 'orderNotReady', status: 403 })
  }
  expect(world.ca('one').calls.filter((call) => call.startsWith('finalize'))).toHaveLength(1)
})

/** What may go wrong at the first CA, and whether finalize was sent there. */
const FAULTS: readonly (readonly [string, 'authorize' | 'finalize', FakeStep])[] = [
  ['it refuses a validation', 'authorize', failing('one', 'refused', 'CAA forbids it')],
  ['it is down before it', 'authorize', failing('one', 'unavailable', '502')],
  ['it limits before it', 'authorize', limitedBy('one', 'too many', 3600)],
  ['there is no solver any more', 'authorize', failing('one', 'unfit', 'no solver')],
  [
    'a fault of our own',
    'authorize',
    () => {
      throw new TypeError('a bug')
    },
  ],
  ['it refuses the CSR', 'finalize', failing('one', 'refused', 'badCSR')],
  ['it takes no finalize', 'finalize', failing('one', 'unavailable', '503')],
  ['policy forbids to finalize there', 'finalize', failing('one', 'unfit', 'a rule')],
  ['it limits certificates', 'finalize', limitedBy('one', 'too many certificates already issued', 3600)],
  ['what it issues is wrong', 'finalize', failing('one', 'wrong', 'other names')],
]

test.each(FAULTS)('%s: the next CA serves the order', async (_name, step, fault) => {
  world = new IssuanceWorld()
  world.ca('one').steps[step] = fault
  const order = await world.obtain(['www.example.com'])
  expect(order).toMatchObject({ status: 'valid', upstream: { ca: 'two' } })
  expect(order.upstream.left.map(({ ca }) => ca)).toEqual(['one'])
  expect(world.ca('one').issuedFor(order.id) + world.ca('two').issuedFor(order.id)).toBe(1)
  const abandoned = world.ca('one').calls.includes('abandon one-1')
  expect(abandoned).toBe(step === 'authorize')
})

test.each(['names', 'key', 'garbage'] as const)('a CA that lies about %s serves nobody', async (lie) => {
  world = new IssuanceWorld()
  world.ca('one').lie = lie
  const order = await world.obtain(['www.example.com'])
  expect(order).toMatchObject({ status: 'valid', upstream: { ca: 'two' } })
  expect((await world.store.certificate(order, order.certificate!))?.ca).toBe('two')
})

test('while the fate of a finalize is unknown, no other CA is asked', async () => {
  world = new IssuanceWorld()
  const one = world.ca('one')
  one.steps.finalize = times(4, failing('one', 'uncertain', 'the connection broke'))
  const order = await world.obtain(['www.example.com'])
  expect(order).toMatchObject({ status: 'valid', upstream: { ca: 'one', left: [] } })
  expect(one.calls.filter((call) => call.startsWith('finalize'))).toHaveLength(5)
  expect(world.ca('two').calls).toEqual([])
})

test('a CA that cannot be reached after that does not make it known', async () => {
  world = new IssuanceWorld({ patience: { uncertain: 300 } })
  const one = world.ca('one')
  one.steps.finalize = times(
    1,
    failing('one', 'uncertain', 'the connection broke'),
    times(3, failing('one', 'unavailable', 'down')),
  )
  expect(await world.obtain(['www.example.com'])).toMatchObject({ status: 'valid', upstream: { ca: 'one' } })
  expect(world.ca('two').calls).toEqual([])
})

test('a finalize that came to nothing after all goes to the next CA', async () => {
  world = new IssuanceWorld()
  world.ca('one').steps.finalize = times(
    3,
    failing('one', 'uncertain', 'the connection broke'),
    failing('one', 'refused', 'the order is invalid'),
  )
  const order = await world.obtain(['www.example.com'])
  expect(order).toMatchObject({ status: 'valid', upstream: { ca: 'two' } })
})

test('what stays unknown for too long ends the order, and nobody else is asked', async () => {
  world = new IssuanceWorld({ patience: { uncertain: 60 } })
  world.ca('one').steps.finalize = failing('one', 'uncertain', 'the connection broke')
  const order = await world.obtain(['www.example.com'])
  expect(order).toMatchObject({ status: 'invalid', error: { detail: expect.stringContaining('broke') } })
  expect(world.ca('two').calls).toEqual([])
})

test('a CA that is gone from the configuration while it was at it is uncertain too', async () => {
  const issuers = ['one', 'two'].map((ca) => new IssuanceWorld().ca(ca))
  world = new IssuanceWorld({ issuers, patience: { uncertain: 60 } })
  const order = await world.begin(world.request(await world.account(), ['www.example.com']))
  world.ca('one').steps.finalize = () => {
    ;(world.issuers as Map<string, unknown>).delete('one')
    throw new Error('closed')
  }
  expect(await world.finalize(order)).toMatchObject({ status: 'invalid' })
  expect(world.ca('two').calls).toEqual([])
})

test('a short limit of the only CA is waited for', async () => {
  world = new IssuanceWorld({ endpoint: { cas: ['one'] }, patience: { perseverance: 5000 } })
  world.ca('one').steps.finalize = times(2, limitedBy('one', 'service busy', 1))
  expect((await world.obtain(['www.example.com'])).status).toBe('valid')
})

test('what passes is waited for where no other CA is left, and the others are asked once more', async () => {
  world = new IssuanceWorld({ patience: { perseverance: 3000 } })
  world.ca('one').steps.authorize = times(2, failing('one', 'unavailable', 'down'))
  world.ca('two').steps.place = failing('two', 'refused', 'never')
  expect(await world.obtain(['www.example.com'])).toMatchObject({ status: 'valid', upstream: { ca: 'one' } })
  await world.issuances.close()
  world = new IssuanceWorld({ patience: { perseverance: 3000 } })
  world.ca('one').steps.authorize = failing('one', 'refused', 'never')
  world.ca('two').steps.place = times(3, failing('two', 'unavailable', 'down'))
  expect(await world.obtain(['www.example.com'])).toMatchObject({ status: 'valid', upstream: { ca: 'two' } })
})

test('two CAs that fail by turns do not go on for ever', async () => {
  world = new IssuanceWorld()
  for (const ca of ['one', 'two']) world.ca(ca).steps.finalize = failing(ca, 'unavailable', `${ca} fails`)
  const order = await world.obtain(['www.example.com'])
  expect(order).toMatchObject({ status: 'invalid', error: { detail: expect.stringContaining('one fails') } })
  expect(world.ca('one').calls.length + world.ca('two').calls.length).toBeLessThan(150)
})

test("where no CA is left, the order is invalid with the first CA's problem, whole", async () => {
  world = new IssuanceWorld()
  const type = 'urn:ietf:params:acme:error:caa'
  const identifier = { type: 'dns', value: 'www.example.com' }
  world.ca('one').steps.authorize = failing('one', 'refused', 'CAA record forbids issuance', {
    type,
    status: 403,
    subproblems: [{ type, detail: 'CAA', identifier }],
  })
  world.ca('two').steps.place = limitedBy('two', 'too many certificates', 3600)
  const order = await world.begin(world.request(await world.account(), ['www.example.com']))
  await expect.poll(async () => (await world.found(order)).status).toBe('invalid')
  const found = await world.found(order)
  expect(found.error).toMatchObject({ type, status: 403, subproblems: [{ identifier }] })
  expect(found.error?.detail).toContain('CAA record forbids issuance (from the CA "one"')
  expect(found.error?.detail).toContain('too many certificates')
  expect(await world.issuances.finalize(order, csrFor(order), newExchangeId())).toEqual(found)
})

test('an order moves in the background before it is finalized, and is finalized where it is then', async () => {
  world = new IssuanceWorld()
  world.ca('one').steps.authorize = async (about, signal) => {
    await after(30)(about, signal)
    throw failing('one', 'refused', 'validation failed')(about, signal)
  }
  const order = await world.begin(world.request(await world.account(), ['www.example.com']))
  const done = await world.issuances.finalize(order, csrFor(order), newExchangeId())
  expect(done).toMatchObject({ status: 'valid', upstream: { ca: 'two' } })
  expect(world.ca('one').calls).toContain('abandon one-1')
})

test('a drill that begins later moves what was not sent to that CA, and nothing else', async () => {
  world = new IssuanceWorld()
  const account = await world.account({ label: 'team-a' })
  const order = await world.begin(world.request(account, ['www.example.com']))
  await expect.poll(() => world.ca('one').events.at(-1)?.what).toBe('authorized')
  world.ca('one').steps.finalize = hanging
  const sent = await world.begin(world.request(account, ['sent.example.com']))
  void world.finalize(sent)
  await expect.poll(() => world.ca('one').calls).toContain('finalize one-2')
  world.issuances.drill.set({ ca: 'one', labels: null, until: world.clock.now().wall + 60_000_000 })
  expect(await world.finalize(order)).toMatchObject({ status: 'valid', upstream: { ca: 'two' } })
  expect((await world.found(sent)).upstream.ca).toBe('one')
})

test('a store that takes nothing for a while costs no certificate', async () => {
  const store = new MemoryBrokerStore()
  const add = store.addCertificate.bind(store)
  let failures = 3
  store.addCertificate = async (...args) => {
    if (failures-- > 0) throw new Error('the disk is full')
    return add(...args)
  }
  world = new IssuanceWorld({ store })
  const order = await world.obtain(['www.example.com'])
  expect(order).toMatchObject({ status: 'valid', upstream: { ca: 'one' } })
  expect(world.events.filter(({ kind }) => kind === 'fault')).toHaveLength(3)
  expect(world.ca('one').issuedFor(order.id)).toBe(1)
})
