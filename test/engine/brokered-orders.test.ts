import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { pause } from '../../src/engine/abortable.ts'
import { FateUnknown, type WantedBrokered } from '../../src/engine/brokered-orders.ts'
import { makeSigningRequest } from '../../src/engine/certificate-signing-request.ts'
import type { Solver } from '../../src/engine/solver.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { CA } from '../support/engine/engine-stages.ts'
import { dns, type EngineWorld, startEngineWorld } from '../support/engine/engine-world.ts'
import { Refusal } from '../support/test-ca/answer.ts'
import { crossSign, makeRoot } from '../support/test-ca/certificates.ts'

let world: EngineWorld
beforeEach(async () => {
  world = await startEngineWorld()
  world.settings[CA] = { ca: CA, contact: [], agree_terms: true, key_type: 'ec256' }
})
afterEach(() => world.close())

const never = new AbortController().signal
let orders = 0

function wanted(changes: Partial<WantedBrokered> = {}): WantedBrokered {
  return {
    ca: CA,
    order: `order-${++orders}`,
    tenant: null,
    identifiers: dns('www.example.com'),
    profile: null,
    replaces: null,
    parent: newExchangeId(),
    ...changes,
  }
}

function requestFor(...names: readonly string[]) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const csr = makeSigningRequest(privateKey, dns(...names)).toString('base64url')
  return { csr, isFor: (chain: string) => new X509Certificate(chain).checkPrivateKey(privateKey) }
}

const csrOf = (...names: readonly string[]) => requestFor(...names).csr

