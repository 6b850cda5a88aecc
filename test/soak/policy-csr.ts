import { baseRequests } from '../support/csr/base-requests.ts'
import { type CsrCase, runCsrDifferential } from '../support/csr/differential.ts'
import { MUTATIONS } from '../support/csr/mutations.ts'
import { randomCase } from '../support/csr/random-requests.ts'
import { random, type Soak } from './soak.ts'

export const policyCsr: Soak = {
  proves: 'no CSR passes for an order that openssl or Pebble would take for other names (threat J17)',
  unit: 'CSRs',
  size: 3000,
  async run({ size, seed, progress }) {
    const bases = baseRequests()
    const table = MUTATIONS.flatMap((mutation) =>
      bases.flatMap((base): CsrCase[] => {
        const der = mutation.make(base)
        return der ? [{ name: mutation.name, base, der, fine: mutation.fine }] : []
      }),
    )
    const next = random(seed)
    const made = Array.from({ length: Math.max(size - table.length, 0) }, (_, at) =>
      randomCase(bases, at, next),
    )
    const cases = [...table, ...made].slice(0, size)
    const result = await runCsrDifferential(cases, (done) => progress(`${done} CSRs`))
    const { bypasses, mistaken } = result
    const failures = [...bypasses, ...mistaken.map((each) => `mistaken: ${each}`)].slice(0, 20)
    if (result.issued === 0 || result.refusedAndIssued === 0)
      failures.push('the CA issued nothing: the comparison says nothing')
    return {
      figures: {
        CSRs: result.cases,
        'of a table': Math.min(table.length, size),
        accepted: result.accepted,
        'accepted, and Pebble issued': result.issued,
        refused: result.refused,
        'refused, and Pebble would have issued': result.refusedAndIssued,
        'of these for other names than the order': result.refusedAndIssuedForOthers,
        'refused, and openssl finds nothing wrong': result.refusedAndVerified,
        bypasses: bypasses.length,
        mistaken: mistaken.length,
      },
      failures,
      late: [],
    }
  },
}
