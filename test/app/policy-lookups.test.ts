import { hash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { policyLookups } from '../../src/app/policy-lookups.ts'
import type { InventoryLookups } from '../../src/audit/inventory/inventory-lookups.ts'
import type { FactDraft } from '../../src/audit/record.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import type { CountedOrder } from '../../src/policy/history.ts'
import { IssuanceHistory } from '../../src/policy/issuance-history.ts'
import { inventoryFile } from '../../src/store/sqlite/inventory/inventory-file.ts'
import { openInventory, type ServedInventory } from '../../src/store/sqlite/inventory/open-inventory.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { makeFolder } from '../store/inventory/inventory-world.ts'
import { dns, ORIGIN, Story } from '../support/acme-story.ts'
import { entryOf, intentOf, outcomeOf } from '../support/facts.ts'
import { createAccount, deliver, entriesOf, newOrder, type OrderPlan } from '../support/story-scripts.ts'

const CLIENT = { address: '192.0.2.9', userAgent: 'lego/4 (linux)', proxyUser: 'team-a' }
const ACCOUNT = `${ORIGIN}/acct/1`

const REFUSED = {
  kind: 'refused',
  problem: { type: 'urn:ietf:params:acme:error:rejectedIdentifier', detail: 'no', status: 403 },
} as const

let folder: Awaited<ReturnType<typeof makeFolder>>
let store: Awaited<ReturnType<typeof openSqliteStore>>
let inventory: ServedInventory
let story: Story

beforeEach(async () => {
  folder = await makeFolder()
  store = await openSqliteStore({ folder: folder.folder, now: 1, boot: newExchangeId(), software: 'test' })
  inventory = await openInventory({ folder: folder.folder })
  story = new Story()
})
afterEach(async () => {
  await inventory.close()
  await store.close()
  await folder.remove()
})

async function record(facts: Iterable<FactDraft>): Promise<void> {
  for (const entry of entriesOf(facts, 50)) await store.store.append(entry)
  // A question waits half a second for what was recorded; a busy machine may need longer.
  for (;;) {
    const { projected, recorded } = await inventory.reader.progress()
    if (projected >= recorded) return
    inventory.wake()
    await setTimeout(10)
  }
}

function told(...steps: Parameters<Story['exchange']>[1][]): FactDraft[] {
  return steps.flatMap((step) => {
    const { intent, outcome } = story.exchange(CLIENT, step)
    return [intent, outcome]
  })
}

function lookups(contact: 'keep' | 'hash' | 'drop' = 'keep', parts: Partial<InventoryLookups> = {}) {
  return policyLookups({
    lookups: { ...inventory.lookups, ...parts },
    progress: () => inventory.reader.progress(),
    record: store.reader,
    privacy: () => ({ contact }),
  })
}

function plan(n: number, ...names: string[]): OrderPlan {
  return { account: ACCOUNT, order: `${ORIGIN}/order/${n}`, names: dns(...names), authorizations: [] }
}

describe('an account', () => {
  test('is known with its contacts and its binding', async () => {
    await record(told(createAccount(ACCOUNT, ['mailto:ops@example.com'])))
    expect(await lookups().account('story', ACCOUNT)).toEqual({
      contacts: ['mailto:ops@example.com'],
      externalAccount: null,
    })
    expect(await lookups().account('another', ACCOUNT)).toBeUndefined()
    expect(await lookups().account('story', `${ACCOUNT}1`)).toBeUndefined()
  })

  test('has unknown contacts where they are not kept as they are', async () => {
    await record(told(createAccount(ACCOUNT, ['mailto:ops@example.com'])))
    expect((await lookups('hash').account('story', ACCOUNT))?.contacts).toBeUndefined()
    expect((await lookups('drop').account('story', ACCOUNT))?.contacts).toBeUndefined()
  })

  test('has a key that is found by its thumbprint', async () => {
    await record(told(createAccount(ACCOUNT, [])))
    expect(await lookups().isAccountKey(`key of ${ACCOUNT}`)).toBe(true)
    expect(await lookups().isAccountKey('nobody')).toBe(false)
  })
})

describe('a key', () => {
  test('was used for the sets of names of orders that were finalized with it', async () => {
    const spki = hash('sha256', story.spki)
    expect(await lookups().keyUses(spki)).toEqual([])
    const first = plan(1, 'b.example.com', 'A.example.com')
    const chain = story.leaf(first.names)
    await record(told(newOrder(first, 'ready'), ...deliver(story, first, chain)))
    expect(await lookups().keyUses(spki)).toEqual([['a.example.com', 'b.example.com']])
    const second = plan(2, 'other.example.com')
    await record(told(newOrder(second, 'ready'), [...deliver(story, second, chain)][0]!))
    expect(await lookups().keyUses(spki)).toEqual([['a.example.com', 'b.example.com'], ['other.example.com']])
    expect(await lookups().keyUses('00'.repeat(32))).toEqual([])
  })

  test('that was refused was not', async () => {
    const refused = plan(1, 'a.example.com')
    const [finalize] = [...deliver(story, refused, story.leaf(refused.names))]
    await record(told(newOrder(refused, 'ready'), { ...finalize!, status: 403, answer: { type: 'x' } }))
    expect(await lookups().keyUses(hash('sha256', story.spki))).toEqual([])
  })
})

test('an order tells what it asked for', async () => {
  const id = newExchangeId()
  const asked = {
    kind: 'order',
    profile: 'tls',
    notBefore: null,
    notAfter: new Date(1_700_000_000_000 + 86_400_000).toISOString(),
    replaces: 'x.y',
  } as const
  await store.store.append(entryOf([intentOf(id, { content: { asked } }), outcomeOf(id)]))
  expect(await lookups().order(id)).toEqual({
    profile: 'tls',
    validity: 86_400_000,
    replaces: true,
    identifiers: [{ type: 'dns', value: 'one.example' }],
  })
  expect(await lookups().order(newExchangeId())).toBeUndefined()
  const before = newExchangeId()
  await store.store.append(entryOf([intentOf(before), outcomeOf(before)]))
  expect(await lookups().order(before)).toBeUndefined()
})

describe('earlier orders', () => {
  async function since(at: number): Promise<CountedOrder[]> {
    const orders: CountedOrder[] = []
    for await (const order of lookups().ordersSince(at)) orders.push(order)
    return orders
  }

  test('are those that the CA took, oldest first, as history counts them', async () => {
    await record(
      told(
        newOrder(plan(1, 'B.example.com', 'a.example.com'), 'pending'),
        { ...newOrder(plan(2, 'no.example.com'), 'pending'), status: 429, answer: { type: 'x' } },
        { ...newOrder(plan(3, 'denied.example.com'), 'pending'), rule: 'some-rule', outcome: REFUSED },
        { operation: 'order', url: `${ORIGIN}/order/1`, account: ACCOUNT, answer: {} },
        newOrder(plan(4, 'c.example.com'), 'pending'),
      ),
    )
    const orders = await since(0)
    expect(orders.map(({ names }) => names)).toEqual([['a.example.com', 'b.example.com'], ['c.example.com']])
    expect(orders[0]).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      at: expect.any(Number),
      ca: 'story',
      account: ACCOUNT,
      address: '192.0.2.9',
      label: 'team-a',
      client: JSON.stringify([ACCOUNT, '192.0.2.9', 'team-a', 'lego']),
      names: ['a.example.com', 'b.example.com'],
    })
    expect(await since(orders[0]!.at + 1)).toEqual([orders[1]])
    expect(await since(orders[1]!.at + 1)).toEqual([])
  })

  test('come in pages, all of them once, and are what a start counts', async () => {
    const steps = Array.from({ length: 450 }, (_, n) => newOrder(plan(n, `h${n}.example.com`), 'pending'))
    await record(told(...steps))
    const orders = await since(0)
    expect(orders).toHaveLength(450)
    expect(new Set(orders.map(({ id }) => id)).size).toBe(450)
    expect(orders.map(({ at }) => at)).toEqual(orders.map(({ at }) => at).toSorted((a, b) => a - b))
    const question = { kind: 'orders', per: 'client', within: 3_600_000 } as const
    const history = new IssuanceHistory()
    const last = orders.at(-1)!
    const from = last.at - history.use([question])!
    await history.seed(lookups().ordersSince(from), from)
    expect(history.count(question, { ...last, id: 'new' })).toBe(450)
  })

  test('that the inventory has not taken in yet are not taken for none', async () => {
    await record(told(newOrder(plan(1, 'a.example.com'), 'pending')))
    const behind = policyLookups({
      lookups: inventory.lookups,
      progress: async () => ({ projected: 1, recorded: 2, rebuilding: true, fault: null }),
      record: store.reader,
      privacy: () => ({ contact: 'keep' }),
    })
    const reading = (async () => {
      for await (const _ of behind.ordersSince(0)) {
        // only whether it ends
      }
    })()
    await expect(reading).rejects.toThrow('not up to date')
    expect(await behind.keyUses('00')).toBeUndefined()
    expect(await behind.isAccountKey('nobody')).toBeUndefined()
  })
})