describe('an order', () => {
  test('takes as few requests and writes as there can be, and gives the certificate of the request', async () => {
    const { broker, store } = world
    const writes = ['addJob', 'putJob', 'addPresented', 'removePresented'] as const
    const written = writes.map((name) => vi.spyOn(store, name))
    const { csr, isFor } = requestFor('www.example.com')
    const { job, expires } = await broker.place(wanted(), never)
    expect(expires).toBe(Date.UTC(2099, 0, 1) * 1000)
    expect(world.sent()).toEqual(['newAccount', 'newOrder'])
    await broker.authorize(job, never)
    expect(world.sent()).toEqual(['authorization', 'challenge', 'order'])
    const { chains, account } = await broker.finalize(job, csr, never)
    expect(world.sent()).toEqual(['finalize', 'certificate'])
    expect(chains).toHaveLength(1)
    expect(isFor(chains[0]!)).toBe(true)
    expect((await store.accounts()).map(({ id }) => id)).toEqual([account])
    await vi.waitFor(() => expect(world.answers.size).toBe(0))
    // The order, the announcement of finalize with the request, the end; and the answer to the challenge, there and gone.
    expect(written.map((spy) => spy.mock.calls.length)).toEqual([1, 2, 1, 1])
    expect(await store.job(job)).toMatchObject({ step: 'done', reason: 'brokered', key: null, chain: null })
    expect(await store.certificates()).toEqual([])
  })

  test('names that are validated already need three requests', async () => {
    Object.assign(world.ca.state.offers, { reuses: true })
    const first = await world.broker.place(wanted(), never)
    await world.broker.finalize(first.job, csrOf('www.example.com'), never)
    world.sent()
    const second = await world.broker.place(wanted(), never)
    await world.broker.authorize(second.job, never)
    await world.broker.finalize(second.job, csrOf('www.example.com'), never)
    expect(world.sent()).toEqual(['newOrder', 'finalize', 'certificate'])
  })

  test('requests to the CA belong to the exchange of the client', async () => {
    const order = wanted()
    const { job } = await world.broker.place(order, never)
    await world.broker.finalize(job, csrOf('www.example.com'), never)
    const posts = world.stages.exchanges.filter(
      ({ operation, request }) => operation !== 'newAccount' && request.method === 'POST',
    )
    expect(posts).toHaveLength(6)
    expect(new Set(posts.map(({ parent }) => parent))).toEqual(new Set([order.parent]))
  })

  test('asked for twice, it is one', async () => {
    const order = wanted()
    const [first, second] = await Promise.all([
      world.broker.place(order, never),
      world.broker.place(order, never),
    ])
    const after = await world.restartedBroker().place(order, never)
    expect([second.job, after.job]).toEqual([first.job, first.job])
    expect(world.ca.state.orders.size).toBe(1)
    expect(after.expires).toBe(first.expires)
  })

  test('authorize is joined by whoever asks for it while it runs; one who gives up stops nobody', async () => {
    const { job } = await world.broker.place(wanted(), never)
    const leaves = new AbortController()
    const given = world.broker.authorize(job, leaves.signal)
    const stays = world.broker.authorize(job, never)
    leaves.abort()
    await expect(given).rejects.toMatchObject({ fault: 'aborted' })
    await stays
    expect(world.presented).toHaveLength(1)
  })

  test('finalize proves what is not proved yet, and waits for what is being proved', async () => {
    const { job } = await world.broker.place(
      wanted({ identifiers: dns('a.example.com', 'b.example.com') }),
      never,
    )
    const [, done] = await Promise.all([
      world.broker.authorize(job, never),
      world.broker.finalize(job, csrOf('a.example.com', 'b.example.com'), never),
    ])
    expect(done.chains).toHaveLength(1)
    expect(world.presented).toHaveLength(2)
    expect(world.sent().filter((operation) => operation === 'finalize')).toHaveLength(1)
  })

  test("nothing of it is the engine's: neither gone on with, nor kept for its names", async () => {
    await world.broker.place(wanted(), never)
    expect(await world.store.openJobs()).toEqual([])
    expect(await world.store.jobs({ open: 'own', limit: 10 })).toEqual([])
    const own = await world.obtain()
    expect(own.step).toBe('done')
  })

  test('abandoned, it has ended, and its answers are taken away', async () => {
    const answers = new Set<string>()
    const begun = Promise.withResolvers<void>()
    const slow: Solver = {
      name: 'slow',
      types: ['http-01'],
      present: async ({ url }, { signal }) => {
        answers.add(url)
        begun.resolve()
        await pause(60_000, signal)
      },
      cleanUp: async ({ url }) => void answers.delete(url),
    }
    const broker = world.restartedBroker({
      solverFor: () => ({ type: 'http-01', solver: slow }),
      solverNamed: () => slow,
    })
    const order = wanted()
    const { job } = await broker.place(order, never)
    const authorizing = expect(broker.authorize(job, never)).rejects.toMatchObject({ fault: 'aborted' })
    await begun.promise
    expect(await broker.placed(CA)).toEqual([{ job, order: order.order }])
    await broker.abandon(job)
    await authorizing
    expect(answers.size).toBe(0)
    expect(await world.store.presented()).toEqual([])
    expect(await world.store.job(job)).toMatchObject({ step: 'failed' })
    expect(await broker.placed(CA)).toEqual([])
    await expect(broker.authorize(job, never)).rejects.toThrow('nobody wants it any more')
    await broker.abandon(job)
  })

  test('what has ended is forgotten after an hour, what nobody goes on with after a month', async () => {
    const first = await world.broker.place(wanted(), never)
    const csr = csrOf('www.example.com')
    await world.broker.finalize(first.job, csr, never)
    const left = await world.broker.place(wanted(), never)
    world.ahead = 3_700_000_000
    // A process that was away for longer begins with what the one before it has left.
    const forget = vi.spyOn(world.store, 'forgetBrokered')
    let later = 0
    const clock = { now: () => ({ wall: Date.now() * 1000 + world.ahead + later, monotonic: later }) }
    const broker = world.restartedBroker({ clock })
    await broker.place(wanted(), never)
    expect(forget).not.toHaveBeenCalled()
    expect((await broker.finalize(first.job, csr, never)).chains).toHaveLength(1)
    later = 3_700_000_000
    await broker.place(wanted(), never)
    await vi.waitFor(async () => expect(await world.store.job(first.job)).toBeNull())
    expect(await world.store.job(left.job)).not.toBeNull()
    later = 32 * 86_400_000_000
    await broker.place(wanted(), never)
    await vi.waitFor(async () => expect(await world.store.job(left.job)).toBeNull())
  })

  test('alternates come with it, and are fetched once for all leaves of an issuer', async () => {
    const other = makeRoot('Other Root')
    Object.assign(world.ca.state.offers, { alternate: crossSign(world.ca.state.root, other) })
    const first = await world.broker.place(wanted(), never)
    const one = await world.broker.finalize(first.job, csrOf('www.example.com'), never)
    expect(world.sent().filter((operation) => operation === 'certificate')).toHaveLength(2)
    const second = await world.broker.place(wanted(), never)
    const two = await world.broker.finalize(second.job, csrOf('www.example.com'), never)
    expect(world.sent().filter((operation) => operation === 'certificate')).toHaveLength(1)
    for (const { chains } of [one, two]) {
      expect(chains).toHaveLength(2)
      const [usual, alternate] = chains.map(certificatesOf)
      expect(usual![0]!.raw.equals(alternate![0]!.raw)).toBe(true)
      expect(usual![1]!.raw.equals(alternate![1]!.raw)).toBe(false)
      expect(alternate![0]!.verify(alternate![1]!.publicKey)).toBe(true)
    }
    expect(one.chains[1]).not.toBe(two.chains[1])
  })
})

