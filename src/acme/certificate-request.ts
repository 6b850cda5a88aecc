import {
  contentOf,
  type Element,
  INTEGER,
  inside,
  OCTET_STRING,
  oidOf,
  readAll,
  readFirst,
  readOne,
  SEQUENCE,
  SET,
} from './der.ts'
import { derFaults } from './der-faults.ts'
import type { Identifier } from './identifier.ts'
import { publicKeyFacts } from './public-key.ts'
import { checkSignature, type RequestedKey, readRequestedKey } from './requested-key.ts'
import {
  type AlternativeNames,
  NAMES_LIMIT,
  strictAlternativeNames,
  strictCommonNames,
} from './requested-names.ts'
import { SUBJECT_ALT_NAME } from './x509-names.ts'

export { NAMES_LIMIT }

/** A request for a certificate (RFC 2986), read strictly: what a policy may rest on. */
export interface CertificateRequest {
  /** subjectAltName of types dNSName and iPAddress, as written (an address as RFC 5952 has it). */
  readonly names: readonly Identifier[]
  /** Every common name of the subject, as written. */
  readonly commonNames: readonly string[]
  /** Kinds of subjectAltName that are neither: email, uri, otherName, directoryName, registeredId, x400, ediParty. */
  readonly otherNames: readonly string[]
  readonly key: RequestedKey
  readonly signature: {
    /** `sha256WithRSA`, `ecdsaWithSHA256`, `Ed25519` …; the dotted number where it has no name here. */
    readonly algorithm: string
    /** By the key of the request itself; null where it cannot be checked. */
    readonly verified: boolean | null
  }
  /** Dotted numbers of the requested extensions, subjectAltName included. */
  readonly extensions: readonly string[]
  /** RFC 7633: TLS feature status_request. */
  readonly mustStaple: boolean
  /** What makes it a request that two readers could take differently, or that no CA should take: one line each. */
  readonly faults: readonly string[]
}

const FAULTS_LIMIT = 20
/** RFC 2986 §4.1 has 0 alone. Libraries write the numbers of certificates, CAs do not look, and it changes nothing. */
const NEWEST_VERSION = 2
const EXTENSIONS_LIMIT = 100
/** Characters of a dotted number. */
const DOTTED_LIMIT = 80

/** RFC 2985 §5.4.2. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
/** What a request may carry besides: it says nothing of the certificate. RFC 2985 §5.4.1 and §5.4.3, and what Windows adds. */
const HARMLESS_ATTRIBUTES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.9.7',
  '1.2.840.113549.1.9.2',
  '1.3.6.1.4.1.311.13.2.2',
  '1.3.6.1.4.1.311.13.2.3',
  '1.3.6.1.4.1.311.21.20',
])
/** RFC 7633 §6, and its member for RFC 6066 §8. */
const TLS_FEATURE = '1.3.6.1.5.5.7.1.24'
const STATUS_REQUEST = 5

/**
 * Reads a request strictly and checks its signature, on the thread pool. Null where nothing can be read, BER's indefinite
 * lengths among it; all else that is wrong is in `faults`, at most 20. Never rejects. At most {@link NAMES_LIMIT} names
 * are looked at; more is a fault.
 */
export async function readCertificateRequest(der: Buffer): Promise<CertificateRequest | null> {
  try {
    return await read(der)
  } catch {
    return null
  }
}

/** SHA-256 of the SubjectPublicKeyInfo, hex, of a request that was read strictly before. Null where there is none (RFC 2986 §4.1). */
export function requestedSpki(der: Buffer): string | null {
  try {
    const [info] = inside(readFirst(der), SEQUENCE)
    return publicKeyFacts(inside(info, SEQUENCE)[2]).spki
  } catch {
    return null
  }
}

