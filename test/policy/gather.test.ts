import { describe, expect, test } from 'vitest'
import type { CertificateRequest } from '../../src/acme/certificate-request.ts'
import type { Operation } from '../../src/acme/operation.ts'
import type { Asked } from '../../src/exchange/asked.ts'
import type { Completed, Inspected } from '../../src/exchange/exchange.ts'
import { labelOf } from '../../src/policy/client-facts.ts'
import { countedOrder } from '../../src/policy/counted-order.ts'
import { gather } from '../../src/policy/gather.ts'
import { IssuanceHistory } from '../../src/policy/issuance-history.ts'
import { LookupMemory } from '../../src/policy/lookup-memory.ts'
import type { AccountFacts, Lookups, SeenOrder } from '../../src/policy/lookups.ts'
import { orderFactsOf } from '../../src/policy/order-facts.ts'
import type { Needs } from '../../src/policy/policy.ts'
import {
  ACCOUNT,
  answered,
  classified,
  decided,
  inspection,
  ORIGIN,
  resource,
  response,
} from '../support/exchanges.ts'

const NOW = 1_700_000_000_000
const NOTHING: Needs = { account: false, order: false, history: [], keyUses: false, accountKey: false }
const EVERYTHING: Needs = { account: true, order: true, history: [], keyUses: true, accountKey: true }
const IDENTIFIERS = [
  { type: 'dns', value: 'a.example.com' },
  { type: 'dns', value: 'b.example.com' },
]
const SEEN: SeenOrder = { profile: 'tls', validity: 3_600_000, replaces: true, identifiers: IDENTIFIERS }
const CSR: CertificateRequest = {
  names: IDENTIFIERS,
  commonNames: [],
  otherNames: [],
  key: { type: 'ECDSA', size: 256, curve: 'P-256', spki: 'ab'.repeat(32), thumbprint: 'their-key' },
  signature: { algorithm: 'ecdsaWithSHA256', verified: true },
  extensions: ['2.5.29.17'],
  mustStaple: false,
  faults: [],
}

class FakeLookups implements Lookups {
  asked: string[] = []
  accounts: AccountFacts | undefined = { contacts: ['mailto:ops@example.com'], externalAccount: 'kid-1' }
  seen: SeenOrder | undefined = SEEN
  async account(ca: string, url: string) {
    this.asked.push(`account ${ca} ${url}`)
    return this.accounts
  }
  async order(issuance: string) {
    this.asked.push(`order ${issuance}`)
    return this.seen
  }
  async keyUses(spki: string): Promise<readonly (readonly string[])[] | undefined> {
    this.asked.push(`keyUses ${spki}`)
    return [['old.example.com']]
  }
  async isAccountKey(thumbprint: string) {
    this.asked.push(`isAccountKey ${thumbprint}`)
    return false
  }
  async *ordersSince() {}
}

function of(operation: Operation, payload: unknown, changes: Partial<Inspected> = {}): Inspected {
  return { ...classified(operation), inspection: inspection(payload), ...changes }
}

function facts(
  exchange: Inspected,
  asked: Asked | null,
  needs = EVERYTHING,
  lookups: Lookups = new FakeLookups(),
  options = {},
) {
  return gather(exchange, asked, needs, lookups, new IssuanceHistory(), NOW, options)
}

const ORDER: Asked = { kind: 'order', profile: null, notBefore: null, notAfter: null, replaces: null }
const ISSUANCE = '01890000-0000-7000-8000-000000000001' as Inspected['id']
const known = (operation: Operation, changes = {}) =>
  resource({
    url: `${ORIGIN}/${operation}/1`,
    operation,
    issuance: ISSUANCE,
    identifiers: IDENTIFIERS,
    ...changes,
  })

describe('names', () => {
  test('of a newOrder are those it asks for, as written', async () => {
    const identifiers = [{ type: 'dns', value: 'A.Example.com' }]
    expect((await facts(of('newOrder', { identifiers }), ORDER)).identifiers).toEqual(identifiers)
  })

  test('of a finalize are those of its order', async () => {
    const exchange = of('finalize', { csr: '' }, { resource: known('finalize') })
    expect((await facts(exchange, { kind: 'finalize', csr: CSR })).identifiers).toEqual(IDENTIFIERS)
  })

  test('of an object that was never seen made are not known', async () => {
    const listed = known('order', { issuance: null, identifiers: [] })
    expect((await facts(of('order', undefined, { resource: listed }), null)).identifiers).toBeUndefined()
    expect((await facts(of('finalize', {}), { kind: 'finalize', csr: CSR })).identifiers).toBeUndefined()
  })

  test('of an authorization that was not fetched yet are all of its order, though the policy asks for nothing', async () => {
    const exchange = of('authorization', undefined, { resource: known('authorization', { identifiers: [] }) })
    expect((await facts(exchange, null, NOTHING)).identifiers).toEqual(IDENTIFIERS)
  })

  test('of a revocation are those of its certificate', async () => {
    const asked: Asked = { kind: 'revocation', reason: null, serial: '01', names: IDENTIFIERS }
    expect((await facts(of('revokeCert', {}), asked)).identifiers).toEqual(IDENTIFIERS)
    expect((await facts(of('revokeCert', {}), { ...asked, names: null })).identifiers).toBeUndefined()
  })

  test('of what is about no names are none', async () => {
    expect((await facts(of('account', {}), null)).identifiers).toEqual([])
    expect((await facts(of('keyChange', {}), null)).identifiers).toEqual([])
  })
})