describe('orders of the same names on one account', () => {
  beforeEach(() => {
    Object.assign(world.ca.state.offers, { reuses: true })
  })

  test('the CA gives one order to both: each gets a certificate of its own, and nobody waits at newOrder', async () => {
    const { broker } = world
    const first = await broker.place(wanted(), never)
    const authorizing = broker.authorize(first.job, never)
    const second = await broker.place(wanted(), never)
    await Promise.all([authorizing, broker.authorize(second.job, never)])
    expect(world.ca.state.orders.size).toBe(1)
    expect(world.presented).toHaveLength(1)
    const [mine, theirs] = [requestFor('www.example.com'), requestFor('www.example.com')]
    const [one, two] = await Promise.all([
      broker.finalize(first.job, mine.csr, never),
      broker.finalize(second.job, theirs.csr, never),
    ])
    expect(mine.isFor(one.chains[0]!) && theirs.isFor(two.chains[0]!)).toBe(true)
    expect(world.ca.state.orders.size).toBe(2)
    expect(world.ca.state.certificates.size).toBe(2)
  })

  test('also where one is remembered as it stood before the other, in another process, has finalized it', async () => {
    const { broker } = world
    const first = await broker.place(wanted(), never)
    const other = world.restartedBroker()
    const second = await other.place(wanted(), never)
    await broker.authorize(first.job, never)
    await other.finalize(second.job, csrOf('www.example.com'), never)
    const { csr, isFor } = requestFor('www.example.com')
    const { chains } = await broker.finalize(first.job, csr, never)
    expect(isFor(chains[0]!)).toBe(true)
    expect(world.ca.state.certificates.size).toBe(2)
  })

  test('an order that another has made invalid is left for a new one', async () => {
    const first = await world.broker.place(wanted(), never)
    const second = await world.broker.place(wanted(), never)
    world.ca.validate(() => new Refusal('dns', 'no such record'))
    await expect(world.broker.authorize(first.job, never)).rejects.toMatchObject({ fault: 'invalid' })
    world.ca.validate(() => null)
    await world.broker.authorize(second.job, never)
    await world.broker.finalize(second.job, csrOf('www.example.com'), never)
    expect(world.ca.state.orders.size).toBe(2)
  })
})

