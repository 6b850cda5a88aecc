/** The certificate register: one row for each certificate, for auditors and other programs. */
import type { InventoriedCertificate } from '../audit/inventory/certificate.ts'
import { type Cell, csvRecord } from './csv.ts'

interface Column {
  readonly name: string
  readonly says: string
  readonly cell: (certificate: InventoriedCertificate, now: string) => Cell
}

/** Released columns keep their name and place; new ones come at the end. */
export const REGISTER_COLUMNS: readonly Column[] = [
  { name: 'fingerprint', says: 'SHA-256 of the certificate, hex', cell: (one) => one.fingerprint },
  { name: 'serial', says: 'Serial number, hex', cell: (one) => one.serial },
  {
    name: 'identifiers',
    says: 'Names and addresses it is for, separated by spaces',
    cell: (one) => one.identifiers.map(({ value }) => value).join(' '),
  },
  { name: 'common_name', says: 'Common name, where it has one', cell: (one) => one.commonName },
  { name: 'issuer', says: 'Distinguished name of its issuer (RFC 4514)', cell: (one) => one.issuer },
  { name: 'not_before', says: 'Begin of validity', cell: (one) => one.notBefore },
  { name: 'not_after', says: 'End of validity', cell: (one) => one.notAfter },
  { name: 'state', says: 'valid, expired, revoked or replaced, when it was exported', cell: stateOf },
  { name: 'key_type', says: 'RSA, P-256, P-384 …', cell: (one) => one.keyType },
  { name: 'key_bits', says: 'Size of its key', cell: (one) => one.keyBits },
  { name: 'spki', says: 'SHA-256 of its public key, hex', cell: (one) => one.spki },
  { name: 'ca', says: 'CA, as the configuration names it', cell: (one) => one.ca },
  { name: 'account', says: 'URL of the account that ordered it', cell: (one) => one.account?.url ?? null },
  { name: 'order', says: 'Id of its order', cell: (one) => one.order },
  { name: 'client', says: 'Id of the client', cell: (one) => one.client },
  { name: 'profile', says: 'Profile of its order', cell: (one) => one.profile },
  { name: 'ari_id', says: 'Identifier for renewal information (RFC 9773 §4.1)', cell: (one) => one.ariId },
  { name: 'replaces', says: 'Fingerprint of the one before it', cell: (one) => one.replaces },
  { name: 'replaced_by', says: 'Fingerprint of the one after it', cell: (one) => one.replacedBy },
  { name: 'revoked_at', says: 'When it was revoked', cell: (one) => one.revokedAt },
  { name: 'revocation_reason', says: 'Reason code (RFC 5280 §5.3.1)', cell: (one) => one.revocationReason },
  { name: 'source', says: 'observed or imported', cell: (one) => one.source },
  { name: 'imported_host', says: 'Machine it was found on', cell: (one) => one.imported?.host ?? null },
  { name: 'imported_path', says: 'File it was found in', cell: (one) => one.imported?.path ?? null },
  { name: 'unmanaged', says: 'Known by imports only', cell: (one) => one.imported?.unmanaged ?? null },
  { name: 'exchange', says: 'Id of the exchange that delivered it', cell: (one) => one.exchange },
  { name: 'first_seen', says: 'When acmetap first saw it', cell: (one) => one.firstSeen },
]

export function registerHeader(): string {
  return csvRecord(REGISTER_COLUMNS.map(({ name }) => name))
}

/** `now`: RFC 3339, the moment the state is told for. */
export function registerRow(certificate: InventoriedCertificate, now: string): string {
  return csvRecord(REGISTER_COLUMNS.map(({ cell }) => cell(certificate, now)))
}

function stateOf({ revokedAt, replacedBy, notAfter }: InventoriedCertificate, now: string): string {
  if (revokedAt !== null) return 'revoked'
  if (notAfter <= now) return 'expired'
  return replacedBy === null ? 'valid' : 'replaced'
}
