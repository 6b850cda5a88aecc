import { PROBLEM_TYPES, problemShortName } from '../acme/problem-types.ts'
import { readProblem } from '../acme/response-objects.ts'
import type { Completed } from '../exchange/exchange.ts'
import { parseJson } from '../exchange/parse-json.ts'

/** Type of the problem document an exchange ended with, out of a closed set: a CA may send anything. Null for none. */
export function problemLabel({ outcome }: Completed): string | null {
  if (outcome.kind !== 'response') return bounded(outcome.problem.type)
  if (outcome.response.status < 400) return null
  return bounded(readProblem(parseJson(outcome.response.decoded)).type ?? '')
}

function bounded(urn: string): string {
  const name = problemShortName(urn)
  return Object.hasOwn(PROBLEM_TYPES, name) ? name : 'other'
}