describe('after a kill', () => {
  test('every step goes on in another process, with one order and one finalize', async () => {
    const { job } = await world.broker.place(wanted(), never)
    await world.restartedBroker().authorize(job, never)
    const { csr } = requestFor('www.example.com')
    const failing = world.restartedBroker({
      failPoint: async (step, when) => {
        if (step === 'finalize.sent' && when === 'after') throw new Error('killed')
      },
    })
    await expect(failing.finalize(job, csr, never)).rejects.toThrow('killed')
    expect(await world.store.job(job)).toMatchObject({ step: 'finalizing', csr })
    await world.restartedBroker().authorize(job, never)
    const { chains } = await world.restartedBroker().finalize(job, csr, never)
    const again = await world.restartedBroker().finalize(job, csr, never)
    expect(again.chains).toEqual(chains)
    expect(world.ca.state.orders.size).toBe(1)
    expect(world.ca.state.certificates.size).toBe(1)
    expect(world.sent().filter((operation) => operation === 'finalize')).toHaveLength(1)
    await expect(world.broker.finalize(job, csrOf('www.example.com'), never)).rejects.toMatchObject({
      fault: 'input',
    })
  })

  test('a finalize that was announced and never sent is sent', async () => {
    const { job } = await world.broker.place(wanted(), never)
    const failing = world.restartedBroker({
      failPoint: async (step, when) => {
        if (step === 'finalize.announced' && when === 'after') throw new Error('killed')
      },
    })
    const csr = csrOf('www.example.com')
    await expect(failing.finalize(job, csr, never)).rejects.toThrow('killed')
    await world.restartedBroker().finalize(job, csr, never)
    expect(world.ca.state.certificates.size).toBe(1)
  })
})

