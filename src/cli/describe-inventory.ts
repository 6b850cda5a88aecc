/** What people want to know of the inventory's objects, in a few words each. Nothing here is escaped yet. */
import type { InventoriedCertificate } from '../audit/inventory/certificate.ts'
import { clientText as textOf } from '../audit/inventory/client-text.ts'
import type { Failure } from '../audit/inventory/failure.ts'

interface Identified {
  readonly identifiers: readonly { readonly value: string }[]
}

/** `www.example.com`, or `www.example.com +3`: the first tells most, the number that there are others. */
export function namesText({ identifiers }: Identified): string {
  return shortNames(identifiers.map(({ value }) => value))
}

export function shortNames(names: readonly string[]): string {
  const [first, ...others] = names
  if (first === undefined) return '-'
  return others.length === 0 ? first : `${first} +${others.length}`
}

/** As {@link textOf} says it; a dash for none. */
export function clientText(client: Parameters<typeof textOf>[0] | null): string {
  return client === null ? '-' : textOf(client)
}

/** What failed: a challenge by its type, else the operation. */
export function whatText({ challengeType, operation }: Pick<Failure, 'challengeType' | 'operation'>): string {
  return challengeType ?? operation
}

export type CertificateState = 'valid' | 'expired' | 'revoked' | 'replaced'

/** At a moment in µs since 1970; what was revoked stays that. */
export function stateOf(
  { notAfter, revokedAt, replacedBy }: Pick<InventoriedCertificate, 'notAfter' | 'revokedAt' | 'replacedBy'>,
  now: number,
): CertificateState {
  const millis = now / 1000
  if (revokedAt !== null && Date.parse(revokedAt) <= millis) return 'revoked'
  if (Date.parse(notAfter) <= millis) return 'expired'
  return replacedBy === null ? 'valid' : 'replaced'
}

/** The common name of a distinguished name (RFC 4514), or all of it where it has none. */
export function issuerText(name: string): string {
  const found = /(?:^|[,+]\s*)CN=((?:\\.|[^,+\\])+)/i.exec(name)
  return found === null ? name : found[1]!.replace(/\\(.)/g, '$1')
}

export function keyText({ keyType, keyBits }: Pick<InventoriedCertificate, 'keyType' | 'keyBits'>): string {
  if (keyType === null) return '-'
  return keyType === 'RSA' && keyBits !== null ? `RSA ${keyBits}` : keyType
}
