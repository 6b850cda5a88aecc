/** Conditions and effects of policies with real clients, in relay and intercept; all of it is `npm run soak -- policy-matrix`. */
import { beforeAll, describe, expect, test } from 'vitest'
import { aFew } from '../policy-matrix/rows.ts'
import type { Drill } from '../policy-matrix/run.ts'
import { runDrillInNamespace } from '../policy-matrix/run-in-namespace.ts'
import { reasonWithout } from '../support/missing.ts'
import { reasonWithoutNamespace } from '../support/namespace.ts'

const reason =
  (await reasonWithout('pebble', 'pebble-challtestsrv', 'openssl')) ?? (await reasonWithoutNamespace())
let drill: Drill

beforeAll(async () => {
  if (reason === null) drill = await runDrillInNamespace(['a-few'])
}, 600_000)

describe.skipIf(reason !== null)(`policies, asked by real clients${reason ? ` (${reason})` : ''}`, () => {
  test.each(aFew().map(({ row, cases, modes }) => [row.shows, cases, modes] as const))(
    '%s',
    (shows, cases, modes) => {
      const results = drill.results.filter((one) => one.shows === shows)
      expect(results).toHaveLength(cases.length * modes.length)
      expect(results.filter(({ wrong }) => wrong !== null)).toEqual([])
    },
  )

  test('nothing that was denied came to a CA, and everything that was not did', () => {
    expect(drill.differences).toEqual([])
    expect(drill).toMatchObject({ deniedAtCa: 0, passedAtCa: drill.passed })
    expect(drill.denied).toBeGreaterThan(80)
    expect(drill.passed).toBeGreaterThan(500)
    expect(drill.reloads).toBeGreaterThan(50)
  })
})
