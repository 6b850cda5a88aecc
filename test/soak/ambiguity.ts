import { ambiguitySoak } from '../support/ambiguity-differential.ts'
import type { Soak } from './soak.ts'

export const ambiguity: Soak = {
  proves: 'a real CA never acts on anything else than what the record says (threats J6, J8, J10)',
  unit: 'requests',
  size: 100_000,
  async run({ size, seed, progress }) {
    const result = await ambiguitySoak(size, seed, (done) => progress(`${done} requests`))
    const { cases, allowed, allowedAndActedOn, refused, refusedAndDifferent, differences } = result
    const failures = differences
      .slice(0, 20)
      .map(({ name, why, body }) => `${name}: ${why}: ${body.slice(0, 300)}`)
    if (cases !== size) failures.push(`${cases} of ${size} requests were made`)
    if (allowedAndActedOn === 0) failures.push('the CA acted on nothing: the comparison says nothing')
    return {
      figures: {
        requests: cases,
        allowed,
        'allowed, and the CA acted': allowedAndActedOn,
        refused,
        'refused, and the CA would have differed': refusedAndDifferent.length,
        differences: differences.length,
      },
      failures,
      late: [],
    }
  },
}
