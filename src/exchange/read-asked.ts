import { readLeaf } from '../acme/certificate.ts'
import { NAMES_LIMIT } from '../acme/certificate-request.ts'
import { booleanMember, member } from '../acme/members.ts'
import { certificateOf, contactsOf, externalAccountBindingOf, innerJws } from '../acme/payloads.ts'
import { thumbprintOf } from '../acme/thumbprint.ts'
import type { Asked, AskedAccount, AskedOrder, AskedRevocation } from './asked.ts'
import type { Inspected } from './exchange.ts'
import { requestedCertificate } from './requested-certificate.ts'

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
      return payload === undefined ? null : { ...askedAccount(payload), ...askedContacts(payload) }
    case 'finalize':
      return { kind: 'finalize', csr: await requestedCertificate(payload) }
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

function askedContacts(payload: unknown): Pick<AskedAccount, 'contacts'> {
  const contact = member(payload, 'contact')
  return contact === undefined || contact === null ? {} : { contacts: contactsOf(payload).length }
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

/** What is no string has its JSON text, so that it is not taken for nothing: some reader may see what it means. */
function textOf(payload: unknown, name: string): string | null {
  const value = member(payload, name)
  if (value === undefined || value === null) return null
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.slice(0, TEXT_LIMIT)
}
