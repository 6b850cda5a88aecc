import { expect, onTestFinished, test } from 'vitest'
import { observeWith } from '../../src/app/observe.ts'
import { engine as engineSchema } from '../../src/config/engine.ts'
import { ManagedCertificates } from '../../src/engine/managed/managed-certificates.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { CA } from '../support/engine/engine-stages.ts'
import { jobRequest, startEngineWorld } from '../support/engine/engine-world.ts'
import { Refusal } from '../support/test-ca/answer.ts'

test('jobs that ended, and every attempt at a managed certificate that failed, are counted', async () => {
  const metrics = createMetrics(
    () => ({ inFlight: 0, queue: 0, lastCommit: 0, spill: 0, writable: true }) as never,
  )
  const observe = observeWith((() => {}) as never, metrics)
  const world = await startEngineWorld({
    onProgress: observe.engine,
    onAttempt: (job) => managed.attempted(job),
  })
  const config = engineSchema.parse({ certificates: [{ name: 'web', names: ['www.example.com'], ca: CA }] })
  const managed = new ManagedCertificates({
    config: () => config,
    store: world.store,
    engine: {
      create: (request, signal) => world.engine.create({ ...request, agreeTerms: true }, signal),
      run: (id, watch) => world.engine.run(id, watch),
      cancel: (id, why) => world.engine.cancel(id, why),
    },
    renewalInfo: async () => null,
    clockTrusted: () => true,
    clock: systemClock(),
    onEvent: observe.managed,
    onProgress: () => {},
  })
  onTestFinished(async () => {
    await managed.close()
    await world.close()
    metrics.close()
  })
  const told = async () => (await metrics.exposition()).body
  world.ca.validate(() => new Refusal('dns', 'no'))
  await managed.look()
  await expect.poll(told).toContain(`acmetap_engine_failures_total{ca="${CA}"} 1\n`)
  const [job] = await world.store.jobs({ open: true, limit: 1 })
  await world.run(job!.id, true)
  expect(await told()).toContain(`acmetap_engine_failures_total{ca="${CA}"} 2\n`)
  await world.obtain(jobRequest({ certificate: 'other', reason: 'command' }))
  world.ca.validate(() => null)
  await world.run(job!.id, true)
  const body = await told()
  expect(body).toContain(`acmetap_engine_failures_total{ca="${CA}"} 2\n`)
  for (const outcome of ['done', 'failed'])
    expect(body).toContain(`acmetap_engine_jobs_total{outcome="${outcome}"} 1\n`)
})