describe('what goes wrong', () => {
  const finalized = async (job: string) => {
    const csr = csrOf('www.example.com')
    const error: unknown = await world.broker.finalize(job, csr, never).catch((reason: unknown) => reason)
    return { csr, error }
  }

  test('at newOrder leaves nothing behind', async () => {
    world.ca.script(
      { operation: 'newOrder', times: 1 },
      { kind: 'problem', type: 'rateLimited', status: 429, detail: 'too many', retryAfter: 60 },
    )
    await expect(world.broker.place(wanted(), never)).rejects.toMatchObject({
      fault: 'problem',
      status: 429,
      retryAfter: 60,
    })
    expect(await world.store.jobs({ limit: 10 })).toEqual([])
  })

  test('a name that fails ends it, with what the CA said of each', async () => {
    world.ca.validate(({ value }) => new Refusal('dns', `no record for ${value}`))
    const { job } = await world.broker.place(
      wanted({ identifiers: dns('a.example.com', '*.b.example.com') }),
      never,
    )
    await expect(world.broker.authorize(job, never)).rejects.toMatchObject({
      fault: 'invalid',
      problem: {
        detail: 'no record for a.example.com',
        subproblems: [
          { detail: 'no record for a.example.com', identifier: { value: 'a.example.com' } },
          { detail: 'no record for b.example.com', identifier: { value: '*.b.example.com' } },
        ],
      },
    })
    expect(world.answers.size).toBe(0)
    expect(await world.store.job(job)).toMatchObject({ step: 'failed' })
    world.sent()
    await expect(world.broker.finalize(job, csrOf('a.example.com'), never)).rejects.toMatchObject({
      fault: 'invalid',
    })
    expect(world.sent()).toEqual([])
  })

  test('a solver that fails, or a policy that refuses, leaves the order as it was', async () => {
    const { job } = await world.broker.place(wanted(), never)
    const { decide } = world.stages
    world.stages.decide = ({ operation }) =>
      operation === 'challenge'
        ? { effect: 'deny', problem: 'unauthorized', rule: 'not-now', detail: 'not now' }
        : { effect: 'allow' }
    await expect(world.broker.authorize(job, never)).rejects.toMatchObject({ fault: 'refused' })
    world.stages.decide = decide
    expect(world.answers.size).toBe(0)
    await world.broker.authorize(job, never)
    await world.broker.finalize(job, csrOf('www.example.com'), never)
    expect(world.ca.state.orders.size).toBe(1)
  })

  test('finalize that the CA refuses has come to nothing', async () => {
    const { job } = await world.broker.place(wanted(), never)
    world.ca.script(
      { operation: 'finalize', times: 1 },
      { kind: 'problem', type: 'badCSR', status: 400, detail: 'no' },
    )
    const { error } = await finalized(job)
    expect(error).not.toBeInstanceOf(FateUnknown)
    expect(error).toMatchObject({ fault: 'problem', status: 400 })
    expect(await world.store.job(job)).toMatchObject({ step: 'failed' })
  })

  test.each([
    [429, 'rateLimited'],
    [503, 'serverInternal'],
    [500, 'serverInternal'],
  ] as const)(
    'finalize that was answered %i, and whose order is ready still, has come to nothing, and may be repeated',
    async (status, type) => {
      const { job } = await world.broker.place(wanted(), never)
      world.ca.script({ operation: 'finalize', times: 1 }, { kind: 'problem', type, status, detail: 'no' })
      const { csr, error } = await finalized(job)
      expect(error).not.toBeInstanceOf(FateUnknown)
      expect(error).toMatchObject({ fault: 'problem', status })
      expect(await world.store.job(job)).toMatchObject({ step: 'ordered' })
      await world.broker.finalize(job, csr, never)
      expect(world.ca.state.certificates.size).toBe(1)
    },
  )

  test.each(['before-reading', 'after-processing'] as const)(
    'finalize whose answer is lost (%s) is uncertain, until it is asked for again',
    async (when) => {
      const { job } = await world.broker.place(wanted(), never)
      world.ca.script({ operation: 'finalize', times: 1 }, { kind: 'reset', when })
      const { csr, error } = await finalized(job)
      expect(error).toBeInstanceOf(FateUnknown)
      await world.broker.abandon(job)
      expect(await world.store.job(job)).toMatchObject({ step: 'finalizing' })
      const { chains } = await world.broker.finalize(job, csr, never)
      expect(chains).toHaveLength(1)
      expect(world.ca.state.certificates.size).toBe(1)
    },
  )

  test('finalize whose certificate cannot be fetched is uncertain; so is one whose order the CA denies', async () => {
    const { job } = await world.broker.place(wanted(), never)
    const failing = world.ca.script(
      { operation: 'certificate' },
      { kind: 'problem', type: 'serverInternal', status: 500, detail: 'no' },
    )
    const { csr, error } = await finalized(job)
    expect(error).toBeInstanceOf(FateUnknown)
    failing.remove()
    const gone = world.ca.script(
      { operation: 'order' },
      { kind: 'problem', type: 'malformed', status: 404, detail: 'nothing there' },
    )
    await expect(world.broker.finalize(job, csr, never)).rejects.toBeInstanceOf(FateUnknown)
    gone.remove()
    await world.broker.finalize(job, csr, never)
    expect(world.ca.state.certificates.size).toBe(1)
  })

  test('a certificate of another key is none, and the order has ended', async () => {
    const { job } = await world.broker.place(wanted(), never)
    const other = await world.obtain({ certificate: 'own' })
    expect(other.step).toBe('done')
    const [foreign] = [...world.ca.state.certificates.values()]
    world.ca.script(
      { operation: 'certificate', times: 1 },
      {
        kind: 'answer',
        status: 200,
        fields: [['Content-Type', 'application/pem-certificate-chain']],
        body: foreign!.pem,
      },
    )
    const { error } = await finalized(job)
    expect(error).toMatchObject({ fault: 'mismatch' })
    expect(await world.store.job(job)).toMatchObject({ step: 'failed' })
  })

  test('what is no certificate is asked for again, and is none in the end', async () => {
    const unreadable = {
      kind: 'answer',
      status: 200,
      fields: [['Content-Type', 'application/pem-certificate-chain']],
      body: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    } as const
    const lost = await world.broker.place(wanted(), never)
    const forAMoment = world.ca.script({ operation: 'certificate', times: 2 }, unreadable)
    const { csr, error } = await finalized(lost.job)
    expect(error).toBeInstanceOf(FateUnknown)
    await expect(world.broker.finalize(lost.job, csr, never)).rejects.toBeInstanceOf(FateUnknown)
    await world.broker.finalize(lost.job, csr, never)
    forAMoment.remove()
    const { job } = await world.broker.place(wanted(), never)
    world.ca.script({ operation: 'certificate' }, unreadable)
    const first = await finalized(job)
    await expect(world.broker.finalize(job, first.csr, never)).rejects.toBeInstanceOf(FateUnknown)
    await expect(world.broker.finalize(job, first.csr, never)).rejects.toMatchObject({ fault: 'mismatch' })
    expect(await world.store.job(job)).toMatchObject({ step: 'failed' })
    expect(world.ca.log.requests.filter(({ operation }) => operation === 'finalize')).toHaveLength(2)
  })
})

