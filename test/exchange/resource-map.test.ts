import { expect, test } from 'vitest'
import { canonicalTarget } from '../../src/acme/canonical-target.ts'
import type { Operation } from '../../src/acme/operation.ts'
import { classify } from '../../src/exchange/classify.ts'
import type { LearnedStore, Resource } from '../../src/exchange/resource.ts'
import { ResourceMap } from '../../src/exchange/resource-map.ts'
import { AUTHORITY, ORIGIN, received, resource } from '../support/exchanges.ts'

class CountingStore implements LearnedStore {
  rows: Resource[] = []
  asked = 0
  async resources(ca: string, authority: string, canonical: string) {
    this.asked += 1
    return this.rows.filter((r) => r.ca === ca && r.authority === authority && r.canonical === canonical)
  }
  async accountKey() {
    return null
  }
}

function at(target: string, operation: Operation = 'order', changes: Partial<Resource> = {}): Resource {
  return resource({ url: `${ORIGIN}${target}`, canonical: canonicalTarget(target), operation, ...changes })
}

const DIRECTORIES = new Map([['pebble', ['/dir']]])

async function verdict(map: ResourceMap, target: string): Promise<string> {
  const { operation, ambiguities } = await classify(received({ target, method: 'GET' }), map, DIRECTORIES)
  return ambiguities.length > 0 ? ambiguities.map(({ kind }) => kind).join() : operation
}

function mapWith(...resources: Resource[]): ResourceMap {
  const map = new ResourceMap(new CountingStore())
  map.learn({ resources, keys: [] })
  return map
}

test('a target is what an answer said, exactly', async () => {
  const map = mapWith(at('/order-plz', 'newOrder'), at('/my-order/AbC', 'order'))
  expect(await verdict(map, '/order-plz')).toBe('newOrder')
  expect(await verdict(map, '/my-order/AbC')).toBe('order')
  expect(await verdict(map, '/unheard-of')).toBe('unrecognised')
})

test.each([
  '/order-plz?x=1',
  '/order-plz?',
  '/order%2Dplz',
  '/order%252Dplz',
  '/ORDER-plz',
  '/order-plz/',
  '//order-plz',
  '/./order-plz',
  '/x/../order-plz',
  '/order-plz;a=b',
  '\\order-plz',
  '/order-pl\u017f'.replace('\u017f', 'z%00'),
])('%s only resembles a resource', async (target) => {
  expect(await verdict(mapWith(at('/order-plz', 'newOrder')), target)).toBe('resembles-resource')
})

test('a directory is known before anything was learned; what resembles it is ambiguous', async () => {
  const map = new ResourceMap(new CountingStore())
  expect(await verdict(map, '/dir')).toBe('directory')
  for (const target of ['/dir/', '/DIR', '/dir?x', '/d%69r'])
    expect(await verdict(map, target)).toBe('resembles-resource')
})

test('below the renewalInfo URL everything plain is renewalInfo, the rest resembles it', async () => {
  const map = mapWith(at('/ari', 'renewalInfo'), at('/acme/renewal-info/', 'renewalInfo'))
  for (const target of ['/ari/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE', '/ari/garbage', '/acme/renewal-info/a.b'])
    expect(await verdict(map, target)).toBe('renewalInfo')
  for (const target of ['/ARI/a.b', '/ari//a.b', '/ari/a.b?x', '/ari/a%2Eb', '/ari/a.b/', '/ari/a.b;c'])
    expect(await verdict(map, target)).toBe('resembles-resource')
  expect(await verdict(map, '/ari/a.b/c')).toBe('unrecognised')
})

test('another CA and another authority know nothing of it', async () => {
  const map = mapWith(at('/order-plz', 'newOrder'))
  expect(await map.recognise('other', AUTHORITY, '/order-plz')).toEqual({ resource: null, resembles: false })
  expect(await map.recognise('pebble', 'other.test', '/order-plz')).toEqual({
    resource: null,
    resembles: false,
  })
})

test('what was evicted or learned by another run is read from the store, once', async () => {
  const store = new CountingStore()
  store.rows = [at('/my-order/1')]
  const map = new ResourceMap(store, 2)
  for (let i = 0; i < 3; i++) expect(await verdict(map, '/my-order/1')).toBe('order')
  expect(store.asked).toBe(1)
  map.learn({ resources: [at('/a'), at('/b'), at('/c')], keys: [] })
  store.rows.push(at('/a'))
  expect(await verdict(map, '/a')).toBe('order')
})

test('unknown targets are asked for each time and take no room', async () => {
  const store = new CountingStore()
  store.rows = [at('/known')]
  const map = new ResourceMap(store, 2)
  await verdict(map, '/known')
  for (let i = 0; i < 50; i++) await verdict(map, `/unknown${i}`)
  const { asked } = store
  await verdict(map, '/known')
  expect(store.asked).toBe(asked)
})

test('a sibling learned after the store was asked is not taken for a resemblance when it is evicted', async () => {
  const store = new CountingStore()
  store.rows = [at('/acme?order=1')]
  const map = new ResourceMap(store, 3)
  expect(await verdict(map, '/acme?order=1')).toBe('order')
  const second = at('/acme?order=2')
  map.learn({ resources: [second], keys: [] })
  store.rows.push(second)
  map.learn({ resources: [at('/x'), at('/y'), at('/z')], keys: [] })
  expect(await verdict(map, '/acme?order=2')).toBe('order')
  expect(await verdict(map, '/acme?order=3')).toBe('resembles-resource')
})

test('what is not in the store yet is resembled all the same', async () => {
  const store = new CountingStore()
  store.rows = []
  const map = new ResourceMap(store)
  map.learn({ resources: [at('/order-plz', 'newOrder')], keys: [] })
  expect(await verdict(map, '/order-plz?x=1')).toBe('resembles-resource')
})

test('only news is to be stored, and what an answer does not say stays', () => {
  const map = new ResourceMap(new CountingStore())
  const identifiers = [{ type: 'dns', value: 'one.test' }]
  const order = at('/my-order/1', 'order', { issuance: 'i', order: `${ORIGIN}/my-order/1`, identifiers })
  expect(map.learn({ resources: [order], keys: [] }).resources).toEqual([order])
  expect(map.learn({ resources: [{ ...order }], keys: [] }).resources).toEqual([])
  expect(map.learn({ resources: [at('/my-order/1')], keys: [] }).resources).toEqual([])
  const moved = { ...order, issuance: 'j' }
  expect(map.learn({ resources: [moved], keys: [] }).resources).toEqual([moved])
})

test('what an answer names in passing keeps what an earlier run knew of it', async () => {
  const store = new CountingStore()
  const identifiers = [{ type: 'dns', value: 'a.example.com' }]
  const earlier = at('/authz/1', 'authorization', { issuance: 'the newOrder', identifiers })
  store.rows = [earlier]
  const map = new ResourceMap(store)
  map.learn({
    resources: [
      at('/authz/1', 'authorization', { order: `${ORIGIN}/order/1`, issuance: null, identifiers: [] }),
    ],
    keys: [],
  })
  const { resource: found } = await map.recognise('pebble', AUTHORITY, '/authz/1')
  expect(found).toMatchObject({ order: `${ORIGIN}/order/1`, issuance: 'the newOrder', identifiers })
  const asked = store.asked
  await map.recognise('pebble', AUTHORITY, '/authz/1')
  expect(store.asked).toBe(asked)
})
