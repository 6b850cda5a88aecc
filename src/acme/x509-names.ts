/** Names in certificates and requests: distinguished names (RFC 4514) and the subjectAltName (RFC 5280 §4.2.1.6). */
import { isIP } from 'node:net'
import { contentOf, type Element, inside, OCTET_STRING, oidOf, readAll, SEQUENCE, SET } from './der.ts'
import type { Identifier } from './identifier.ts'

export const COMMON_NAME = '2.5.4.3'
export const SUBJECT_ALT_NAME = '2.5.29.17'

/** RFC 4514 §3: the short names every reader must know; any other type is its dotted number. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.6': 'C',
  '2.5.4.9': 'STREET',
  '0.9.2342.19200300.100.1.25': 'DC',
  '0.9.2342.19200300.100.1.1': 'UID',
}

/** RFC 4514 §2: the last relative name first. Throws DerError. */
export function distinguishedName(name: Element | undefined): string {
  return inside(name, SEQUENCE)
    .reverse()
    .map((relative) => inside(relative, SET).map(attributeText).join('+'))
    .join(',')
}

/** The last common name; null without one. Throws DerError. */
export function commonNameOf(name: Element | undefined): string | null {
  let found: string | null = null
  for (const relative of inside(name, SEQUENCE)) {
    for (const attribute of inside(relative, SET)) {
      const [type, value] = inside(attribute, SEQUENCE)
      if (oidOf(type) === COMMON_NAME && value) found = textOf(value) ?? found
    }
  }
  return found
}

function attributeText(attribute: Element): string {
  const [type, value] = inside(attribute, SEQUENCE)
  const oid = oidOf(type)
  const short = SHORT_NAMES[oid]
  const text = short === undefined || !value ? null : textOf(value)
  // RFC 4514 §2.4: what has no string form is the hexadecimal of its DER.
  if (short === undefined || text === null) return `${oid}=#${value?.whole.toString('hex') ?? ''}`
  return `${short}=${escaped(text)}`
}

/** RFC 4514 §2.4. */
function escaped(text: string): string {
  return text
    .replace(/["+,;<>\\]/g, '\\$&')
    .replaceAll('\0', '\\00')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ')
}

/** A string of one of ASN.1's string types; null for any other. */
export function textOf({ tag, content }: Element): string | null {
  switch (tag) {
    case 0x0c:
      return content.toString('utf8')
    case 0x12:
    case 0x13:
    case 0x14:
    case 0x16:
    case 0x1a:
      return content.toString('latin1')
    case 0x1e:
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : null
    default:
      return null
  }
}

/** Identifiers of the subjectAltName among these Extensions; null where there is none. Throws DerError. */
export function alternativeNames(extensions: readonly Element[]): Identifier[] | null {
  const value = extensionValue(extensions, SUBJECT_ALT_NAME)
  if (value === null) return null
  const names: Identifier[] = []
  for (const { tag, content } of inside(readAll(value)[0], SEQUENCE)) {
    if (tag === 0x82) names.push({ type: 'dns', value: content.toString('latin1').toLowerCase() })
    if (tag === 0x87) {
      const address = addressText(content)
      if (address !== null) names.push({ type: 'ip', value: address })
    }
  }
  return names
}

/** The bytes inside an extension's OCTET STRING; null where it is not there. Throws DerError. */
export function extensionValue(extensions: readonly Element[], oid: string): Buffer | null {
  for (const extension of extensions) {
    const parts = inside(extension, SEQUENCE)
    if (oidOf(parts[0]) === oid) return contentOf(parts.at(-1), OCTET_STRING)
  }
  return null
}

/** What a common name stands for where it is the only name: an address as RFC 8738 has it, or a DNS name. */
export function identifierOfCommonName(text: string): Identifier {
  return isIP(text) === 0
    ? { type: 'dns', value: text.toLowerCase() }
    : { type: 'ip', value: text.toLowerCase() }
}

/** RFC 5952 for IPv6; null for what is no address. */
export function addressText(bytes: Buffer): string | null {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return null
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  return URL.parse(`http://[${groups.join(':')}]`)?.hostname.slice(1, -1) ?? null
}
