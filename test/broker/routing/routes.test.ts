import { expect, test } from 'vitest'
import type { Route } from '../../../src/broker/endpoint.ts'
import { casFor, everyCaOf, profileAt } from '../../../src/broker/routing/routes.ts'
import { brokerEndpoint } from '../../support/broker/issuance-world.ts'

const route = (changes: Partial<Route>): Route => ({
  names: null,
  labels: null,
  profiles: null,
  cas: ['routed'],
  ...changes,
})
const order = (names: readonly string[], label: string | null = null, profile: string | null = null) => ({
  identifiers: names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' : 'dns', value })),
  label,
  profile,
})

test.each<[string, Partial<Route>, ReturnType<typeof order>, boolean]>([
  ['every order', {}, order(['a.example']), true],
  ['names that are all in it', { names: ['.in.example'] }, order(['in.example', 'a.b.in.example']), true],
  ['a name that is not', { names: ['.in.example'] }, order(['a.in.example', 'out.example']), false],
  ['a wildcard that is covered whole', { names: ['**.in.example'] }, order(['*.in.example']), true],
  ['a wildcard that is not', { names: ['a.in.example'] }, order(['*.in.example']), false],
  ['an address under names', { names: ['**'] }, order(['192.0.2.1']), false],
  ['its label', { labels: ['team-a'] }, order(['a.example'], 'team-a'), true],
  ['another label', { labels: ['team-a'] }, order(['a.example'], 'team-b'), false],
  ['no label', { labels: ['team-a'] }, order(['a.example']), false],
  ['its profile', { profiles: ['short'] }, order(['a.example'], null, 'short'), true],
  ['no profile', { profiles: ['short'] }, order(['a.example']), false],
])('a route and %s', (_name, changes, wanted, fits) => {
  const endpoint = brokerEndpoint({ routes: [route(changes)] })
  expect(casFor(endpoint, wanted)).toEqual(fits ? ['routed'] : ['one', 'two'])
})

test('the first route that fits counts, and each CA once', () => {
  const routes = [route({ labels: ['x'] }), route({ cas: ['b', 'a', 'b'] }), route({ cas: ['c'] })]
  const endpoint = brokerEndpoint({ routes })
  expect(casFor(endpoint, order(['a.example']))).toEqual(['b', 'a'])
  expect(everyCaOf(endpoint)).toEqual(['one', 'two', 'routed', 'b', 'a', 'c'])
})

test('a profile is what the CA calls it', () => {
  const endpoint = brokerEndpoint({
    profiles: [{ name: 'short', description: '', at: { one: 'shortlived', two: null } }],
  })
  expect(['one', 'two', 'three', 'constructor'].map((ca) => profileAt(endpoint, 'short', ca))).toEqual([
    'shortlived',
    null,
    'short',
    'short',
  ])
  expect(profileAt(endpoint, null, 'one')).toBeNull()
})
