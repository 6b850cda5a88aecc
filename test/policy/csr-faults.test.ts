import { describe, expect, test } from 'vitest'
import { baseRequests } from '../support/csr/base-requests.ts'
import { type CsrCase, runCsrDifferential } from '../support/csr/differential.ts'
import { MUTATIONS } from '../support/csr/mutations.ts'
import { reasonWithout } from '../support/missing.ts'

const bases = baseRequests()
const missing = (await reasonWithout('pebble')) ?? (await reasonWithout('openssl'))

/** Every mutation of two bases, so that each base has its turn. */
function sampled(): CsrCase[] {
  return MUTATIONS.flatMap((mutation, at) =>
    [bases[at % bases.length]!, bases[(5 * at + 3) % bases.length]!].flatMap((base): CsrCase[] => {
      const der = mutation.make(base)
      return der ? [{ name: mutation.name, base, der, fine: mutation.fine }] : []
    }),
  )
}

describe('J17: a CSR and the order it is for', () => {
  test('no mutation passes that openssl or Pebble reads otherwise', { timeout: 120_000 }, async (context) => {
    if (missing !== null) return context.skip(missing)
    const result = await runCsrDifferential(sampled())
    expect(result.bypasses).toEqual([])
    expect(result.mistaken).toEqual([])
    expect(result.issued).toBeGreaterThan(20)
    expect(result.refusedAndIssued).toBeGreaterThan(10)
    expect(result.refusedAndVerified).toBeGreaterThan(10)
  })
})
