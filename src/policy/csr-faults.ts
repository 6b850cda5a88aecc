import type { CertificateRequest } from '../acme/certificate-request.ts'
import type { Identifier } from '../acme/identifier.ts'
import { isFault, normalise } from './names/normalise.ts'

/** Names of one kind that are named; of the others, how many. */
const NAMED = 3

/**
 * Why a finalize with this CSR (null: it can't be read) may not pass, one line each: it can be read in more than one way,
 * or its names are not exactly the order's (RFC 8555 §7.4), upper and lower case aside. Its common names are among its
 * own names, or that is a fault. `identifiers` undefined: the order is not known, and not compared with.
 */
export function csrFaults(
  csr: CertificateRequest | null,
  identifiers: readonly Identifier[] | undefined,
): readonly string[] {
  if (csr === null) return ['the CSR cannot be read']
  const faults = csr.faults.map((fault) => `the CSR is refused: ${fault}`)
  const asked = keysOf(csr.names)
  if (asked.faults.length > 0) faults.push(`the CSR has a name that is refused: ${few(asked.faults)}`)
  if (identifiers === undefined) return faults
  const ordered = keysOf(identifiers)
  if (ordered.faults.length > 0) faults.push(`the order has a name that is refused: ${few(ordered.faults)}`)
  const excess = [...asked.keys].filter((key) => !ordered.keys.has(key))
  const missing = [...ordered.keys].filter((key) => !asked.keys.has(key))
  if (excess.length > 0) faults.push(`the CSR names what the order does not: ${few(excess)}`)
  if (missing.length > 0) faults.push(`the order names what the CSR does not: ${few(missing)}`)
  return faults
}

/** One text for each name that two readers take for the same: no address is spelt like a DNS name. */
function keysOf(identifiers: readonly Identifier[]) {
  const keys = new Set<string>()
  const faults: string[] = []
  for (const identifier of identifiers) {
    const name = normalise(identifier)
    if (isFault(name)) faults.push(name.fault)
    else keys.add(name.covers === 'wildcard' ? `*.${name.value}` : name.value)
  }
  return { keys, faults }
}

function few(names: readonly string[]): string {
  const more = names.length - NAMED
  return names.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
