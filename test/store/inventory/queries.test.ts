import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { type ProblemName, problemUrn } from '../../../src/acme/problem-types.ts'
import { account, accountFilter } from '../../../src/audit/inventory/account.ts'
import {
  certificate,
  certificateFilter,
  type InventoriedCertificate,
} from '../../../src/audit/inventory/certificate.ts'
import { challenge, challengeFilter } from '../../../src/audit/inventory/challenge.ts'
import { client, clientFilter } from '../../../src/audit/inventory/client.ts'
import { exchangeFilter } from '../../../src/audit/inventory/exchange-filter.ts'
import {
  failure,
  failureFilter,
  rateLimitEvent,
  rateLimitFilter,
} from '../../../src/audit/inventory/failure.ts'
import { order, orderDetail, orderFilter } from '../../../src/audit/inventory/order.ts'
import { summary, summaryFilter } from '../../../src/audit/inventory/summary.ts'
import { FilterRefused, type Page } from '../../../src/audit/inventory/values.ts'
import type { Limits } from '../../../src/store/sqlite/inventory/queries/budget.ts'
import { InventoryQueries } from '../../../src/store/sqlite/inventory/queries/inventory-queries.ts'
import { random } from '../../soak/soak.ts'
import { NAMES, type RandomInventory, randomInventory } from '../../support/random-inventory.ts'

const SEEDS = [1, 2]
const HOUR = 3_600_000_000

const LISTS = {
  exchanges: exchangeFilter,
  accounts: accountFilter,
  clients: clientFilter,
  orders: orderFilter,
  challenges: challengeFilter,
  certificates: certificateFilter,
  failures: failureFilter,
  rateLimits: rateLimitFilter,
} as const
type ListName = keyof typeof LISTS

const SHAPES: Readonly<Record<Exclude<ListName, 'exchanges'>, z.ZodType>> = {
  accounts: account,
  clients: client,
  orders: order,
  challenges: challenge,
  certificates: certificate,
  failures: failure,
  rateLimits: rateLimitEvent,
}

/** Every limit so small that each way through a list is taken, and so large that none is. */
const WAYS: readonly Partial<Limits>[] = [
  {},
  { few: 0, stretch: 7 },
  { few: 0, stretch: 1, nameSets: 0, rows: 20 },
  { few: 4, stretch: 3, nameSets: 3 },
  { few: 40, stretch: 16, rows: 50 },
  { few: 10_000, nameSets: 0, long: 0 },
  { searching: 0, composing: 0, stretch: 11 },
]

// biome-ignore lint/suspicious/noExplicitAny: objects of any list are compared by the names of their members.
type Item = Readonly<Record<string, any>>

async function everyPage(
  queries: InventoryQueries,
  list: ListName,
  filter: Readonly<Record<string, string>>,
  limit: number,
): Promise<Item[]> {
  const items: Item[] = []
  let cursor: string | null = null
  let pages = 0
  do {
    const parsed = LISTS[list].parse({ ...filter, limit, ...(cursor !== null && { cursor }) })
    const page = (await queries[list](parsed as never)) as Page<Item>
    expect(page.items.length).toBeLessThanOrEqual(limit)
    items.push(...page.items)
    expect(page.next).not.toBe(cursor ?? undefined)
    cursor = page.next
    expect(++pages).toBeLessThan(100_000)
  } while (cursor !== null)
  return items
}