describe('accounts', () => {
  test('each tenant has its own; what has none shares one', async () => {
    const tenants = ['team-a', 'team-b', null, 'team-a']
    for (const tenant of tenants) await world.broker.place(wanted({ tenant }), never)
    expect(world.ca.state.accounts.size).toBe(3)
    expect((await world.store.accounts()).map(({ tenant }) => tenant)).toEqual(['team-a', 'team-b', null])
    const own = await world.obtain({ certificate: 'own' })
    expect((await world.store.accounts()).find(({ id }) => id === own.account)).toMatchObject({
      tenant: null,
    })
  })

  test('one that is gone is looked for, is not made again, and is told of until there is another', async () => {
    await world.broker.place(wanted({ tenant: 'team-a' }), never)
    const [account] = [...world.ca.state.accounts.values()]
    world.ca.state.accounts.clear()
    world.ca.state.accountsByKey.clear()
    for (const _ of [1, 2])
      await expect(world.broker.place(wanted({ tenant: 'team-a' }), never)).rejects.toMatchObject({
        fault: 'input',
        message: expect.stringContaining('engine accounts register test-ca --tenant team-a'),
      })
    expect(world.ca.state.accounts.size).toBe(0)
    expect(await world.accounts.lost()).toMatchObject([
      { tenant: 'team-a', status: 'revoked', lostAt: expect.any(Number) },
    ])
    expect(account).toBeDefined()
    await world.accounts.of('team-a').open(CA, { anew: true }, never)
    expect(await world.accounts.lost()).toEqual([])
    await world.broker.place(wanted({ tenant: 'team-a' }), never)
  })

  test('one that the CA has deactivated is told of; one that acmetap has deactivated is not', async () => {
    await world.broker.place(wanted(), never)
    for (const account of world.ca.state.accounts.values()) account.status = 'deactivated'
    await expect(world.broker.place(wanted(), never)).rejects.toMatchObject({ fault: 'input' })
    expect(await world.accounts.lost()).toMatchObject([{ tenant: null, status: 'deactivated' }])
    await world.accounts.open(CA, { anew: true }, never)
    await world.accounts.deactivate(CA, never)
    expect(await world.accounts.lost()).toEqual([])
  })

  test('one that is not agreed to is not made', async () => {
    delete world.settings[CA]
    Object.assign(world.ca.state.offers, { externalAccounts: new Map([['kid-1', Buffer.alloc(32)]]) })
    await expect(world.broker.place(wanted(), never)).rejects.toMatchObject({ fault: 'input' })
    expect(await world.store.accounts()).toEqual([])
  })
})

function certificatesOf(chain: string): X509Certificate[] {
  return chain
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter((text) => text !== '')
    .map((text) => new X509Certificate(text))
}
