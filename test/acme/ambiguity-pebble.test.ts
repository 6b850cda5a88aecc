import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ambiguitySoak, type DifferentialResult, runDifferential } from '../support/ambiguity-differential.ts'
import { allCases } from '../support/ambiguous-cases.ts'
import { reasonWithout } from '../support/missing.ts'

const SEED = 20261122

const missing = await reasonWithout('pebble')
beforeEach((context) => {
  if (missing !== null) context.skip(missing)
})

describe('J6, J8, J9, J10: Pebble acts on what we read, or we refuse', () => {
  let made: DifferentialResult
  let random: DifferentialResult

  beforeAll(async () => {
    if (missing !== null) return
    made = await runDifferential(allCases(), 4)
    random = await ambiguitySoak(2000, SEED)
    console.log(`made by hand: ${told(made)}\nrandom, seed ${SEED}: ${told(random)}`)
  }, 120_000)

  test('nothing that we allow is acted on otherwise', () => {
    expect(made.differences).toEqual([])
    expect(random.differences).toEqual([])
  })

  test('the comparison is not empty', () => {
    expect(made.cases).toBeGreaterThan(2000)
    expect(made.allowedAndActedOn).toBeGreaterThan(500)
    expect(random.allowedAndActedOn).toBeGreaterThan(200)
    expect(random.refusedAndDifferent.length).toBeGreaterThan(20)
  })

  test.each([
    'known attack: case',
    'known attack: U+017F',
    'known attack: nested',
    'known attack: query signed as a path',
  ])('%s: Pebble itself answers 201 for another name, and we refuse', (name) => {
    expect(made.refusedAndDifferent).toContainEqual(
      expect.objectContaining({
        name,
        why: expect.stringMatching(/evil\.example\.com|unrecognised/),
        status: 201,
      }),
    )
  })
})

function told({
  cases,
  allowed,
  allowedAndActedOn,
  refused,
  refusedAndDifferent,
  differences,
}: DifferentialResult): string {
  return `${cases} cases, ${allowed} allowed (${allowedAndActedOn} acted on, ${differences.length} otherwise), ${refused} refused (${refusedAndDifferent.length} would have been acted on otherwise)`
}
