/** draft-ietf-acme-dns-persist: one TXT record that lets one account of one CA issue for a name as long as it stays. */

export interface PersistWanted {
  /** Issuer domain name of the CA: one of the challenge's `issuer-domain-names`. */
  readonly issuer: string
  readonly accountUrl: string
  /** For `*.` and for names below. */
  readonly wildcard: boolean
  /** Seconds since 1970; null: for good. */
  readonly persistUntil: number | null
}

/** Of the validated name, without `*.`. */
export function persistRecordName(name: string): string {
  return `_validation-persist.${name.toLowerCase().replace(/^\*\./, '').replace(/\.$/, '')}`
}

/** The value of the TXT record, as one text. */
export function persistRecordValue({ issuer, accountUrl, wildcard, persistUntil }: PersistWanted): string {
  return [
    issuer,
    `accounturi=${accountUrl}`,
    ...(wildcard ? ['policy=wildcard'] : []),
    ...(persistUntil === null ? [] : [`persistUntil=${persistUntil}`]),
  ].join('; ')
}

/** As a line of a zone file: strings of at most 255 bytes (RFC 1035 §3.3.14), which together are the value. */
export function persistRecord(name: string, wanted: PersistWanted): string {
  const strings = persistRecordValue(wanted).match(/.{1,255}/g) ?? []
  return `${persistRecordName(name)}. IN TXT ${strings.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(' ')}`
}
