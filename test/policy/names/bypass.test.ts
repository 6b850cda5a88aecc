import { describe, expect, test } from 'vitest'
import { random } from '../../soak/soak.ts'
import { type Judge, judgeOf, opinionsOf, searchBypasses } from '../../support/policy-names/bypass.ts'
import { generated } from '../../support/policy-names/generated.ts'
import { bypassTable } from '../../support/policy-names/spellings.ts'

/** J9, J17, J18, W8: names against two oracles, one in TypeScript, one in Python (python3-idna). */
const SEED = 20_261_122
const MINUTES = 60_000

const table = bypassTable()
const opinionsOfTable = opinionsOf(table.questions, table.scopes)

describe('bypass', () => {
  test('table: no spelling gets past what protects the name', { timeout: 3 * MINUTES }, async () => {
    const { questions, scopes } = table
    const { figures, bypasses, inVain, families } = searchBypasses(
      questions,
      scopes,
      await opinionsOfTable,
      judgeOf(scopes),
    )
    console.log(JSON.stringify({ ...figures, families: Object.keys(families).length }))
    expect(bypasses).toEqual([])
    expect(inVain).toEqual([])
    expect(figures.questions).toBeGreaterThan(5000)
    expect(Object.keys(families).length).toBeGreaterThan(35)
    expect(figures['reach what is denied']).toBeGreaterThan(2000)
    expect(figures.denied).toBeGreaterThan(300)
    expect(figures.granted).toBeGreaterThan(300)
  })

  test('20,000 generated: none either', { timeout: 3 * MINUTES }, async () => {
    const { questions, scopes } = generated(20_000, random(SEED))
    const opinions = await opinionsOf(questions, scopes)
    const { figures, bypasses, inVain } = searchBypasses(questions, scopes, opinions, judgeOf(scopes))
    console.log(JSON.stringify({ seed: SEED, ...figures }))
    expect(bypasses).toEqual([])
    expect(inVain).toEqual([])
    expect(figures.questions).toBe(20_000)
    expect(figures['reach what is denied']).toBeGreaterThan(1000)
    expect(figures.granted).toBeGreaterThan(1000)
  })

  /** What a matcher gets wrong that is not made for this: the search must find it. */
  const careless: Readonly<Record<string, (judge: Judge) => Judge>> = {
    'takes every spelling as it is': (judge) => (question) =>
      judge(question) ?? { name: `${question.type}:${question.value}`, denied: false, covered: true },
    'trims and takes a last dot away': (judge) => (question) =>
      judge({ ...question, value: question.value.trim().replace(/\.$/, '') }),
    'encodes U-labels': (judge) => (question) => {
      const host = URL.parse(`http://${question.value.replace(/^\*\./, 'star.')}/`)?.hostname
      return judge({ ...question, value: host?.replace(/^star\./, '*.') ?? question.value })
    },
    'takes a wildcard for the name before it': (judge) => (question) =>
      judge({ ...question, value: question.value.replace(/^\*\./, 'star.') }),
    'does not know subtrees': (judge) => (question) => judge({ ...question, subtree: false }),
    'grants what it does not deny': (judge) => (question) => {
      const judgement = judge(question)
      return judgement && { ...judgement, covered: true }
    },
    'refuses names of one label': (judge) => (question) =>
      question.value.includes('.') || question.value.includes(':') ? judge(question) : null,
  }

  test.for(Object.keys(careless))('a matcher that %s is found out', { timeout: MINUTES }, async (kind) => {
    const { questions, scopes } = table
    const judge = careless[kind]!(judgeOf(scopes))
    const { figures } = searchBypasses(questions, scopes, await opinionsOfTable, judge)
    console.log(JSON.stringify({ kind, bypasses: figures.bypasses, 'in vain': figures['in vain'] }))
    expect(figures.bypasses + figures['in vain']).toBeGreaterThan(20)
  })
})