describe('the client', () => {
  test('is nobody of an external account by its own word, where the CA knows of none', async () => {
    const asked: Asked = {
      kind: 'account',
      externalAccount: 'team-a',
      onlyReturnExisting: false,
      status: null,
    }
    const claimed = async (options: object) => {
      const order = await facts(of('newOrder', {}), ORDER, EVERYTHING, new FakeLookups(), options)
      const account = await facts(of('newAccount', {}), asked, EVERYTHING, new FakeLookups(), options)
      return [order.client.externalAccount, account.client.externalAccount]
    }
    expect(await claimed({ bindsAccounts: true })).toEqual(['kid-1', 'team-a'])
    expect(await claimed({ bindsAccounts: false })).toEqual([undefined, undefined])
    const none = new FakeLookups()
    none.accounts = { contacts: [], externalAccount: null }
    const { client } = await facts(of('newOrder', {}), ORDER, EVERYTHING, none, { bindsAccounts: false })
    expect(client.externalAccount).toBeNull()
  })

  test('is told by its connection, its request and its account', async () => {
    const { client } = await facts(of('newOrder', { identifiers: IDENTIFIERS }), ORDER)
    expect(client).toEqual({
      address: '192.0.2.7',
      label: 'acme.test',
      proxyUser: null,
      userAgent: 'test/1',
      account: ACCOUNT,
      thumbprint: undefined,
      contacts: ['mailto:ops@example.com'],
      externalAccount: 'kid-1',
    })
  })

  test('of a newAccount tells its contacts and binding itself, and nothing is looked up', async () => {
    const lookups = new FakeLookups()
    const asked: Asked = {
      kind: 'account',
      externalAccount: 'kid-9',
      onlyReturnExisting: false,
      status: null,
    }
    const exchange = of('newAccount', { contact: ['mailto:new@example.com'] })
    const { client } = await facts(exchange, asked, EVERYTHING, lookups)
    expect(client.account).toBeNull()
    expect(client.contacts).toEqual(['mailto:new@example.com'])
    expect(client.externalAccount).toBe('kid-9')
    expect(lookups.asked).toEqual([])
  })

  test('of an update is judged by the contacts it asks for, else by those of the account', async () => {
    const asked = { kind: 'account', externalAccount: null, onlyReturnExisting: false, status: null } as const
    const contacts = async (payload: object, count?: number) => {
      const update: Asked = { ...asked, ...(count === undefined ? {} : { contacts: count }) }
      return (await facts(of('account', payload), update)).client.contacts
    }
    expect(await contacts({ contact: ['mailto:new@example.net'] }, 1)).toEqual(['mailto:new@example.net'])
    expect(await contacts({ contact: [] }, 0)).toEqual([])
    expect(await contacts({ status: 'deactivated' })).toEqual(['mailto:ops@example.com'])
  })

  test('has a label: the Host without its port in relay, the proxy user in intercept', () => {
    expect(labelOf('relay', 'Team-A.acme.test:8443', null)).toBe('team-a.acme.test')
    expect(labelOf('relay', '[::1]:8443', null)).toBe('[::1]')
    expect(labelOf('relay', null, null)).toBeNull()
    expect(labelOf('intercept', 'ca.test', 'ci')).toBe('ci')
    expect(labelOf('intercept', 'ca.test', null)).toBeNull()
  })
})

