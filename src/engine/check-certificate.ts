import type { X509Certificate } from 'node:crypto'
import { type LeafFacts, readLeaf } from '../acme/certificate.ts'
import { requestedSpki } from '../acme/certificate-request.ts'
import type { Identifier } from '../acme/identifier.ts'
import { EngineError } from './engine-error.ts'
import { oneLine } from './one-line.ts'
import { namesText } from './wanted-names.ts'

/** How far a clock may be wrong, µs: a certificate that begins later is for another time. */
const EARLIEST = 24 * 3_600_000_000

export interface WantedCertificate {
  /** DER, base64url. */
  readonly csr: string
  readonly identifiers: readonly Identifier[]
}

export interface CheckedCertificate {
  /** PEM, leaf first. */
  readonly chain: string
  readonly leaf: LeafFacts
}

/**
 * Whether what the CA sent is the certificate that was asked for: the request's key, the order's names and no others, valid
 * at `now` (µs since 1970), each certificate signed by the next. Rejects with EngineError (`mismatch`) where it is not.
 */
export async function checkCertificate(
  chain: readonly X509Certificate[],
  wanted: WantedCertificate,
  now: number,
): Promise<CheckedCertificate> {
  const [first] = chain
  const leaf = first === undefined ? null : readLeaf(first.raw)
  if (leaf === null) throw mismatch('sent no certificate that can be read')
  checkKey(leaf, wanted.csr)
  checkNames(leaf, wanted.identifiers)
  checkValidity(leaf, now)
  checkLinks(chain)
  return { chain: chain.map(String).join(''), leaf }
}

function checkKey(leaf: LeafFacts, csr: string): void {
  if (requestedSpki(Buffer.from(csr, 'base64url')) !== leaf.spki)
    throw mismatch('issued the certificate for another key than the request has')
}

function checkNames({ identifiers }: LeafFacts, wanted: readonly Identifier[]): void {
  const [found, asked] = [namesText(identifiers), namesText(wanted)]
  if (found !== asked)
    throw mismatch(`issued it for ${oneLine(found, 300)} instead of ${oneLine(asked, 300)}`)
}

function checkValidity({ notBefore, notAfter }: LeafFacts, now: number): void {
  if (notAfter <= notBefore) throw mismatch('issued a certificate that ends before it begins')
  if (notAfter <= now) throw mismatch(`issued a certificate that expired at ${timeText(notAfter)}`)
  if (notBefore > now + EARLIEST)
    throw mismatch(
      `issued a certificate that begins only at ${timeText(notBefore)}: is this machine's clock right?`,
    )
}

/** RFC 8555 §9.1: each certificate certifies the one before it. */
function checkLinks(chain: readonly X509Certificate[]): void {
  for (const [at, certificate] of chain.slice(0, -1).entries()) {
    const issuer = chain[at + 1]!
    if (!issuer.ca) throw mismatch(`sent a chain whose certificate ${at + 2} is none of a CA`)
    if (!certificate.checkIssued(issuer) || !isSignedBy(certificate, issuer))
      throw mismatch(`sent a chain whose certificate ${at + 2} did not sign the one before it`)
  }
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey)
  } catch {
    return false
  }
}

function mismatch(what: string): EngineError {
  return new EngineError('mismatch', `the CA ${what}; it is not used`)
}

function timeText(micros: number): string {
  return new Date(micros / 1000).toISOString()
}
