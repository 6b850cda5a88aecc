import { expect, test } from 'vitest'
import { Tokens } from '../../src/app/tokens.ts'
import { ACMETAP, type Actor, type EventContent } from '../../src/audit/event.ts'
import { StoreUnavailable } from '../../src/audit/record-store.ts'
import type { Token, TokenStore } from '../../src/audit/token.ts'
import { stillClock } from '../support/exchanges.ts'

const LOCAL: Actor = { kind: 'local', token: null, name: null }

function store() {
  const kept = new Map<string, Token>()
  const events: EventContent[] = []
  const state = { full: false }
  const refuse = () => {
    if (state.full) throw new StoreUnavailable('full', 'the disk is full')
  }
  const tokens: TokenStore = {
    tokens: async () => [...kept.values()],
    async addToken(token, event) {
      refuse()
      kept.set(token.id, token)
      events.push(event)
    },
    async removeToken(id, event) {
      refuse()
      events.push(event)
      return kept.delete(id)
    },
  }
  return { kept, events, state, tokens }
}

const open = (world: ReturnType<typeof store>, clock = stillClock()) =>
  Tokens.open(world.tokens, clock, () => 'one')

test('a token is known by its text alone, from its making to its revocation, over restarts', async () => {
  const world = store()
  const tokens = await open(world)
  const { token, text } = await tokens.create({ name: 'grafana', role: 'viewer', expires: null }, LOCAL)
  expect(text).toMatch(/^acmetap_[0-9a-f]{8}_[\w-]{43}$/)
  expect(tokens.authenticate(text)).toEqual(token)
  expect(JSON.stringify([...world.kept.values(), ...world.events])).not.toContain(text.slice(17))
  const later = await open(world)
  expect(later.authenticate(text)).toEqual(token)
  for (const other of [text.slice(0, -1), `${text}x`, text.toUpperCase(), '', token.id])
    expect(later.authenticate(other)).toBeNull()
  await later.revoke(token.id, ACMETAP)
  expect(later.authenticate(text)).toBeNull()
  expect(later.list()).toEqual([])
  expect(world.events).toMatchObject([
    {
      event: 'tokenCreated',
      token: token.id,
      name: 'grafana',
      role: 'viewer',
      actor: LOCAL,
      instance: 'one',
    },
    { event: 'tokenRevoked', token: token.id, name: 'grafana', actor: ACMETAP },
  ])
})

test('it ends when it was to end', async () => {
  const clock = stillClock()
  const tokens = await open(store(), clock)
  const expires = clock.wall + 1_000_000
  const { text } = await tokens.create({ name: 'a', role: 'admin', expires }, LOCAL)
  clock.wall += 999_999
  expect(tokens.authenticate(text)).not.toBeNull()
  clock.wall += 1
  expect(tokens.authenticate(text)).toBeNull()
  const past = { name: 'b', role: 'admin' as const, expires: clock.wall }
  await expect(tokens.create(past, LOCAL)).rejects.toThrow('expires: must lie in the future')
})

test('names are told apart and read well', async () => {
  const tokens = await open(store())
  await tokens.create({ name: 'on call', role: 'operator', expires: null }, LOCAL)
  const again = tokens.create({ name: 'on call', role: 'viewer', expires: null }, LOCAL)
  await expect(again).rejects.toMatchObject({ status: 409 })
  for (const name of ['', ' a', 'a\nb', 'x'.repeat(65), '\u001b[31m'])
    await expect(tokens.create({ name, role: 'viewer', expires: null }, LOCAL)).rejects.toThrow(
      'name: must be',
    )
})

test('what is not durable did not happen', async () => {
  const world = store()
  const tokens = await open(world)
  world.state.full = true
  await expect(tokens.create({ name: 'a', role: 'viewer', expires: null }, LOCAL)).rejects.toThrow('full')
  expect(tokens.list()).toEqual([])
  world.state.full = false
  const { token, text } = await tokens.create({ name: 'a', role: 'viewer', expires: null }, LOCAL)
  world.state.full = true
  await expect(tokens.revoke(token.id, LOCAL)).rejects.toThrow('full')
  expect(tokens.authenticate(text)).not.toBeNull()
  await expect(tokens.revoke('00000000', LOCAL)).rejects.toMatchObject({ status: 404 })
})
