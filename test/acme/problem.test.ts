import { expect, test } from 'vitest'
import { AcmeProblem, MOST_SUBPROBLEMS } from '../../src/acme/problem.ts'

const names = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    problem: 'rejectedIdentifier' as const,
    detail: `no to ${index}`,
    identifier: { type: 'dns', value: `n${index}.example.com` },
  }))

test('a document says which identifiers were refused, in the words of RFC 8555 §6.7.1', () => {
  const problem = new AcmeProblem('rejectedIdentifier', 'no', { subproblems: names(2) })
  expect(problem.document()).toEqual({
    type: 'urn:ietf:params:acme:error:rejectedIdentifier',
    detail: 'no',
    status: 403,
    subproblems: [
      {
        type: 'urn:ietf:params:acme:error:rejectedIdentifier',
        detail: 'no to 0',
        identifier: { type: 'dns', value: 'n0.example.com' },
      },
      {
        type: 'urn:ietf:params:acme:error:rejectedIdentifier',
        detail: 'no to 1',
        identifier: { type: 'dns', value: 'n1.example.com' },
      },
    ],
  })
})

test('a document without subproblems has no such member, and one of many names holds the first hundred', () => {
  expect(new AcmeProblem('malformed', 'no').document()).not.toHaveProperty('subproblems')
  const { subproblems } = new AcmeProblem('malformed', 'no', { subproblems: names(150) }).document()
  expect(subproblems).toHaveLength(MOST_SUBPROBLEMS)
  expect(subproblems?.at(-1)?.identifier.value).toBe('n99.example.com')
})