describe('what is looked up', () => {
  test('is nothing that no rule reads', async () => {
    const lookups = new FakeLookups()
    const exchange = of('finalize', {}, { resource: known('finalize') })
    const got = await facts(exchange, { kind: 'finalize', csr: CSR }, NOTHING, lookups)
    expect(lookups.asked).toEqual([])
    expect(got).toMatchObject({ keyUses: undefined, accountKey: undefined, order: undefined })
  })

  test('at finalize is the order, the account and the key', async () => {
    const lookups = new FakeLookups()
    const exchange = of('finalize', {}, { resource: known('finalize') })
    const got = await facts(exchange, { kind: 'finalize', csr: CSR }, EVERYTHING, lookups)
    expect(got.order).toEqual({ profile: 'tls', validity: 3_600_000, replaces: true })
    expect(got.keyUses).toEqual([['old.example.com']])
    expect(got.accountKey).toBe(false)
    expect(lookups.asked.sort()).toEqual([
      `account pebble ${ACCOUNT}`,
      'isAccountKey their-key',
      `keyUses ${CSR.key.spki}`,
      `order ${ISSUANCE}`,
    ])
  })

  test("the requesting account's own key is known without asking", async () => {
    const lookups = new FakeLookups()
    const signed = { ...inspection({}), thumbprint: 'their-key' }
    const exchange = of('finalize', {}, { resource: known('finalize'), inspection: signed })
    const got = await facts(
      exchange,
      { kind: 'finalize', csr: CSR },
      { ...NOTHING, accountKey: true },
      lookups,
    )
    expect(got.accountKey).toBe(true)
    expect(lookups.asked).toEqual([])
  })

  test('a key without a JWK is no account’s', async () => {
    const csr = { ...CSR, key: { ...CSR.key, thumbprint: null } }
    const exchange = of('finalize', {}, { resource: known('finalize') })
    expect((await facts(exchange, { kind: 'finalize', csr })).accountKey).toBe(false)
  })

  test('that fails, or does not come in time, is not known; the rest is', async () => {
    const lookups = new FakeLookups()
    lookups.account = () => Promise.reject(new Error('no'))
    lookups.keyUses = () => new Promise(() => {})
    const exchange = of('finalize', {}, { resource: known('finalize') })
    const got = await facts(exchange, { kind: 'finalize', csr: CSR }, EVERYTHING, lookups, { deadline: 30 })
    expect(got.client.contacts).toBeUndefined()
    expect(got.keyUses).toBeUndefined()
    expect(got.order).toMatchObject({ profile: 'tls' })
    expect(got.accountKey).toBe(false)
  })

  test('an order of none is null, of an issuance nobody saw undefined', async () => {
    expect((await facts(of('newAccount', {}), null)).order).toBeNull()
    expect((await facts(of('revokeCert', {}), null)).order).toBeNull()
    expect((await facts(of('finalize', {}), { kind: 'finalize', csr: CSR })).order).toBeUndefined()
  })
})

describe('history', () => {
  const QUESTION = { kind: 'orders', per: 'label', within: 86_400_000 } as const
  const needs: Needs = { ...NOTHING, history: [QUESTION] }
  const newOrder = () => of('newOrder', { identifiers: IDENTIFIERS })

  async function counting(history: IssuanceHistory, exchange: Inspected) {
    return (await gather(exchange, ORDER, needs, new FakeLookups(), history, NOW)).history
  }

  test('a hundred at once each see those before them', async () => {
    const history = new IssuanceHistory()
    await history.seed((async function* () {})(), NOW - history.use(needs.history)!)
    const counts = await Promise.all(Array.from({ length: 100 }, () => counting(history, newOrder())))
    expect(counts.map((count) => count['orders per label within 1d']).sort((a, b) => a! - b!)).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    )
  })

  test('is asked at newOrder only, and is not known before it was read', async () => {
    const history = new IssuanceHistory()
    history.use(needs.history)
    expect(await counting(history, newOrder())).toEqual({})
    expect(await counting(history, of('finalize', {}, { resource: known('finalize') }))).toEqual({})
  })

  test('counts who asked as the record keeps it', async () => {
    const got = await facts(newOrder(), ORDER)
    const hashed = countedOrder(got, 'x', (field, text) => (field === 'userAgent' ? null : `~${text}`))
    expect(hashed).toMatchObject({ address: '~192.0.2.7', label: 'acme.test', account: ACCOUNT })
    expect(hashed.client).toBe(JSON.stringify([ACCOUNT, '~192.0.2.7', 'acme.test', null]))
    const updated = { ...got, client: { ...got.client, userAgent: 'test/2 (more)' } }
    expect(countedOrder(updated, 'y').client).toBe(countedOrder(got, 'z').client)
  })
})

