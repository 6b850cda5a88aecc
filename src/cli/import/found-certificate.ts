/**
 * src/cli/import reads certificates from the files of ACME clients and others, so that the inventory is useful before
 * the first renewal. Only certificates leave this folder, each written anew from its DER; keys that lie in the same
 * file are passed over, and files that are named as keys are not opened. Start at read-certificate-files.ts.
 */
export type CertificateFormat =
  | 'certbot'
  | 'lego'
  | 'acme.sh'
  | 'dehydrated'
  | 'caddy'
  | 'uacme'
  | 'pem'
  | 'kubernetes'
  | 'csv'

/** Where a certificate was found, as far as the files tell. */
export interface Origin {
  /** The file, or `namespace/name`, or the row. */
  readonly path: string
  readonly format: CertificateFormat
  /** URL under which the client's files name the CA: its directory, or an object of it. */
  readonly authority?: string | null
  /** The CA by its name in the configuration, where the files say that. */
  readonly ca?: string | null
  /** The machine, where it is not the one that was named for all. */
  readonly host?: string
  readonly unmanaged?: boolean
}

export interface FoundCertificate {
  /** PEM: the leaf, then what certifies it. */
  readonly pem: string
  /** SHA-256 of the leaf, hex. */
  readonly fingerprint: string
  readonly names: readonly string[]
  /** µs since 1970. */
  readonly notAfter: number
  readonly path: string
  readonly format: CertificateFormat
  readonly ca: string | null
  readonly host: string
  readonly unmanaged: boolean
}
