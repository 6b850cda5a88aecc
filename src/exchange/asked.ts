import { readLeaf } from '../acme/certificate.ts'
import { type CertificateRequest, NAMES_LIMIT, readCertificateRequest } from '../acme/certificate-request.ts'
import type { Identifier } from '../acme/identifier.ts'
import { booleanMember, member } from '../acme/members.ts'
import { certificateOf, csrOf, externalAccountBindingOf, innerJws } from '../acme/payloads.ts'
import { thumbprintOf } from '../acme/thumbprint.ts'
import type { Inspected } from './exchange.ts'

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
}

/** RFC 8555 §7.6. `names` of the certificate, null where it can't be read. */
export interface AskedRevocation {
  readonly kind: 'revocation'
  readonly reason: number | null
  readonly serial: string | null
  readonly names: readonly Identifier[] | null
}

/** UTF-16 code units of one text, lest the record grow beyond what was sent; no such member has that many. */
const TEXT_LIMIT = 1000

/**
 * What this request asks for, by its operation; null for one that is not signed or asks for nothing beyond its URL.
 * It may only be relied on where the request is not ambiguous. Never rejects. Texts are cut at 1,000 characters, lists
 * of names at {@link NAMES_LIMIT}.
 */
export async function askedOf({ operation, inspection }: Inspected): Promise<Asked | null> {
  if (!inspection) return null
  const { payload } = inspection.jws
  switch (operation) {
    case 'newOrder':
      return askedOrder(payload)
    case 'newAuthz':
      return { kind: 'authorization', subdomains: asksForSubdomains(payload) }
    case 'newAccount':
      return askedAccount(payload)
    case 'account':
      // RFC 8555 §6.3: without a payload it only reads.
      return payload === undefined ? null : askedAccount(payload)
    case 'finalize': {
      const der = csrOf(payload)
      return { kind: 'finalize', csr: der && (await readCertificateRequest(der)) }
    }
    case 'revokeCert':
      return askedRevocation(payload)
    case 'keyChange': {
      const key = innerJws(payload)?.jws?.header.jwk
      return { kind: 'keyChange', thumbprint: key ? thumbprintOf(key) : null }
    }
    default:
      return null
  }
}

function askedOrder(payload: unknown): AskedOrder {
  return {
    kind: 'order',
    profile: textOf(payload, 'profile'),
    notBefore: textOf(payload, 'notBefore'),
    notAfter: textOf(payload, 'notAfter'),
    replaces: textOf(payload, 'replaces'),
  }
}

/** In the identifier, as RFC 9444 §4.1 has it, or beside it: who asks for too much is seen, wherever a server looks. */
function asksForSubdomains(payload: unknown): boolean {
  return [payload, member(payload, 'identifier')].some((place) => {
    const asked = member(place, 'subdomainAuthAllowed')
    return asked !== undefined && asked !== null && asked !== false
  })
}

function askedAccount(payload: unknown): AskedAccount {
  const externalAccount = externalAccountBindingOf(payload)?.jws?.header.kid
  return {
    kind: 'account',
    externalAccount: externalAccount?.slice(0, TEXT_LIMIT) ?? null,
    onlyReturnExisting: booleanMember(payload, 'onlyReturnExisting'),
    status: textOf(payload, 'status'),
  }
}

function askedRevocation(payload: unknown): AskedRevocation {
  const der = certificateOf(payload)
  const leaf = der && readLeaf(der)
  const reason = member(payload, 'reason')
  return {
    kind: 'revocation',
    reason: typeof reason === 'number' ? reason : null,
    serial: leaf ? leaf.serial.slice(0, TEXT_LIMIT) : null,
    names: leaf ? leaf.identifiers.slice(0, NAMES_LIMIT) : null,
  }
}

function textOf(payload: unknown, name: string): string | null {
  const text = member(payload, name)
  return typeof text === 'string' ? text.slice(0, TEXT_LIMIT) : null
}
