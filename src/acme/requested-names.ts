/** The names a request for a certificate asks for, read strictly (RFC 5280 §4.2.1.6). */
import { isIP } from 'node:net'
import { type Element, inside, oidOf, readFirst, SEQUENCE, SET } from './der.ts'
import type { Identifier } from './identifier.ts'
import { addressText, COMMON_NAME, identifierOfCommonName, textOf } from './x509-names.ts'

/** Names of one request that are read: ten times what any public CA takes. */
export const NAMES_LIMIT = 1000
/** X.520: `ub-common-name`, in characters. */
const COMMON_NAME_LIMIT = 64
const COMMON_NAMES_LIMIT = 20
const TEXT_LIMIT = 256

/** By tag: kinds of GeneralName that are neither a DNS name nor an address. */
const OTHER_KINDS: Readonly<Record<number, string>> = {
  160: 'otherName',
  129: 'email',
  163: 'x400',
  164: 'directoryName',
  165: 'ediParty',
  134: 'uri',
  136: 'registeredId',
}

/** Tags of what a subject is written in (RFC 5280 §4.1.2.4, X.520), addresses and numbers of things included. */
const TEXTS: ReadonlySet<number> = new Set([0x0c, 0x12, 0x13, 0x14, 0x16, 0x1c, 0x1e])

export interface AlternativeNames {
  readonly names: readonly Identifier[]
  readonly otherNames: readonly string[]
  readonly faults: readonly string[]
}

/** `value`: what stands in the extension's OCTET STRING. Throws DerError. */
export function strictAlternativeNames(value: Buffer): AlternativeNames {
  const list = readFirst(value)
  const faults: string[] = []
  if (list.whole.length !== value.length) faults.push('bytes after the subjectAltName')
  const found = inside(list, SEQUENCE)
  if (found.length === 0) faults.push('its subjectAltName is empty')
  if (found.length > NAMES_LIMIT)
    faults.push(`it asks for ${found.length} names; no more than ${NAMES_LIMIT} are looked at`)
  const names: Identifier[] = []
  const otherNames = new Set<string>()
  const seen = new Set<string>()
  for (const { tag, content } of found.slice(0, NAMES_LIMIT)) {
    const name = tag === 0x82 ? dnsName(content, faults) : tag === 0x87 ? addressName(content, faults) : null
    if (name) {
      const key = `${name.type}:${name.value.toLowerCase()}`
      if (seen.has(key)) faults.push(`the name ${shown(name.value)} stands in it twice`)
      seen.add(key)
      names.push(name)
    } else if (tag !== 0x87) {
      const kind = OTHER_KINDS[tag]
      if (kind === undefined) faults.push(`its subjectAltName has a name of tag ${tag}, which there is not`)
      else otherNames.add(kind)
    }
  }
  for (const kind of otherNames)
    faults.push(`its subjectAltName has a name of kind ${kind}; ACME has DNS names and addresses`)
  return { names, otherNames: [...otherNames], faults }
}

function dnsName(bytes: Buffer, faults: string[]): Identifier {
  if (bytes.length === 0) faults.push('its subjectAltName has an empty name')
  if (!isPrintable(bytes)) faults.push(`the name ${shown(bytes.toString('latin1'))} is not printable ASCII`)
  return { type: 'dns', value: printable(bytes.toString('latin1')) }
}

function addressName(bytes: Buffer, faults: string[]): Identifier | null {
  const address = addressText(bytes)
  if (address === null) faults.push(`its subjectAltName has an address of ${bytes.length} bytes`)
  return address === null ? null : { type: 'ip', value: address }
}

export interface CommonNames {
  readonly commonNames: readonly string[]
  readonly faults: readonly string[]
}

/** Of a subject, and whether they are among `names`, as CAs have them in the certificate's names. Throws DerError. */
export function strictCommonNames(subject: Element | undefined, names: readonly Identifier[]): CommonNames {
  const faults: string[] = []
  const commonNames: string[] = []
  const known = new Set(names.map(keyOf))
  for (const attribute of inside(subject, SEQUENCE).flatMap((relative) => inside(relative, SET))) {
    const [type, value, ...more] = inside(attribute, SEQUENCE)
    if (!value || more.length > 0) faults.push('its subject has an attribute that is no type with a value')
    if (value && !TEXTS.has(value.tag)) faults.push('its subject has an attribute that is no text')
    if (oidOf(type) !== COMMON_NAME || !value) continue
    const text = textOf(value)
    if (text === null || text.includes('\ufffd')) faults.push('its common name is no text')
    else commonNames.push(printable(text).slice(0, TEXT_LIMIT))
    if (text !== null) faults.push(...commonNameFaults(text, known))
  }
  if (commonNames.length > 1) faults.push(`it has ${commonNames.length} common names`)
  return { commonNames: commonNames.slice(0, COMMON_NAMES_LIMIT), faults }
}

function commonNameFaults(text: string, known: ReadonlySet<string>): string[] {
  const faults: string[] = []
  if ([...text].length > COMMON_NAME_LIMIT)
    faults.push(`its common name is longer than ${COMMON_NAME_LIMIT} characters`)
  if (printable(text) !== text) faults.push(`its common name ${shown(text)} is not printable ASCII`)
  if (!known.has(keyOf(identifierOfCommonName(text))))
    faults.push(`its common name ${shown(text)} is not among the names of its subjectAltName`)
  return faults
}

function keyOf({ type, value }: Identifier): string {
  if (type !== 'ip' || isIP(value) !== 6) return `${type}:${lowered(value)}`
  return `ip:${URL.parse(`http://[${value}]`)?.hostname.slice(1, -1) ?? value}`
}

/** ASCII alone: U+212A must not become a k. */
function lowered(text: string): string {
  return text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
}

function isPrintable(bytes: Buffer): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
}

/** What is not printable is a `?`, which no name has: one byte stays one, in the record too. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?')
}

function shown(text: string): string {
  const line = printable(text)
  return `"${line.length > 80 ? `${line.slice(0, 80)}…` : line}"`
}
