import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { EndpointState } from '../endpoint.ts'
import type { Served } from './served-certificate.ts'

const DAY = 86_400_000
/**
 * A place may have a certificate for each type of key, which are renewed within days of each other: then the one that is
 * not served is no successor. A change of the type shows by more than this. ms.
 */
const PAIRED = 7 * DAY
const MOST = 100
/** Let's Encrypt names the issuers of its staging environment so. */
const FOR_TESTS = '(STAGING)'

/** The newest current certificate for exactly the served names that ought to be served instead; null without one. */
export async function newerThan(
  { certificate, names, keyType }: Served,
  inventory: Pick<InventoryReader, 'certificates' | 'certificate'>,
): Promise<EndpointState['newer']> {
  const [name] = names
  if (name === undefined) return null
  const known = await inventory.certificate(certificate.fingerprint)
  const served = { ...certificate, names, keyType, ca: known?.ca ?? null }
  const filter = { name: { kind: 'exact' as const, value: name }, state: 'valid' as const, limit: MOST }
  const { items } = await inventory.certificates(filter)
  const [newest] = items
    .filter((one) => isSuccessor(one, served))
    .sort((one, other) => other.notBefore.localeCompare(one.notBefore))
  return newest === undefined
    ? null
    : { fingerprint: newest.fingerprint, serial: newest.serial, firstSeen: newest.firstSeen }
}

type Comparable = Omit<NonNullable<EndpointState['served']>, 'names'> & {
  readonly names: readonly string[]
  readonly keyType: string | null
  readonly ca: string | null
}

function isSuccessor(one: InventoriedCertificate, served: Comparable): boolean {
  if (one.fingerprint === served.fingerprint) return false
  // A certificate of a CA for tests takes no other's place, also where nobody knows which CA the served one is of.
  if (one.ca !== null && served.ca !== null && one.ca !== served.ca) return false
  if (one.issuer.includes(FOR_TESTS) && !served.issuer.includes(FOR_TESTS)) return false
  const later = Date.parse(one.notBefore) - Date.parse(served.notBefore)
  const least = one.keyType === served.keyType ? 0 : PAIRED
  return later > least && isSameSet(namesOf(one), served.names)
}

function namesOf({ identifiers }: InventoriedCertificate): string[] {
  return identifiers.map(({ value }) => value.toLowerCase())
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  const set = new Set(one)
  return set.size === new Set(other).size && other.every((value) => set.has(value.toLowerCase()))
}
