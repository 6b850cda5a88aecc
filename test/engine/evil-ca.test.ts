/** A part of what `npm run soak -- engine-evil-ca` tries, from every family; see test/support/engine/evil. */
import { beforeAll, describe, expect, test } from 'vitest'
import { EVIL_BEHAVIOURS } from '../support/engine/evil/catalogue.ts'
import { type Tried, tryBehaviours } from '../support/engine/evil/try-behaviours.ts'

/** Every such one of each family. */
const EVERY = 8
/** ms: long enough for a busy machine to be honest in. */
const TIMEOUT = 3000
/** A time-out each, or several. */
const SLOW = /never answers|drips|half-opens/

const families = new Map<string, number>()
const chosen = EVIL_BEHAVIOURS.filter(({ family, name }) => {
  if (SLOW.test(name)) return false
  const nth = families.get(family) ?? 0
  families.set(family, nth + 1)
  return nth % EVERY === 0
})
/** The challenge's answer is asked for once, so one time-out each. */
const slow = EVIL_BEHAVIOURS.filter(({ name }) => name.startsWith('challenge: ') && SLOW.test(name))
const tried = [...slow, ...chosen]

const nameOf = ({ family, name }: { readonly family: string; readonly name: string }) => `${family}, ${name}`

test('behaviours have names of their own, and are many', () => {
  expect(new Set(EVIL_BEHAVIOURS.map(nameOf)).size).toBe(EVIL_BEHAVIOURS.length)
  expect(EVIL_BEHAVIOURS.length).toBeGreaterThan(300)
  expect(tried.length).toBeGreaterThan(60)
})

describe('an evil CA', () => {
  let all: Tried
  beforeAll(async () => {
    all = await tryBehaviours(tried, { lanes: 4, timeout: TIMEOUT })
  }, 300_000)

  test.each(tried.map((behaviour) => ({ behaviour, title: nameOf(behaviour) })))(
    '$title',
    ({ behaviour }) => {
      const result = all.results.find((each) => each.behaviour === behaviour)
      expect(result?.wrong).toEqual([])
    },
  )

  test('nobody else is asked or called', () => {
    expect(all.outside).toEqual([])
  })
})
