import { expect, test } from 'vitest'
import { failureRoutes } from '../../src/api/routes/failures.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { aChallenge, aDiagnosis, aFailure } from '../support/inventoried.ts'

const correlations = failureRoutes.find(({ id }) => id === 'correlateFailures')!

test('a TXT record that was there a little later was not on all servers yet', async () => {
  const operations = new FakeOperations()
  const { inventory } = operations
  inventory.failureList = [3, 2, 1].map((n) =>
    aFailure({
      id: `${n}`.repeat(16),
      at: `2026-11-22T01:0${n}:00.000Z`,
      names: ['www.example.com'],
      challengeType: 'dns-01',
      diagnosis: aDiagnosis({ class: 'txt-missing' }),
    }),
  )
  const ask = async () =>
    (await correlations.handle(operations, { query: {} } as never)) as { correlations: unknown[] }
  inventory.challengeList = [aChallenge({ type: 'dns-01', judgedAt: '2026-11-22T02:30:00.000Z' })]
  expect((await ask()).correlations).toMatchObject([{ class: 'txt-missing', failures: 3 }])
  inventory.challengeList = [aChallenge({ type: 'dns-01', judgedAt: '2026-11-22T01:05:00.000Z' })]
  expect((await ask()).correlations).toMatchObject([{ class: 'txt-not-everywhere', failures: 3 }])
})

test('as many names are asked for as can be answered soon, those that failed last', async () => {
  const operations = new FakeOperations()
  const { inventory } = operations
  inventory.failureList = Array.from({ length: 500 }, (_, n) =>
    aFailure({ id: n.toString(16).padStart(16, '0'), names: [`n${n}.example.com`, `.n${n}.example.com`] }),
  )
  await correlations.handle(operations, { query: {} } as never)
  const asked = inventory.calls.filter(([what]) => what === 'challenges').map(([, { name }]) => name)
  expect(asked).toHaveLength(100)
  expect(asked[0]).toEqual({ kind: 'exact', value: 'n0.example.com' })
})
