import { decodeBase64url } from './base64url.ts'
import type { Identifier } from './identifier.ts'
import { asObject } from './json.ts'
import { type JwsReading, looksLikeJws, readInnerJws } from './jws.ts'
import type { Operation } from './operation.ts'

/**
 * What a payload asks for. Lenient: the readers return what is there and never throw, whatever a client sent.
 * They may only be relied on where the request is not ambiguous.
 */

/**
 * RFC 8555 §7.4 (`identifiers`, newOrder) and §7.4.1 (`identifier`, newAuthz), as written and as often as written.
 * Without the operation, both: a policy that sees a name too many is safe, one that sees too few is not. For the same
 * reason nothing that stands where an identifier should is left out: what is none has its JSON text for a value, and no
 * type where it has none, so that nobody takes it for a name that can be judged.
 */
export function identifiersOf(payload: unknown, operation?: Operation): Identifier[] {
  const members = asObject(payload)
  if (!members) return []
  const several = operation === 'newAuthz' ? undefined : members.identifiers
  const single = operation === 'newOrder' ? undefined : members.identifier
  const candidates: readonly unknown[] = Array.isArray(several) ? [...several, single] : [several, single]
  return candidates.filter((candidate) => candidate !== undefined).map(identifierOf)
}

function identifierOf(candidate: unknown): Identifier {
  const { type, value } = asObject(candidate) ?? {}
  if (value === undefined) return { type: '', value: written(candidate) }
  return { type: written(type), value: written(value) }
}

/** A string as it is, anything else as JSON. */
function written(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** RFC 8555 §7.3: contact URLs; empty where there are none. A lone string, which no CA has to take, counts too. */
export function contactsOf(payload: unknown): string[] {
  const contact = asObject(payload)?.contact
  const contacts: readonly unknown[] = Array.isArray(contact) ? contact : [contact]
  return contacts.filter((url) => typeof url === 'string')
}

/** RFC 8555 §7.3.5: the JWS that the payload of a keyChange is; null for any other payload. */
export function innerJws(payload: unknown): JwsReading | null {
  const members = asObject(payload)
  return members && looksLikeJws(members) ? readInnerJws(members, 'payload') : null
}

/** RFC 8555 §7.3.4: the binding in the payload of a newAccount; null where there is none. */
export function externalAccountBindingOf(payload: unknown): JwsReading | null {
  const binding = asObject(payload)?.externalAccountBinding
  return binding === undefined || binding === null
    ? null
    : readInnerJws(binding, 'payload.externalAccountBinding')
}

/** RFC 8555 §7.6: DER of the certificate to revoke. */
export function certificateOf(payload: unknown): Buffer | null {
  return bytesOf(payload, 'certificate')
}

/** RFC 8555 §7.4: DER of the CSR to finalize with. */
export function csrOf(payload: unknown): Buffer | null {
  return bytesOf(payload, 'csr')
}

/** RFC 9773 §5: the ARI identifier of the certificate that the order replaces. */
export function replacesOf(payload: unknown): string | null {
  return textOf(payload, 'replaces')
}

/** draft-ietf-acme-profiles §4: the profile the order asks for. */
export function profileOf(payload: unknown): string | null {
  return textOf(payload, 'profile')
}

function textOf(payload: unknown, name: string): string | null {
  const value = asObject(payload)?.[name]
  return typeof value === 'string' ? value : null
}

function bytesOf(payload: unknown, name: string): Buffer | null {
  const text = textOf(payload, name)
  const bytes = text === null ? null : decodeBase64url(text)
  return bytes?.length ? bytes : null
}
