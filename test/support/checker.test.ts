import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { StoredFact } from '../../src/audit/record-store.ts'
import { checkRecord } from './checker.ts'
import type { RequestEntry } from './test-ca/ca-log.ts'

const sha = (text: string) => createHash('sha256').update(text).digest('hex')

type Content = Readonly<Record<string, unknown>>

/** A record of facts with a right chain. */
function recordOf(...contents: readonly Content[]): StoredFact[] {
  let previous = '0'.repeat(64)
  return contents.map((content, i) => {
    const text = JSON.stringify({ sequence: i + 1, previous, ...content })
    previous = sha(text)
    return { sequence: i + 1, text, digest: previous }
  })
}

const request = { method: 'POST', target: '/new-order', authority: 'localhost:1', digest: sha('body') }
const intent = { kind: 'intent', exchange: 'e1', at: 1_000_000, request }
const outcome = {
  kind: 'outcome',
  exchange: 'e1',
  outcome: 'response',
  status: 201,
  body: { digest: sha('answer') },
}
const received = {
  order: 1,
  method: 'POST',
  target: '/new-order',
  host: 'localhost:1',
  digest: sha('body'),
  at: 1_000_500,
} as RequestEntry
const answer = { status: 201, digest: sha('answer'), exchange: 'e1' }

const readerOf = (facts: readonly StoredFact[]) => ({
  facts: async (from: number, limit: number) => facts.slice(from - 1, from - 1 + limit),
})
const check = (facts: readonly StoredFact[], requests = [received], answers = [answer]) =>
  checkRecord(requests, answers, readerOf(facts))

describe('the checker', () => {
  test('finds nothing where the three agree', async () => {
    const report = await check(recordOf(intent, outcome))
    expect(report).toMatchObject({
      violationCount: 0,
      exchanges: 1,
      facts: 2,
      open: 0,
      outcomes: { response: 1 },
    })
  })

  test.each<[string, StoredFact[], RequestEntry[]?, (typeof answer)[]?]>([
    ['a CA request without an intent', recordOf(intent, outcome), [received, { ...received, order: 2 }]],
    ['a CA request of other bytes', recordOf(intent, outcome), [{ ...received, digest: sha('other') }]],
    ['an intent that came later', recordOf({ ...intent, at: 2_000_000 }, outcome)],
    ['a request the record calls answered from the cache', recordOf(intent, { ...outcome, source: 'cache' })],
    ['a request the record calls refused', recordOf(intent, { ...outcome, outcome: 'refused', status: 201 })],
    [
      'an answer that is not in the record',
      recordOf(intent, outcome),
      [received],
      [{ ...answer, exchange: 'e2' }],
    ],
    ['an answer without an outcome', recordOf(intent)],
    ['an answer the record calls unknown', recordOf(intent, { ...outcome, outcome: 'unknown' })],
    ['an answer with another status', recordOf(intent, { ...outcome, status: 200 })],
    ['an answer of other bytes', recordOf(intent, outcome), [received], [{ ...answer, digest: sha('x') }]],
    ['two outcomes', recordOf(intent, outcome, outcome)],
    ['an outcome before its intent', recordOf(outcome, intent)],
    [
      'a gap in the sequence',
      recordOf(intent, outcome).map((fact) => ({ ...fact, sequence: fact.sequence + 1 })),
    ],
    [
      'a changed text',
      recordOf(intent, outcome).map((fact) => ({ ...fact, text: fact.text.replace('201', '200') })),
    ],
    ['a fact taken out', recordOf({ ...intent, exchange: 'e0' }, intent, outcome).slice(1)],
  ])('%s is found', async (_, facts, requests, answers) => {
    expect((await check(facts, requests, answers)).violationCount).toBeGreaterThan(0)
  })
})

describe('the checker over the records of two instances', () => {
  const later = {
    ...received,
    order: 2,
    target: '/finalize/1',
    digest: sha('csr'),
    at: 3_000_000,
  } as RequestEntry
  const laterIntent = {
    ...intent,
    exchange: 'e2',
    at: 2_900_000,
    request: { ...request, target: '/finalize/1', digest: sha('csr') },
  }
  const laterOutcome = { ...outcome, exchange: 'e2', body: { digest: sha('more') } }
  const laterAnswer = { ...answer, exchange: 'e2', digest: sha('more') }
  const checkTwo = (
    a: readonly StoredFact[],
    b: readonly StoredFact[],
    requests: readonly RequestEntry[] = [received, later],
    answers = [answer, laterAnswer],
  ) => checkRecord(requests, answers, readerOf(a), readerOf(b))

  test('finds nothing where each exchange is in one of them', async () => {
    const report = await checkTwo(recordOf(intent, outcome), recordOf(laterIntent, laterOutcome))
    expect(report).toMatchObject({ violations: [], exchanges: 2, facts: 4, open: 0 })
  })

  test('gives equal requests to intents by time, whichever record they are in', async () => {
    const again = { ...intent, exchange: 'e2', at: 2_000_000 }
    const report = await checkTwo(
      recordOf(again, { ...outcome, exchange: 'e2' }),
      recordOf(intent, outcome),
      [received, { ...received, order: 2, at: 2_000_500 }],
      [answer, { ...answer, exchange: 'e2' }],
    )
    expect(report.violations).toEqual([])
  })

  test.each<[string, StoredFact[], StoredFact[], string]>([
    ['an intent missing in the first', [], recordOf(laterIntent, laterOutcome), 'CA request 1'],
    ['an intent missing in the second', recordOf(intent, outcome), [], 'CA request 2'],
    [
      'an outcome missing in the second',
      recordOf(intent, outcome),
      recordOf(laterIntent),
      'answer 201 of e2: no outcome',
    ],
    [
      'an exchange in both',
      recordOf(intent, outcome),
      recordOf(intent, outcome, laterIntent, laterOutcome),
      'e1: in two records',
    ],
    [
      'a fact taken out of the second',
      recordOf(intent, outcome),
      recordOf({ ...intent, exchange: 'e0' }, laterIntent, laterOutcome).slice(1),
      'sequence 2 at place 1',
    ],
    [
      'an outcome whose intent is in the other',
      recordOf(intent, laterIntent, outcome),
      recordOf(laterOutcome),
      'e2: an outcome without an intent before it',
    ],
  ])('%s is found', async (_, a, b, found) => {
    expect((await checkTwo(a, b)).violations.join('\n')).toContain(found)
  })
})
