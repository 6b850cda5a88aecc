import { createHash } from 'node:crypto'
import type { Attempt } from '../solver.ts'

/**
 * Where the CA looks for the TXT record of an attempt, before aliases. RFC 8555 §8.4; draft-ietf-acme-dns-account-label
 * §3.2 puts a label of the account in front, so that several accounts can each have their own delegation.
 */
export function challengeRecordName({ identifier, type, accountUrl }: Attempt): string {
  const name = `_acme-challenge.${identifier.value.toLowerCase().replace(/\.$/, '')}`
  return type === 'dns-account-01' ? `${accountLabel(accountUrl)}.${name}` : name
}

/** RFC 8555 §8.4: the digest of the key authorization. */
export function challengeRecordValue(keyAuthorization: string): string {
  return createHash('sha256').update(keyAuthorization).digest('base64url')
}

/** `_` and 16 characters: the first 10 bytes of the digest of the account's URL, in base32. */
export function accountLabel(accountUrl: string): string {
  return `_${base32(createHash('sha256').update(accountUrl).digest().subarray(0, 10))}`
}

/** RFC 4648 §6, in lower case; without padding, which 5, 10, … bytes don't need. */
function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{5}/g) ?? [])
    .map((five) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five, 2)])
    .join('')
}