describe('what an order asked for', () => {
  const asked = (more: Partial<Extract<Asked, { kind: 'order' }>>) =>
    orderFactsOf(
      { kind: 'order', profile: null, notBefore: null, notAfter: null, replaces: null, ...more },
      NOW,
    )
  test('has a validity from notBefore, or from now', () => {
    expect(asked({}).validity).toBeNull()
    expect(asked({ notAfter: new Date(NOW + 5000).toISOString() }).validity).toBe(5000)
    expect(asked({ notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-01-02T00:00:00+00:00' }).validity).toBe(
      86_400_000,
    )
  })
  test.each(['tomorrow', '2099', '2026-13-01T00:00:00Z', '', ' 2026-01-01T00:00:00Z', 'Jan 1 2026'])(
    'a time that cannot be read (%j) is the longest of all',
    (notAfter) => {
      expect(asked({ notAfter }).validity).toBe(Number.MAX_SAFE_INTEGER)
    },
  )
})

describe('what went through is remembered', () => {
  const made = `${ORIGIN}/acct/77`
  function completed(
    operation: Operation,
    payload: unknown,
    status: number,
    body: unknown,
    changes = {},
  ): Completed {
    const exchange = decided(operation, { inspection: inspection(payload), ...changes })
    const fields = operation === 'newAccount' ? ([['location', made]] as const) : []
    return {
      ...answered(exchange, response(status, body, fields)),
      completedAt: { wall: 0, monotonic: 0 },
    } as Completed
  }

  test('a new account is known with its answer, though the inventory has not seen it', async () => {
    const lookups = new FakeLookups()
    lookups.accounts = undefined
    const memory = new LookupMemory(lookups)
    expect(await memory.account('pebble', made)).toBeUndefined()
    memory.note(completed('newAccount', { contact: ['mailto:new@example.com'] }, 201, { status: 'valid' }))
    expect(await memory.account('pebble', made)).toEqual({
      contacts: ['mailto:new@example.com'],
      externalAccount: null,
    })
    expect(await memory.account('another', made)).toBeUndefined()
  })

  test('one that was there before keeps what it has', async () => {
    const memory = new LookupMemory(new FakeLookups())
    memory.note(completed('newAccount', { contact: ['mailto:liar@example.com'] }, 200, { status: 'valid' }))
    expect(await memory.account('pebble', made)).toEqual({
      contacts: ['mailto:ops@example.com'],
      externalAccount: 'kid-1',
    })
  })

  test('what the CA refused is not remembered', async () => {
    const lookups = new FakeLookups()
    lookups.accounts = undefined
    const memory = new LookupMemory(lookups)
    memory.note(completed('newAccount', { contact: ['mailto:new@example.com'] }, 400, {}))
    expect(await memory.account('pebble', made)).toBeUndefined()
  })

  test('an update changes the contacts and leaves the binding', async () => {
    const memory = new LookupMemory(new FakeLookups())
    expect((await memory.account('pebble', made))?.contacts).toEqual(['mailto:ops@example.com'])
    const changes = { resource: resource({ url: made, operation: 'account', account: made }) }
    memory.note(
      completed('account', { contact: ['mailto:x@example.org'] }, 200, { status: 'valid' }, changes),
    )
    expect(await memory.account('pebble', made)).toEqual({
      contacts: ['mailto:x@example.org'],
      externalAccount: 'kid-1',
    })
  })

  test('an update that takes all contacts away leaves none', async () => {
    const memory = new LookupMemory(new FakeLookups())
    const changes = { resource: resource({ url: made, operation: 'account', account: made }) }
    memory.note(completed('account', { status: 'deactivated' }, 200, { status: 'valid' }, changes))
    expect((await memory.account('pebble', made))?.contacts).toEqual(['mailto:ops@example.com'])
    memory.note(completed('account', { contact: [] }, 200, { status: 'valid' }, changes))
    expect((await memory.account('pebble', made))?.contacts).toEqual([])
  })

  test('accounts are looked up again after a minute, and at once when people were forgotten', async () => {
    let now = 0
    const lookups = new FakeLookups()
    const memory = new LookupMemory(lookups, () => now)
    await memory.account('pebble', made)
    await memory.account('pebble', made)
    expect(lookups.asked).toHaveLength(1)
    now = 60_001
    await memory.account('pebble', made)
    expect(lookups.asked).toHaveLength(2)
    memory.forgetPeople()
    await memory.account('pebble', made)
    expect(lookups.asked).toHaveLength(3)
  })

  test('an order is known to the requests that follow it', async () => {
    const lookups = new FakeLookups()
    lookups.seen = undefined
    const memory = new LookupMemory(lookups)
    const exchange = completed(
      'newOrder',
      { identifiers: IDENTIFIERS },
      201,
      {},
      { asked: { ...ORDER, profile: 'tls' } },
    )
    memory.note(exchange)
    expect(await memory.order(exchange.id)).toEqual({
      profile: 'tls',
      validity: null,
      replaces: false,
      identifiers: IDENTIFIERS,
    })
    expect(lookups.asked).toEqual([])
  })
})
