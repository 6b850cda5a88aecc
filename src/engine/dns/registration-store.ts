/** A name below the responder's zone that an acme-dns client may set, and the digest of what it must know for that. */
export interface DnsRegistration {
  /** One label below the zone, a UUID: the target of somebody's CNAME. */
  readonly subdomain: string
  readonly username: string
  /** SHA-256 of the password, hex. The password is 240 random bits and is told once. */
  readonly passwordDigest: string
  /** Networks (CIDR) it may be set from; empty: from everywhere. */
  readonly allowFrom: readonly string[]
  /** TXT values, newest first: at most two, since a name and its wildcard are validated at the same time. */
  readonly values: readonly string[]
  /** µs since 1970. */
  readonly createdAt: number
  /** When a value was set last; null before the first. */
  readonly updatedAt: number | null
}

/** Every write is durable when its promise resolves, and rejects where it is not. */
export interface DnsRegistrationStore {
  registrations(): Promise<readonly DnsRegistration[]>
  /** Rejects where there is one with this subdomain or user name. */
  addRegistration(registration: DnsRegistration): Promise<void>
  /** Rejects where there is none with this subdomain. */
  putRegistration(registration: DnsRegistration): Promise<void>
  /** Resolves too where there is none. */
  removeRegistration(subdomain: string): Promise<void>
}
