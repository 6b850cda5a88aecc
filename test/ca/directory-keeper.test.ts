import { afterEach, expect, test } from 'vitest'
import { DirectoryKeeper, type DirectoryState, type DirectoryView } from '../../src/ca/directory-keeper.ts'
import type { Completed, Outcome, Received } from '../../src/exchange/exchange.ts'
import { decided, ORIGIN, response, stillClock, taught } from '../support/exchanges.ts'

const GOOD = { newNonce: `${ORIGIN}/nonce`, newAccount: `${ORIGIN}/account`, newOrder: `${ORIGIN}/order` }
const STRAY = { ...GOOD, newOrder: 'https://ca.example/order' }
const view: DirectoryView = {
  destination: { ca: 'pebble', authority: new URL(ORIGIN).host },
  target: '/dir',
  relay: true,
  advice: 'Use intercept.',
}

let keeper: DirectoryKeeper
afterEach(() => keeper.stop())

function keeperOf(answer: () => Outcome | Error) {
  const asked: Received[] = []
  const changes: DirectoryState[] = []
  keeper = new DirectoryKeeper(
    async (request): Promise<Completed> => {
      asked.push(request)
      const outcome = answer()
      if (outcome instanceof Error) throw outcome
      return { ...taught(decided('directory')), outcome, completedAt: { wall: 1, monotonic: 1 } }
    },
    stillClock(),
    'acmetap/0',
    (state) => changes.push(state),
  )
  return { asked, changes }
}

function says(status: number, body: unknown): Outcome {
  return { kind: 'response', response: response(status, body), durationCa: 1 }
}

test('a directory that names our own host is well; the request is our own and says who asks', async () => {
  const { asked, changes } = keeperOf(() => says(200, GOOD))
  keeper.watch([view])
  const [state] = await keeper.probe()
  expect([state!.state, keeper.refusal('pebble', view.destination.authority)]).toEqual(['ok', null])
  expect(asked[0]).toMatchObject({
    mode: 'engine',
    connection: { listener: 'engine' },
    request: { target: '/dir' },
  })
  expect(asked[0]!.request.fields).toContainEqual(['User-Agent', 'acmetap/0'])
  expect(changes).toHaveLength(1)
})

test('URLs that lead elsewhere refuse relay with advice, and only relay', async () => {
  keeperOf(() => says(200, STRAY))
  keeper.watch([view, { ...view, relay: false, target: '/own' }])
  const states = await keeper.probe()
  expect(states.map(({ state }) => state)).toEqual(['refused', 'ok'])
  const why = keeper.refusal('pebble', view.destination.authority)
  expect(why).toContain('https://ca.example/order')
  expect(why).toContain('Use intercept.')
  expect(keeper.refusal('pebble', 'other.test')).toBeNull()
})

test('of several directories under one host one that works is enough', async () => {
  let calls = 0
  keeperOf(() => says(200, calls++ % 2 ? GOOD : STRAY))
  keeper.watch([view, { ...view, target: '/other/dir' }])
  await keeper.probe()
  expect(keeper.states().map(({ state }) => state)).toEqual(['refused', 'ok'])
  expect(keeper.refusal('pebble', view.destination.authority)).toBeNull()
})

test.each([
  ['another status', () => says(503, GOOD)],
  ['no directory', () => says(200, { hello: 1 })],
  ['no JSON', () => says(200, '<html>')],
  [
    'no answer',
    (): Outcome => ({
      kind: 'failed',
      failure: { cause: 'connectRefused', message: 'refused' },
      problem: { type: 't', detail: 'd', status: 502 },
      durationCa: 1,
    }),
  ],
  ['no record', () => new Error('503')],
])('%s makes the CA unreachable and relay is given the benefit', async (_what, answer) => {
  keeperOf(answer)
  keeper.watch([view])
  const [state] = await keeper.probe('pebble')
  expect(state!.state).toBe('unreachable')
  expect(state!.detail).toBeTruthy()
  expect(keeper.refusal('pebble', view.destination.authority)).toBeNull()
})

test('only a CA whose directory speaks of external accounts binds accounts to them', async () => {
  let meta: object = {}
  keeperOf(() => says(200, { ...GOOD, meta }))
  keeper.watch([view])
  expect(await keeper.bindsAccounts(view.destination)).toBe(false)
  for (const externalAccountRequired of [true, false]) {
    meta = { externalAccountRequired }
    await keeper.probe()
    expect(await keeper.bindsAccounts(view.destination)).toBe(true)
  }
  meta = { externalAccountRequired: 'yes' }
  await keeper.probe()
  expect(await keeper.bindsAccounts(view.destination)).toBe(false)
  expect(await keeper.bindsAccounts({ ...view.destination, ca: 'other' })).toBe(false)
})
