/**
 * Puts together what an operator's CA sent back: the issuer for our key, the path to a root, and what must hold of
 * them. What passes here is accepted by the strict clients too; the last check asks OpenSSL itself.
 */
import 'reflect-metadata'
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ParsedCertificate,
  SubjectKeyIdentifierExtension,
} from '@peculiar/x509'
import {
  AuthorityError,
  constrainedNames,
  type IssuingAuthority,
  pemBlocks,
  readIssuingAuthority,
} from './issuing-authority.ts'
import { mintLeaf } from './leaf.ts'
import { namesNotCovered, type SubjectNames } from './name-constraints.ts'
import { refusalOf } from './trial-handshake.ts'

export interface CertifiedChain {
  /** PEM of the key that was to be certified. */
  readonly key: string
  /** PEM of the certificates, in any order. */
  readonly certificates: string
  /** PEM of the only roots that may end the path; null where the certificates hold it. */
  readonly roots: string | null
  /** What is configured: all of it must be covered. */
  readonly names: SubjectNames
  /** What may be covered as well, for later. */
  readonly also: SubjectNames
  readonly now: Date
}

/** Throws AuthorityError with the one thing that is wrong first. */
export async function assembleCertifiedChain(given: CertifiedChain): Promise<IssuingAuthority> {
  const path = soundPath({ ...given, key: createPrivateKey(given.key), request: 'acmetap root csr' })
  const issuer = path[0]!
  mustCoverExactly(constrainedNames(issuer), given)
  const order = [...path].map((certificate) => certificate.toString())
  const authority = readIssuingAuthority(given.key + order.join(''))
  await mustBeAccepted(authority, given)
  return authority
}

export interface WantedPath extends Pick<CertifiedChain, 'certificates' | 'roots' | 'now'> {
  /** What was to be certified. */
  readonly key: KeyObject
  /** The command that prints what to sign. */
  readonly request: string
}

/** The issuer for the key first, the root last; each may sign the one before it. Throws AuthorityError. */
export function soundPath(wanted: WantedPath): X509Certificate[] {
  const certificates = parse(wanted.certificates)
  const roots = wanted.roots === null ? null : parse(wanted.roots)
  const path = findPath(wanted.key, certificates, roots, wanted.request)
  path.forEach((certificate, below) => {
    mustBeSound(certificate, below, path.length - 1, wanted.now)
  })
  return path
}

function parse(text: string): X509Certificate[] {
  return pemBlocks(text, 'CERTIFICATE').map((block) => {
    try {
      return new X509Certificate(block)
    } catch {
      throw new AuthorityError('one of the certificates cannot be read')
    }
  })
}

/** The issuer first, the root last. */
function findPath(
  key: KeyObject,
  certificates: readonly X509Certificate[],
  roots: readonly X509Certificate[] | null,
  request: string,
): X509Certificate[] {
  if (certificates.length === 0) throw new AuthorityError('there is no certificate in it')
  const issuer = certificates.find((one) => one.checkPrivateKey(key))
  if (issuer === undefined) {
    throw new AuthorityError(`none of the certificates is for our key; ${request} prints what to sign`)
  }
  if (isSelfSigned(issuer)) {
    throw new AuthorityError('the certificate for our key is signed by itself, not by your CA')
  }
  const anchors = roots ?? certificates.filter(isSelfSigned)
  const path = [issuer]
  for (;;) {
    const last = path.at(-1)!
    const anchor = signerOf(last, anchors)
    if (anchor !== undefined) {
      if (!isSelfSigned(anchor)) throw new AuthorityError(`${title(anchor)} is no root: not signed by itself`)
      return [...path, anchor]
    }
    const signer = signerOf(
      last,
      certificates.filter((one) => !path.includes(one)),
    )
    if (signer === undefined || isSelfSigned(signer)) throw new AuthorityError(brokenPath(last, anchors))
    path.push(signer)
  }
}