async function read(der: Buffer): Promise<CertificateRequest> {
  const faults: string[] = []
  const request = readFirst(der)
  if (request.whole.length !== der.length) faults.push('bytes after its end')
  faults.push(...new Set(derFaults(request).map((fault) => `it is not DER: ${fault}`)))
  const [info, algorithm, signature, ...more] = inside(request, SEQUENCE)
  const [version, subject, publicKey, attributes, ...rest] = inside(info, SEQUENCE)
  if (more.length > 0 || rest.length > 0) faults.push('it has members too many')
  const number = contentOf(version, INTEGER)
  if (number.length !== 1 || number[0]! > NEWEST_VERSION) faults.push('its version is none of 0, 1, 2')
  const reading = readRequestedKey(publicKey)
  const extensions = requestedExtensions(attributes, faults)
  const { names, otherNames } = namesIn(extensions, faults)
  const common = strictCommonNames(subject, names)
  const {
    algorithm: signedWith,
    verified,
    faults: ofSignature,
  } = await checkSignature(info!.whole, algorithm, signature, reading.usable)
  return {
    names,
    commonNames: common.commonNames,
    otherNames,
    key: reading.key,
    signature: { algorithm: signedWith, verified },
    extensions: [...extensions.keys()].slice(0, EXTENSIONS_LIMIT).map((oid) => oid.slice(0, DOTTED_LIMIT)),
    mustStaple: asksForStaple(extensions, faults),
    faults: [...faults, ...common.faults, ...reading.faults, ...ofSignature].slice(0, FAULTS_LIMIT),
  }
}

/** By dotted number: what stands in each one's OCTET STRING. Of two of a kind, the first. */
function requestedExtensions(attributes: Element | undefined, faults: string[]): Map<string, Buffer> {
  const extensions = new Map<string, Buffer>()
  if (attributes === undefined) return extensions
  const seen = new Set<string>()
  for (const attribute of readAll(contentOf(attributes, 0xa0))) {
    const [type, values, ...more] = inside(attribute, SEQUENCE)
    const oid = oidOf(type)
    const value = inside(values, SET)
    if (more.length > 0 || value.length !== 1)
      faults.push('it has an attribute that is no type with one value')
    if (seen.has(oid)) faults.push(`it has an attribute twice (${oid.slice(0, DOTTED_LIMIT)})`)
    seen.add(oid)
    if (oid === EXTENSION_REQUEST) for (const each of value) readExtensions(each, extensions, faults)
    else if (!HARMLESS_ATTRIBUTES.has(oid))
      faults.push(`it has an attribute that is unknown here (${oid.slice(0, DOTTED_LIMIT)})`)
  }
  return extensions
}

function readExtensions(list: Element, extensions: Map<string, Buffer>, faults: string[]): void {
  const found = inside(list, SEQUENCE)
  if (found.length > EXTENSIONS_LIMIT) faults.push(`it asks for ${found.length} extensions`)
  for (const extension of found) {
    const [type, ...parts] = inside(extension, SEQUENCE)
    const oid = oidOf(type)
    const [critical, value] = parts.length === 2 ? parts : [undefined, parts[0]]
    // X.690 §11.5: what is the default is left out.
    if (parts.length > 2 || (critical && (critical.tag !== 0x01 || critical.content[0] === 0)))
      faults.push(`it asks for an extension in a form that is not DER (${oid.slice(0, DOTTED_LIMIT)})`)
    const bytes = contentOf(value, OCTET_STRING)
    if (extensions.has(oid)) faults.push(`it asks for an extension twice (${oid.slice(0, DOTTED_LIMIT)})`)
    else extensions.set(oid, bytes)
  }
}

function namesIn(
  extensions: ReadonlyMap<string, Buffer>,
  faults: string[],
): Omit<AlternativeNames, 'faults'> {
  const value = extensions.get(SUBJECT_ALT_NAME)
  if (value === undefined) faults.push('it has no subjectAltName')
  const reading = value && orNull(() => strictAlternativeNames(value))
  if (reading === null) faults.push('its subjectAltName cannot be read')
  if (!reading) return { names: [], otherNames: [] }
  faults.push(...reading.faults)
  return reading
}

function asksForStaple(extensions: ReadonlyMap<string, Buffer>, faults: string[]): boolean {
  const value = extensions.get(TLS_FEATURE)
  if (value === undefined) return false
  const features = orNull(() =>
    inside(readOne(value), SEQUENCE).map((feature) => contentOf(feature, INTEGER)),
  )
  if (features === null) faults.push('its TLS features cannot be read')
  return features?.some((feature) => feature.length === 1 && feature[0] === STATUS_REQUEST) ?? false
}

function orNull<T>(reader: () => T): T | null {
  try {
    return reader()
  } catch {
    return null
  }
}
