/** What a local CA signed. Its serial is durable before the certificate leaves, so that it can always be revoked. */
export interface LocalCertificate {
  /** Name under `local_cas`. */
  readonly ca: string
  /** Which of that CA's issuers signed it: 1, 2 … */
  readonly generation: number
  /** Lower-case hex without leading zeros. Unique within the CA. */
  readonly serial: string
  /** Id of the broker's order. Unique within the CA: an order has one certificate, however often it is finalized. */
  readonly order: string
  /** DER. */
  readonly certificate: Buffer
  /** µs since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly issuedAt: number
  /** µs since 1970; null where it was not revoked. */
  readonly revokedAt: number | null
  /** RFC 5280 §5.3.1; null where it was not revoked. */
  readonly reason: number | null
}

/** One line of a revocation list. */
export type RevokedSerial = Pick<LocalCertificate, 'serial'> & {
  readonly revokedAt: number
  readonly reason: number
}

/** The last revocation list of an issuer (RFC 5280 §5). */
export interface LocalCrl {
  readonly ca: string
  readonly generation: number
  /** RFC 5280 §5.2.3: grows with every list of the issuer. */
  readonly number: number
  /** DER. */
  readonly list: Buffer
  /** µs since 1970. */
  readonly thisUpdate: number
  readonly nextUpdate: number
}

/**
 * What local CAs must not forget. Kept beside the broker's objects: one database, one backup. Every write is durable when
 * its promise resolves. Names begin with `local`, since one object implements this and BrokerStore.
 */
export interface LocalCaStore {
  /** Adds it, unless the order has one already: the one that is there then is what resolves. Rejects for a serial that is used. */
  addLocalCertificate(certificate: LocalCertificate): Promise<LocalCertificate>
  localCertificate(ca: string, serial: string): Promise<LocalCertificate | null>
  /** Newest first (`issuedAt`, then serial); for people. */
  localCertificates(filter: {
    readonly ca?: string
    readonly revoked?: boolean
    readonly limit: number
  }): Promise<readonly LocalCertificate[]>
  /** Null: there is no such certificate. An earlier revocation stays as it is. */
  revokeLocalCertificate(
    ca: string,
    serial: string,
    at: number,
    reason: number,
  ): Promise<'revoked' | 'alreadyRevoked' | null>
  /** Of this issuer: those revoked whose `notAfter` is after `endsAfter`, by serial. */
  localRevoked(ca: string, generation: number, endsAfter: number): Promise<readonly RevokedSerial[]>
  localCrl(ca: string, generation: number): Promise<LocalCrl | null>
  /** In place of the last. False, and nothing changed, unless its number is the last one's plus one (1 where there is none). */
  putLocalCrl(crl: LocalCrl): Promise<boolean>
  /** The latest end of what this issuer signed, µs since 1970; null: it signed nothing. */
  localLastEnd(ca: string, generation: number): Promise<number | null>
  /** Forgets certificates that ended before `before`. How many. */
  pruneLocal(before: number): Promise<number>
}
