import { afterEach, beforeEach, expect, test } from 'vitest'
import { EngineError } from '../../src/engine/engine-error.ts'
import type { Solver } from '../../src/engine/solver.ts'
import { dns, type EngineWorld, jobRequest, startEngineWorld } from '../support/engine/engine-world.ts'

let world: EngineWorld
beforeEach(async () => {
  world = await startEngineWorld()
})
afterEach(() => world.close())

const nobody = () => ({ signal: new AbortController().signal, onProgress: () => undefined })

/** The honest answer of an operation with a part of its JSON in another form. */
function twist(operation: 'order' | 'authorization', change: (json: Record<string, unknown>) => void) {
  const get = Map.prototype.get
  const map = operation === 'order' ? world.ca.state.orders : world.ca.state.authorizations
  map.get = function (this: Map<string, never>, path: string) {
    const found = get.call(this, path) as Record<string, unknown> | undefined
    if (found) change(found)
    return found as never
  }
}

test('a name that nobody asked for is not proved', async () => {
  twist('authorization', (found) => {
    found.identifier = { type: 'dns', value: 'victim.example' }
  })
  const job = await world.obtain()
  expect(job.error?.message).toMatch(/victim\.example validated, which was not asked for/)
  expect(world.presented).toEqual([])
})

test('a CA that leaves it to the order to say that a name is a wildcard', async () => {
  twist('authorization', (found) => {
    found.wildcard = false
  })
  expect((await world.obtain({ identifiers: dns('*.example.com') })).step).toBe('done')
  expect(world.presented.map(({ wildcard, type }) => [wildcard, type])).toEqual([[true, 'dns-01']])
})

test('an order that was given back under other names is given up', async () => {
  const failing = world.ca.script(
    { operation: 'authorization' },
    { kind: 'problem', type: 'serverInternal', status: 500 },
  )
  const job = await world.obtain()
  expect(job).toMatchObject({ step: 'ordered', failures: 1 })
  failing.remove()
  twist('order', (found) => {
    found.identifiers = dns('other.example')
  })
  const next = await world.run(job.id, true)
  expect(next).toMatchObject({ step: 'created', order: null })
  expect(next.error?.message).toMatch(/is for other names/)
})

test('every answer can be seen before the CA is told of the first', async () => {
  const events: string[] = []
  const solver: Solver = {
    name: 'slow',
    types: ['http-01'],
    present: async ({ identifier }) => void events.push(`present ${identifier.value}`),
    ready: async ({ identifier }) => void events.push(`ready ${identifier.value}`),
    cleanUp: async ({ identifier }) => void events.push(`cleanUp ${identifier.value}`),
  }
  world.ca.validate(({ value }) => {
    events.push(`validate ${value}`)
    return null
  })
  const engine = world.restarted({
    solverFor: () => ({ solver, type: 'http-01' }),
    solverNamed: () => solver,
  })
  const { id } = await engine.create(jobRequest({ identifiers: dns('a.example', 'b.example', 'c.example') }))
  expect((await engine.run(id, nobody())).step).toBe('done')
  expect(events.map((event) => event.split(' ')[0])).toEqual(
    ['present', 'ready', 'validate', 'cleanUp'].flatMap((what) => [what, what, what]),
  )
})

test('one that cannot be presented: those that were are taken away, and the CA is told of none', async () => {
  const left = new Set<string>()
  const solver: Solver = {
    name: 'half',
    types: ['http-01'],
    async present({ identifier: { value } }) {
      if (value === 'b.example') throw new EngineError('solver', 'the zone of b.example is not ours')
      left.add(value)
    },
    cleanUp: async ({ identifier }) => void left.delete(identifier.value),
  }
  const engine = world.restarted({
    solverFor: () => ({ solver, type: 'http-01' }),
    solverNamed: () => solver,
  })
  const { id } = await engine.create(jobRequest({ identifiers: dns('a.example', 'b.example', 'c.example') }))
  const job = await engine.run(id, nobody())
  expect(job.error?.message).toBe('the zone of b.example is not ours')
  expect(left).toEqual(new Set())
  expect(await world.store.presented()).toEqual([])
  expect(world.sent()).not.toContain('challenge')
})

test('an answer that will not go away is noted, told, and taken away later', async () => {
  let stuck = true
  const here = new Set<string>()
  const solver: Solver = {
    name: 'sticky',
    types: ['http-01'],
    present: async ({ url }) => void here.add(url),
    async cleanUp({ url }) {
      if (stuck) throw new EngineError('solver', 'the name server does not answer')
      here.delete(url)
    },
  }
  const engine = world.restarted({
    solverFor: () => ({ solver, type: 'http-01' }),
    solverNamed: () => solver,
  })
  const { id } = await engine.create(jobRequest())
  expect((await engine.run(id, nobody())).step).toBe('done')
  expect(world.progress).toContainEqual(
    expect.objectContaining({ kind: 'note', text: 'the name server does not answer' }),
  )
  expect(await world.store.presented()).toHaveLength(1)
  stuck = false
  await engine.tidy()
  expect(here.size).toBe(0)
  expect(await world.store.presented()).toEqual([])
})

test('answers of a job that waits long are taken away, of one that goes on at once not', async () => {
  const made = await world.engine.create(jobRequest())
  await world.store.addPresented({
    job: made.id,
    attempt: {
      identifier: { type: 'dns', value: 'www.example.com' },
      wildcard: false,
      type: 'http-01',
      url: 'https://ca.test/1',
      token: 't',
      keyAuthorization: 't.k',
      accountUrl: 'https://ca.test/a',
      issuerDomainNames: [],
    },
    solver: 'map',
    presentedAt: 1,
  })
  await world.engine.tidy()
  expect(await world.store.presented()).toHaveLength(1)
  await world.store.putJob({ ...made, notBefore: Date.now() * 1000 + 600_000_000 })
  await world.engine.tidy()
  expect(await world.store.presented()).toEqual([])
})

test('what a solver warns of is told to those who read the log too', async () => {
  const engine = world.restarted({
    solverFor: () => ({
      type: 'http-01',
      solver: {
        name: 'map',
        types: ['http-01'],
        present: async (_, { warn }) => warn?.('it ends soon'),
        cleanUp: async () => undefined,
      },
    }),
  })
  const { id } = await engine.create(jobRequest())
  await engine.run(id, { signal: new AbortController().signal, onProgress: () => undefined })
  expect(world.progress).toContainEqual(
    expect.objectContaining({ kind: 'note', job: id, text: 'it ends soon' }),
  )
})