test('orders are read when the inventory has what was recorded by then', async () => {
  let projected = 1
  const asked: number[] = []
  const catchingUp = policyLookups({
    lookups: {
      ...inventory.lookups,
      takenOrders: async () => {
        asked.push(projected)
        return { orders: [], next: null }
      },
    },
    progress: async () => ({ projected: projected++, recorded: 4, rebuilding: false, fault: null }),
    record: store.reader,
    privacy: () => ({ contact: 'keep' }),
  })
  for await (const _ of catchingUp.ordersSince(0)) {
    // there are none
  }
  expect(asked).toHaveLength(1)
  expect(asked[0]).toBeGreaterThan(4)
})

test('every question is found by an index', async () => {
  await record(told(createAccount(ACCOUNT, []), newOrder(plan(1, 'a.example.com'), 'pending')))
  await lookups().isAccountKey('x')
  const db = new Database(inventoryFile(folder.folder), { readonly: true })
  const planOf = (sql: string) =>
    (db.prepare(`explain query plan ${sql}`).all() as { detail: string }[]).map(({ detail }) => detail).join()
  try {
    expect(planOf("select names from certificates indexed by certificates_key where spki = 'x'")).toMatch(
      /SEARCH certificates USING INDEX certificates_key/,
    )
    expect(
      planOf(
        "select csr from orders indexed by orders_key where json_extract(csr, '$.spki') = 'x' and csr is not null",
      ),
    ).toMatch(/SEARCH orders USING INDEX orders_key/)
  } finally {
    db.close()
  }
})
