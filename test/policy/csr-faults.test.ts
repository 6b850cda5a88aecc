import { describe, expect, test } from 'vitest'
import { readCertificateRequest } from '../../src/acme/certificate-request.ts'
import type { Identifier } from '../../src/acme/identifier.ts'
import { csrFaults } from '../../src/policy/csr-faults.ts'
import { baseRequests } from '../support/csr/base-requests.ts'
import { alternativeNames, compose, dns, general } from '../support/csr/compose.ts'
import { type CsrCase, runCsrDifferential } from '../support/csr/differential.ts'
import { MUTATIONS } from '../support/csr/mutations.ts'
import { reasonWithout } from '../support/missing.ts'
import { sequence } from '../support/test-ca/der.ts'

const bases = baseRequests()
const missing = (await reasonWithout('pebble')) ?? (await reasonWithout('openssl'))

/** Every mutation of one base, so that each base has its turn; `npm run soak -- policy-csr` takes all of each. */
function sampled(): CsrCase[] {
  return MUTATIONS.flatMap((mutation, at) => {
    for (let turn = 0; turn < bases.length; turn++) {
      const base = bases[(5 * at + turn) % bases.length]!
      const der = mutation.make(base)
      if (der) return [{ name: mutation.name, base, der, fine: mutation.fine }]
    }
    return []
  })
}

const dnsNames = (...values: string[]) => values.map((value) => ({ type: 'dns', value }))

async function faultsFor(identifiers: readonly Identifier[], names: readonly Buffer[]) {
  const csr = await readCertificateRequest(
    compose(bases[3]!, { subject: sequence(), extensions: [alternativeNames(...names)] }),
  )
  return csrFaults(csr, identifiers)
}

describe('the words', () => {
  test('names too many and too few, three of them by name', async () => {
    expect(await faultsFor(dnsNames('a.test', 'b.test'), [dns('b.test'), dns('c.test')])).toEqual([
      'the CSR names what the order does not: c.test',
      'the order names what the CSR does not: a.test',
    ])
    const many = ['1', '2', '3', '4', '5'].map((digit) => dns(`n${digit}.test`))
    expect(await faultsFor(dnsNames('n1.test'), many)).toEqual([
      'the CSR names what the order does not: n2.test, n3.test, n4.test and 1 more',
    ])
  })

  test('a wildcard is not its parent, and case is nothing', async () => {
    expect(await faultsFor(dnsNames('*.a.test', 'A.test'), [dns('*.A.TEST'), dns('a.test')])).toEqual([])
    expect(await faultsFor(dnsNames('a.test'), [dns('*.a.test')])).toHaveLength(2)
  })

  test('an address is the same in every spelling that is none of a DNS name', async () => {
    const order = [{ type: 'ip', value: '2001:db8::1' }]
    expect(await faultsFor(order, [general('2001:db8::1')])).toEqual([])
    expect((await faultsFor(order, [dns('2001:db8::1')]))[0]).toContain('IP address')
  })

  test('what cannot be read, and an order that is not known', async () => {
    expect(csrFaults(null, dnsNames('a.test'))).toEqual(['the CSR cannot be read'])
    const csr = await readCertificateRequest(bases[3]!.der)
    expect(csrFaults(csr, undefined)).toEqual([])
    expect(csrFaults(csr && { ...csr, faults: ['x'] }, undefined)).toEqual(['the CSR is refused: x'])
  })
})

/** One name among a hundred, at every position: changed, left out, or joined by another. */
test('one bad name among N is found at every position', async () => {
  const base = bases[7]!
  const values = base.identifiers.map(({ value }) => value)
  for (let at = 0; at < values.length; at++) {
    const changed = values.map((value, index) => dns(index === at ? `evil-${value}` : value))
    const csr = await readCertificateRequest(
      compose(base, { subject: sequence(), extensions: [alternativeNames(...changed)] }),
    )
    expect(csr?.faults).toEqual([])
    expect(csrFaults(csr, base.identifiers), `position ${at}`).toEqual([
      `the CSR names what the order does not: evil-${values[at]}`,
      `the order names what the CSR does not: ${values[at]}`,
    ])
  }
})

describe('J17: a CSR and the order it is for', () => {
  test('no mutation passes that openssl or Pebble reads otherwise', { timeout: 120_000 }, async (context) => {
    if (missing !== null) return context.skip(missing)
    const result = await runCsrDifferential(sampled())
    expect(result.bypasses).toEqual([])
    expect(result.mistaken).toEqual([])
    expect(result.cases).toBe(MUTATIONS.length)
    expect(result.issued).toBeGreaterThan(8)
    expect(result.refusedAndIssued).toBeGreaterThan(10)
    expect(result.refusedAndVerified).toBeGreaterThan(10)
  })
})
