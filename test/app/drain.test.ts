import { afterEach, expect, test } from 'vitest'
import { openOffline } from '../../src/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import { type Composed, compose, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

/** The one exchange with this target, as it stands on disk after the server has ended. */
async function afterwards(world: Composed, target: string) {
  const offline = await openOffline(loadConfig(world.file).config)
  try {
    const found = await offline.exchanges({}, 1000)
    return found.find(({ intent }) => intent.request.target === target)
  } finally {
    await offline.close()
  }
}

async function arrivedAt(ca: TestCa, target: string): Promise<void> {
  await until(() => ca.log.requests.some((request) => request.target === target))
}

test('told to end during a slow answer: the client gets it, the outcome is in the record', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  ca.script({ path: '/slow' }, { kind: 'slow', ms: 700 })
  const transport = await world.transport()
  const answer = transport.send('GET', `https://localhost:${world.port}/slow`)
  await arrivedAt(ca, '/slow')
  await world.running.close()
  expect(await answer).toMatchObject({ status: 404 })
  expect((await afterwards(world, '/slow'))?.outcome).toMatchObject({ outcome: 'response', status: 404 })
})

test('a client that hung up during a slow answer: the outcome is in the record after the end', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  ca.script({ path: '/slow' }, { kind: 'slow', ms: 700 })
  const transport = await world.transport()
  const answer = transport.send('GET', `https://localhost:${world.port}/slow`)
  answer.catch(() => undefined)
  await arrivedAt(ca, '/slow')
  transport.close()
  await expect(answer).rejects.toThrow()
  await world.running.close()
  expect((await afterwards(world, '/slow'))?.outcome).toMatchObject({ outcome: 'response', status: 404 })
})

test('a CA that does not answer holds the end up no longer than the drain time; what was sent is recorded as failed', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust, timeout: '10m' } },
      { sections: { shutdown: { drain: '200ms' } } },
    ),
  )
  await world.settled()
  ca.script({ path: '/never' }, { kind: 'hang' })
  const transport = await world.transport()
  const answer = transport.send('GET', `https://localhost:${world.port}/never`)
  answer.catch(() => undefined)
  await arrivedAt(ca, '/never')
  await world.running.close()
  await expect(answer).rejects.toThrow()
  expect((await afterwards(world, '/never'))?.outcome).toMatchObject({
    outcome: 'failed',
    failure: { cause: 'aborted' },
  })
  expect(world.log.filter(({ level }) => level === 'fatal')).toEqual([])
})

test("a CA that does not answer acmetap's own question does not hold the end up; it is recorded as failed", async () => {
  const ca = opened.add(await startTestCa())
  ca.script({ operation: 'directory' }, { kind: 'hang' })
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust, timeout: '10m' } },
      { sections: { shutdown: { drain: '10m' } } },
    ),
  )
  const target = new URL(ca.directory).pathname
  await until(() => ca.log.requests.filter((request) => request.target === target).length === 2)
  await world.running.close()
  expect(await afterwards(world, target)).toMatchObject({
    intent: { mode: 'engine' },
    outcome: { outcome: 'failed', failure: { cause: 'aborted' } },
  })
})