function signerOf(
  certificate: X509Certificate,
  among: readonly X509Certificate[],
): X509Certificate | undefined {
  const named = among.filter((one) => certificate.checkIssued(one))
  const signer = named.find((one) => certificate.verify(one.publicKey))
  if (signer !== undefined || named.length === 0) return signer
  throw new AuthorityError(`the signature on ${title(certificate)} is not by ${title(named[0]!)}`)
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey)
}

function brokenPath(last: X509Certificate, anchors: readonly X509Certificate[]): string {
  const missing = `the certificate of its signer, ${oneLine(last.issuer)}, is missing`
  const remedy =
    anchors.length === 0
      ? 'Add the intermediates to the file and name the root with --root FILE'
      : 'It does not lead to the root that was given'
  return `the path ends at ${title(last)}: ${missing}. ${remedy}`
}

/** `below`: how many CA certificates stand below it in the path. */
function mustBeSound(certificate: X509Certificate, below: number, last: number, now: Date): void {
  const name = title(certificate)
  const parsed = new ParsedCertificate(certificate.raw)
  const complain = (what: string): never => {
    throw new AuthorityError(`${name} ${what}`)
  }
  const basic = parsed.getExtension(BasicConstraintsExtension)
  if (basic?.ca !== true) complain('is not a CA certificate: basicConstraints must be critical,CA:TRUE')
  if (basic?.critical !== true) complain('has basicConstraints that are not critical (RFC 5280 §4.2.1.9)')
  if (basic?.pathLength !== undefined && basic.pathLength < below) {
    complain(`allows ${basic.pathLength} CA certificates below it (pathlen), and there are ${below}`)
  }
  const usage = parsed.getExtension(KeyUsagesExtension)
  if (usage === null || (usage.usages & KeyUsageFlags.keyCertSign) === 0) {
    complain('may not sign certificates: keyUsage must hold keyCertSign')
  }
  const purposes = parsed.getExtension(ExtendedKeyUsageExtension)?.usages
  const forServers = [ExtendedKeyUsage.serverAuth, '2.5.29.37.0']
  if (below < last && purposes && !purposes.some((purpose) => forServers.includes(String(purpose)))) {
    complain('may not sign for TLS servers: its extendedKeyUsage lacks serverAuth')
  }
  if (parsed.getExtension(SubjectKeyIdentifierExtension) === null) {
    complain('has no subjectKeyIdentifier, which strict clients (Python 3.13) insist on')
  }
  if (below < last && parsed.getExtension(AuthorityKeyIdentifierExtension) === null) {
    complain('has no authorityKeyIdentifier, which strict clients (Python 3.13) insist on')
  }
  if (certificate.validFromDate > now)
    complain(`is not valid before ${certificate.validFromDate.toISOString()}`)
  if (certificate.validToDate <= now) complain(`ended at ${certificate.validToDate.toISOString()}`)
}

function mustCoverExactly(permitted: SubjectNames, { names, also }: CertifiedChain): void {
  const missing = namesNotCovered(permitted, names)
  if (missing.length > 0) {
    throw new AuthorityError(`the name constraints of the certificate do not cover ${missing.join(', ')}`)
  }
  const wanted = new Set([...names.dns, ...names.ips, ...also.dns, ...also.ips])
  const more = [...permitted.dns, ...permitted.ips].filter((name) => !wanted.has(name))
  if (more.length > 0) {
    throw new AuthorityError(
      `the name constraints of the certificate permit more than the hosts of intercept.cas: ${more.join(', ')}. ` +
        'If that is meant, for CAs to come, repeat with --also for each',
    )
  }
}

async function mustBeAccepted(authority: IssuingAuthority, { names, now }: CertifiedChain): Promise<void> {
  const [host] = [...names.dns, ...names.ips]
  if (host === undefined) return
  const leaf = await mintLeaf(authority.issuer, names, now, 1)
  const served = { chain: leaf.certificate + authority.chain, key: leaf.key }
  const refusal = await refusalOf(served, authority.root, host)
  if (refusal !== null)
    throw new AuthorityError(`a client that trusts this root refuses the chain: ${refusal}`)
}

function title(certificate: X509Certificate): string {
  return JSON.stringify(oneLine(certificate.subject))
}

function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ')
}
