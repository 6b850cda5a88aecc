import type { CertificateRequest } from '../acme/certificate-request.ts'
import type { Identifier } from '../acme/identifier.ts'

/**
 * What a signed request asks for beyond its identifiers, read once from its payload. It is part of the intent, so that
 * a policy can judge the request again later without parsing anything. Personal values (contacts) are not in it.
 */
export type Asked =
  | AskedOrder
  | AskedAuthorization
  | AskedAccount
  | { readonly kind: 'finalize'; readonly csr: CertificateRequest | null }
  | AskedRevocation
  /** RFC 8555 §7.3.5; `thumbprint` (RFC 7638) of the new key, null where it can't be read. */
  | { readonly kind: 'keyChange'; readonly thumbprint: string | null }

/** RFC 8555 §7.4 and its extensions. Times as written. */
export interface AskedOrder {
  readonly kind: 'order'
  readonly profile: string | null
  readonly notBefore: string | null
  readonly notAfter: string | null
  /** RFC 9773 §5. */
  readonly replaces: string | null
}

/** RFC 8555 §7.4.1. `subdomains`: RFC 9444 §4.1, the authorization is to hold for everything below the name. */
export interface AskedAuthorization {
  readonly kind: 'authorization'
  readonly subdomains: boolean
}

/** RFC 8555 §7.3. */
export interface AskedAccount {
  readonly kind: 'account'
  /** Key id of the external account binding (§7.3.4). */
  readonly externalAccount: string | null
  readonly onlyReturnExisting: boolean
  /** `deactivated` and the like, of an update (§7.3.6). */
  readonly status: string | null
  /** How many contacts an update is to put in the place of those that are there (§7.3.2); absent where it leaves them. */
  readonly contacts?: number
}

/** RFC 8555 §7.6. `names` of the certificate, null where it can't be read. */
export interface AskedRevocation {
  readonly kind: 'revocation'
  readonly reason: number | null
  readonly serial: string | null
  readonly names: readonly Identifier[] | null
}