describe.for(SEEDS)('an inventory drawn with seed %i', (seed) => {
  let given: RandomInventory
  let all: Record<ListName, Item[]>

  const queriesWith = (limits: Partial<Limits> = {}) =>
    new InventoryQueries(given.inventory, given.record, { limits, now: () => given.now })

  beforeAll(async () => {
    given = await randomInventory(seed, 300)
    const queries = queriesWith()
    all = Object.fromEntries(
      await Promise.all(
        (Object.keys(LISTS) as ListName[]).map(async (list) => [
          list,
          await everyPage(queries, list, {}, 1000),
        ]),
      ),
    )
  })
  afterAll(() => given.close())

  const rows = (sql: string) => given.inventory.prepare(sql).all() as Item[]

  test('without filters a list holds every row, as its shape says, newest first', () => {
    const count = (sql: string) => given.inventory.prepare(sql).pluck().get() as number
    expect(all.exchanges.length).toBe(count('select count(*) from exchanges'))
    expect(all.accounts.length).toBe(count('select count(*) from accounts'))
    expect(all.clients.length).toBe(count('select count(*) from clients'))
    expect(all.orders.length).toBe(count('select count(*) from orders'))
    expect(all.certificates.length).toBe(count('select count(*) from certificates'))
    expect(all.rateLimits.length).toBe(count('select count(*) from rate_limits'))
    expect(all.challenges.length).toBe(
      count('select count(*) from challenges where answered_at is not null or judged_at is not null'),
    )
    const abandoned = all.orders.filter(({ diagnosis }) => isAbandonment(diagnosis?.class)).length
    expect(abandoned).toBeGreaterThan(5)
    expect(all.failures.length).toBe(count('select count(*) from failures') + abandoned)
    for (const [list, shape] of Object.entries(SHAPES))
      for (const item of all[list as ListName]) expect(() => shape.parse(item)).not.toThrow()
    const sequences = all.exchanges.map(({ intent }) => intent.sequence as number)
    expect(sequences).toEqual(sequences.toSorted((a, b) => b - a))
    for (const [list, time] of [
      ['orders', 'createdAt'],
      ['failures', 'at'],
      ['rateLimits', 'at'],
    ] as const) {
      const times = all[list].map((item) => item[time] as string)
      expect(times).toEqual(times.toSorted().toReversed())
    }
  })

  test.for(WAYS)('any filters, any pages: what a naive look at every object finds (%o)', async (limits) => {
    const queries = queriesWith(limits)
    const draw = random(seed * 1000 + WAYS.indexOf(limits))
    for (const list of Object.keys(LISTS) as ListName[]) {
      for (let n = 0; n < 12; n++) {
        const filter = randomFilter(list, draw)
        const wanted = all[list].filter((item) => passes(list, item, filter))
        const limit = [1, 2, 7, 50, 1000][Math.floor(draw() * 5)]!
        const found = await everyPage(queries, list, filter, limit)
        expect({ list, filter, ids: found.map(idOf) }).toEqual({ list, filter, ids: wanted.map(idOf) })
      }
    }
  })

  function randomFilter(list: ListName, draw: () => number): Record<string, string> {
    const pick = (values: readonly string[]) => values[Math.floor(draw() * values.length)]!
    const time = () => new Date((given.now - draw() * 250 * HOUR) / 1000).toISOString()
    const values: Record<string, () => string> = {
      ca: () => pick(['alpha', 'beta']),
      account: () => {
        const { url, id, thumbprint } = all.accounts[Math.floor(draw() * all.accounts.length)]!
        return pick([url, id, thumbprint ?? id])
      },
      client: () => pick(all.clients.map(({ id }) => id)),
      name: () => {
        const name = pick(NAMES)
        return draw() < 0.5 || /^[\d*]/.test(name)
          ? name
          : `.${pick(['example.com', 'example', 'b.example.com', 'com', 'net', 'absent.example'])}`
      },
      since: time,
      until: time,
      mode: () => pick(['relay', 'intercept']),
      operation: () => pick(['newOrder', 'order', 'challenge']),
      outcome: () => pick(['response', 'failed', 'running']),
      problem: () => {
        const short = pick(['dns', 'connection', 'rateLimited', 'caa'])
        return draw() < 0.5 ? short : problemUrn(short as ProblemName)
      },
      diagnosis: () =>
        pick([
          'servfail',
          'firewall',
          'caa',
          'challenge-not-answered',
          'order-not-finalized',
          'certificate-not-downloaded',
        ]),
      order: () => pick(all.orders.map(({ id }) => id)),
      status: () =>
        list === 'exchanges'
          ? pick(['200', '400', '429', '500'])
          : pick(
              list === 'accounts'
                ? ['valid', 'revoked']
                : list === 'orders'
                  ? ['pending', 'ready', 'valid', 'invalid']
                  : ['pending', 'valid', 'invalid'],
            ),
      type: () => pick(['http-01', 'dns-01', 'tls-alpn-01']),
      profile: () => pick(['classic', 'shortlived', 'other']),
      source: () =>
        list === 'certificates'
          ? pick(['observed', 'imported'])
          : pick(['192.0.2.1', '192.0.2.3', '192.0.2.99']),
      label: () => pick(['web-1', 'ca.example:8443', 'other']),
      program: () => pick(['certbot', 'lego', 'other']),
      state: () => pick(['valid', 'expired', 'revoked', 'replaced']),
      serial: () => pick(['01', '5', '00:0D', 'ff']),
      issuer: () => pick(['alpha', 'CN=Beta', 'alpha r1', 'nobody']),
      unmanaged: () => pick(['true', 'false']),
      expires_before: () => pick(['3d', '10d', time()]),
      limit_name: () => pick(['unknown', 'NewOrdersPerAccount', 'other']),
    }
    const taken = Object.keys(LISTS[list].shape).filter((name) => values[name])
    const filter: Record<string, string> = {}
    for (const name of taken) if (draw() < 1.6 / taken.length) filter[name] = values[name]!()
    return filter
  }

  /** The truth about a filter, from what an object says of itself; of exchanges, from their rows. */
  function passes(list: ListName, item: Item, filter: Readonly<Record<string, string>>): boolean {
    const row = list === 'exchanges' ? exchangeRow(item) : item
    return Object.entries(filter).every(([name, value]) => holds(list, row, name, value))
  }

  let exchangeRows: Map<number, Item> | undefined
  function exchangeRow(exchange: Item): Item {
    exchangeRows ??= new Map(
      rows(
        `select e.sequence, e.status, ca.word as ca, m.word as mode, o.word as operation, coalesce(u.word, 'running') as outcome,
          p.word as problem, d.word as diagnosis, c.key as client, a.key as account, orders.key as order_key
         from exchanges as e left join words as ca on ca.id = e.ca join words as m on m.id = e.mode
         join words as o on o.id = e.operation left join words as u on u.id = e.outcome
         left join words as p on p.id = e.problem left join words as d on d.id = e.diagnosis
         left join clients as c on c.id = e.client left join accounts as a on a.id = e.account
         left join orders on orders.id = e.order_id`,
      ).map((row) => [row.sequence, row]),
    )
    const row = exchangeRows.get(exchange.intent.sequence)!
    return {
      ...row,
      at: new Date(exchange.intent.at / 1000).toISOString(),
      account: row.account === null ? null : { id: row.account },
      client: row.client === null ? null : { id: row.client },
      order: row.order_key,
      names: exchange.intent.identifiers.map(({ value }: Item) => value),
      problem: row.problem === null ? null : { type: row.problem },
      diagnosis: row.diagnosis === null ? null : { class: row.diagnosis },
    }
  }

  function holds(list: ListName, item: Item, name: string, value: string): boolean {
    const isWhole = list === 'accounts' || list === 'clients'
    const began = item.at ?? item.createdAt ?? item.firstSeen ?? firstSeen(item)
    switch (name) {
      case 'ca':
        return list === 'clients' ? caOf(item, value) : item.ca === value
      case 'account': {
        const meant = all.accounts.filter(({ id, url, thumbprint }) => [id, url, thumbprint].includes(value))
        return meant.some(({ id }) => id === (list === 'accounts' ? item.id : item.account?.id))
      }
      case 'client':
        if (list === 'challenges') return ordersOfChallenge(item).some((one) => one.client?.id === value)
        return (item.client?.id ?? item.client) === value
      case 'name':
        return namesOf(list, item).some((one) =>
          value.startsWith('.') ? one === value.slice(1) || one.endsWith(value) : one === value,
        )
      case 'since':
        return (isWhole ? item.lastSeen : began) >= value
      case 'until':
        return (isWhole ? item.firstSeen : began) <= value
      case 'problem':
        return [value, `urn:ietf:params:acme:error:${value}`].includes((item.problem ?? item.error)?.type)
      case 'diagnosis':
        return item.diagnosis?.class === value
      case 'status':
        return String(item.status) === value
      case 'serial':
        return item.serial === value.replaceAll(':', '').replace(/^0+/, '').toLowerCase()
      case 'issuer':
        return value.split(' ').every((one) => item.issuer.toLowerCase().includes(one.toLowerCase()))
      case 'unmanaged':
        return (item.imported?.unmanaged === true) === (value === 'true')
      case 'state':
        return stateOf(item).includes(value)
      case 'expires_before':
        return (
          Date.parse(item.notAfter) * 1000 <
          (value.endsWith('d')
            ? given.now + Number(value.slice(0, -1)) * 24 * HOUR
            : Date.parse(value) * 1000)
        )
      case 'limit_name':
        return item.limit === value
      default:
        return item[name] === value
    }
  }

  function firstSeen(item: Item): string {
    const [row] = rows(`select first_at from challenges where key = '${item.id}'`)
    return new Date(row!.first_at / 1000).toISOString()
  }

  function ordersOfChallenge(item: Item): Item[] {
    return rows(
      `select o.key from challenges as h join order_authorizations as oa on oa.authorization = h.authorization
       join orders as o on o.id = oa.order_id where h.key = '${item.id}'`,
    ).map(({ key }) => all.orders.find(({ id }) => id === key)!)
  }

  function namesOf(list: ListName, item: Item): string[] {
    if (list === 'challenges') return item.identifier ? [item.identifier.value] : []
    if (list === 'clients')
      return all.orders.filter((one) => one.client?.id === item.id).flatMap((one) => namesOf('orders', one))
    return item.names ?? item.identifiers.map((one: Item) => one.value)
  }

  function caOf(item: Item, ca: string): boolean {
    if (item.account !== null) return item.account.ca === ca
    return all.exchanges.some((exchange) => {
      const row = exchangeRow(exchange)
      return row.client?.id === item.id && row.ca === ca
    })
  }

  function stateOf(item: Item): string[] {
    const { notAfter, revokedAt, replacedBy } = item as InventoriedCertificate
    const states = []
    if (Date.parse(notAfter) * 1000 <= given.now) states.push('expired')
    if (revokedAt !== null) states.push('revoked')
    if (replacedBy !== null) states.push('replaced')
    return states.length > 0 ? states : ['valid']
  }

  test('an order by id and by URL, with its authorizations and steps', async () => {
    const queries = queriesWith()
    for (const { id, url } of all.orders) {
      const byId = orderDetail.parse(await queries.order(id))
      expect(byId).toEqual(await queries.order(url))
      expect(byId).toMatchObject(all.orders.find((one) => one.id === id)!)
      const own = all.exchanges
        .filter((exchange) => exchangeRow(exchange).order === id)
        .map((exchange) => exchange.id)
      const steps = byId.timeline.map(({ exchange }) => exchange)
      expect(steps.filter((step) => own.includes(step))).toEqual(own.toReversed())
      const times = byId.timeline.map(({ at }) => at)
      expect(times).toEqual(times.toSorted())
      const named = rows(
        `select z.key from orders as o join order_authorizations as oa on oa.order_id = o.id
         join authorizations as z on z.id = oa.authorization where o.key = '${id}'`,
      )
      expect(byId.authorizations.map((one) => one.id).toSorted()).toEqual(
        named.map(({ key }) => key).toSorted(),
      )
    }
    expect(await queries.order('ffffffffffffffff')).toBeNull()
    expect(await queries.order("https://x.example/' or 1=1 --")).toBeNull()
  })

  test('a certificate by fingerprint and by serial number, however it is written', async () => {
    const queries = queriesWith()
    for (const item of all.certificates) {
      expect(await queries.certificate(item.fingerprint)).toEqual(item)
      expect(await queries.certificate(item.fingerprint.toUpperCase())).toEqual(item)
      expect(await queries.certificate(`00:${item.serial.toUpperCase()}`)).toEqual(item)
    }
    expect(await queries.certificate('no such')).toBeNull()
  })

  test.for(['', 'ca', 'ca,operation', 'mode,outcome', 'problem,diagnosis'])(
    'the summary by %o counts every exchange that has ended, once',
    async (by) => {
      const queries = queriesWith({ few: 0, stretch: 5 })
      for (const every of ['hour', 'day', 'all']) {
        for (const ca of [undefined, 'alpha']) {
          const since = new Date((given.now - 100 * HOUR) / 1000).toISOString()
          const filter = summaryFilter.parse({ every, by, since, ...(ca && { ca }) })
          const { buckets, totals } = summary.parse(await queries.summary(filter))
          const from = Math.floor((given.now - 100 * HOUR) / HOUR)
          const per = every === 'hour' ? 1 : every === 'day' ? 24 : null
          const counts = new Map<string, number>()
          for (const exchange of all.exchanges) {
            const row = exchangeRow(exchange)
            const hour = Math.floor(exchange.intent.at / HOUR)
            if (row.outcome === 'running' || hour < from || (ca && row.ca !== ca)) continue
            const start = per === null ? from : Math.floor(hour / per) * per
            const values = filter.by.map((name) => [name, row[name]?.type ?? row[name]?.class ?? row[name]])
            const name = JSON.stringify([
              new Date((start * HOUR) / 1000).toISOString(),
              Object.fromEntries(values),
            ])
            counts.set(name, (counts.get(name) ?? 0) + 1)
          }
          const told = buckets.map(({ start, by, exchanges }) => [JSON.stringify([start, by]), exchanges])
          expect(new Map(told as [string, number][])).toEqual(counts)
          const within = all.failures.filter(
            (one) => Date.parse(one.at) * 1000 >= from * HOUR && (!ca || one.ca === ca),
          )
          const here = (list: Item[]) => list.filter((one) => !ca || (one.ca ?? one.account?.ca) === ca)
          expect(totals).toEqual({
            exchanges: [...counts.values()].reduce((sum, one) => sum + one, 0),
            accounts: here(all.accounts).length,
            clients: here(all.clients).length,
            orders: here(all.orders).length,
            certificates: here(all.certificates).length,
            valid: here(all.certificates).filter((one) => stateOf(one).includes('valid')).length,
            failures: within.length,
            unclassified: within.filter((one) => one.diagnosis.class === 'unclassified').length,
          })
        }
      }
    },
  )

  test('personal values are gone from every object once they are erased', async () => {
    const queries = queriesWith()
    expect(all.clients.some(({ source }) => source !== null)).toBe(true)
    const empty = {
      prepare: (sql: string) =>
        given.record.prepare(sql.replace(/from personal where/, 'from personal where 1 = 0 and')),
    }
    const erased = new InventoryQueries(given.inventory, empty as never, { now: () => given.now })
    for (const item of await everyPage(erased, 'clients', {}, 100)) {
      expect(item.source).toBeNull()
      expect([null, 'ca.example:8443']).toContain(item.label)
    }
    for (const item of await everyPage(erased, 'accounts', {}, 100))
      expect(item.contacts).toEqual([null, null])
    expect((await everyPage(queries, 'accounts', {}, 100))[0]!.contacts).toEqual([
      'mailto:p1@example.com',
      'mailto:p2@example.com',
    ])
  })

  test.for(Object.keys(LISTS) as ListName[])(
    '%s refuses what the inventory does not have, by its name',
    async (list) => {
      const queries = queriesWith()
      const ask = async (filter: Item) => queries[list](LISTS[list].parse(filter) as never)
      const other = list === 'orders' ? 'exchanges' : 'orders'
      const page = await queries[other](LISTS[other].parse({ limit: 1 }) as never)
      expect(page.next).not.toBeNull()
      for (const [filter, says] of [
        [{ ca: 'gamma' }, /^ca: .*gamma.*known: alpha, beta/],
        [{ ca: 'relay' }, /^ca: .*known: alpha, beta/],
        [{ account: 'https://nobody.example' }, /^account: /],
        [{ client: 'ffffffffffffffff' }, /^client: /],
        [{ cursor: 'AAAA' }, /^cursor: .*/],
        [{ cursor: page.next }, /^cursor: must be the `next` of a page of /],
        [{ cursor: Buffer.from(`${list} 1 9999999999999999999`).toString('base64url') }, /^cursor: /],
      ] as const) {
        if (!(Object.keys(filter)[0]! in LISTS[list].shape)) continue
        const refused = await ask(filter).catch((error: unknown) => error)
        expect(refused, JSON.stringify(filter)).toBeInstanceOf(FilterRefused)
        expect((refused as Error).message).toMatch(says)
      }
    },
  )
})

function idOf(item: Item): string {
  return item.fingerprint ?? item.id ?? `${item.exchange}`
}

function isAbandonment(name: string | undefined): boolean {
  return /^(challenge-not-answered|order-not-finalized|certificate-not-downloaded)$/.test(name ?? '')
}
