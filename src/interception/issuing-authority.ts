/**
 * What signs the leaves of intercepted connections: a key, its certificate, what lies between that and the root, and
 * the root. In a file they stand in this order, so that one rename replaces all of them at once.
 */
import 'reflect-metadata'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { X509Certificate as ParsedCertificate } from '@peculiar/x509'
import { type Authority, CLOCK_SKEW_MS, createIssuingChain, type IssuingChain } from './authority.ts'
import {
  decodePermittedNames,
  leftOpen,
  NAME_CONSTRAINTS_OID,
  type SubjectNames,
} from './name-constraints.ts'

export interface IssuingAuthority {
  /** As in a file: the key first. */
  readonly pem: string
  readonly issuer: Authority
  /** PEM of what is served behind a leaf: the issuer and further intermediates, without the root. */
  readonly chain: string
  /** PEM of what clients must trust. */
  readonly root: string
  readonly permitted: SubjectNames
  /** SHA-256 of the root, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly rootFingerprint: string
  /** SHA-256 of the issuer. */
  readonly fingerprint: string
  /** When every certificate is valid. */
  readonly notBefore: Date
  readonly notAfter: Date
  /** True for one that acmetap made whole, false under an operator's root. */
  readonly own: boolean
}

/** The operator's to mend; the message says what to do. */
export class AuthorityError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AuthorityError'
  }
}

/** A year, and the time in which its end is announced. */
export const ISSUING_DAYS = 395
/** Clients need time to take a new root, so its end is announced this long before. */
export const ISSUING_WARNING_DAYS = 30

const OWN_ROOT = 'acmetap interception root '

/** A fresh root and issuer for exactly these names. `id` tells it from others in lists of trusted roots. */
export async function makeIssuingAuthority(
  names: SubjectNames,
  now: Date,
  id: string,
): Promise<IssuingAuthority> {
  const chain = await createIssuingChain({
    commonName: OWN_ROOT + id,
    permitted: names,
    now,
    lifetimeDays: ISSUING_DAYS,
  })
  return readIssuingAuthority(fileText(chain))
}

function fileText({ key, intermediate, root }: IssuingChain): string {
  return key + intermediate + root
}

/** When acmetap made it. */
export function madeAt(authority: IssuingAuthority): Date {
  return new Date(authority.notBefore.getTime() + CLOCK_SKEW_MS)
}

/** PEM blocks of one kind, each with its lines, in their order. */
export function pemBlocks(text: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): string[] {
  const label = kind === 'CERTIFICATE' ? kind : '(?:[A-Z0-9]+ )*PRIVATE KEY'
  const block = new RegExp(`-----BEGIN (${label})-----[^-]*-----END \\1-----`, 'g')
  return (text.replaceAll('\r', '').match(block) ?? []).map((one) => `${one}\n`)
}

/**
 * From the text of a file: the key, the issuer, further intermediates, the root. That they sign one another was
 * checked when they were put together. Throws AuthorityError for what can't be used, ended or not.
 */
export function readIssuingAuthority(text: string): IssuingAuthority {
  const [key] = pemBlocks(text, 'PRIVATE KEY')
  const blocks = pemBlocks(text, 'CERTIFICATE')
  const [issuer, root] = [blocks[0], blocks.at(-1)]
  if (key === undefined || issuer === undefined || root === undefined || blocks.length < 2) {
    throw new AuthorityError('it holds no private key with the certificates of an issuer and its root')
  }
  try {
    const certificates = blocks.map((block) => new X509Certificate(block))
    const first = certificates[0]!
    const last = certificates.at(-1)!
    if (!first.checkPrivateKey(createPrivateKey(key))) {
      throw new AuthorityError('its key does not belong to its first certificate')
    }
    if (!certificates.every(({ ca }) => ca)) throw new AuthorityError('one of its certificates is no CA')
    return {
      pem: key + blocks.join(''),
      issuer: { certificate: issuer, key },
      chain: blocks.slice(0, -1).join(''),
      root,
      permitted: constrainedNames(first),
      rootFingerprint: last.fingerprint256,
      fingerprint: first.fingerprint256,
      notBefore: new Date(Math.max(...certificates.map(({ validFromDate }) => validFromDate.getTime()))),
      notAfter: new Date(Math.min(...certificates.map(({ validToDate }) => validToDate.getTime()))),
      own: last.subject.startsWith(`CN=${OWN_ROOT}`),
    }
  } catch (error) {
    if (error instanceof AuthorityError) throw error
    throw new AuthorityError(`it cannot be read: ${error instanceof Error ? error.message : 'unknown'}`)
  }
}

/** What a certificate may sign for. Throws AuthorityError unless everything else is closed to every verifier. */
export function constrainedNames(certificate: X509Certificate): SubjectNames {
  const constraints = new ParsedCertificate(certificate.raw).getExtension(NAME_CONSTRAINTS_OID)
  if (constraints === null) {
    throw new AuthorityError(
      'the certificate has no name constraints: with its key one could stand in for any host on every client',
    )
  }
  if (!constraints.critical) {
    throw new AuthorityError(
      'the name constraints of the certificate are not critical: clients may ignore them',
    )
  }
  const value = new Uint8Array(constraints.value)
  let open: string[]
  try {
    open = leftOpen(value)
    if (open.length === 0) return decodePermittedNames(value)
  } catch {
    throw new AuthorityError('the name constraints of the certificate cannot be read')
  }
  throw new AuthorityError(`the name constraints of the certificate leave open: ${open.join(', ')}`)
}
