import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import { readLeaf, readSubject } from '../../acme/certificate.ts'
import { instantOf } from '../../audit/inventory/values.ts'
import type { EndpointState } from '../endpoint.ts'
import { fingerprintOf, type Roots } from './roots.ts'

/** What was served, with the type of its key: a place may have a certificate for each type. */
export interface Served {
  /** What is kept of it: names and subjects are those of a stranger, and no more of them than people read. */
  readonly certificate: NonNullable<EndpointState['served']>
  /** All of them, up to {@link MOST_NAMES}. */
  readonly names: readonly string[]
  readonly keyType: string | null
}

const MOST_NAMES = 1000
const MOST_CHAIN = 20
/** Of what is kept: names, characters of them in all, characters of a subject. Public CAs take at most 100 names. */
const NAMES_KEPT = 100
const NAMES_TEXT = 8_000
const SUBJECT_TEXT = 300

/** Of a connection whose handshake is over; null where it came without a certificate that can be read. */
export function servedOn(socket: TLSSocket, roots: Roots): Served | null {
  const chain = chainOf(socket.getPeerCertificate(true), roots)
  const [first] = chain
  const leaf = first === undefined ? null : readLeaf(first)
  if (leaf === null) return null
  const names = leaf.identifiers.slice(0, MOST_NAMES).map(({ value }) => value)
  const fault = socket.authorized ? null : faultOf(socket.authorizationError)
  return {
    certificate: {
      fingerprint: leaf.fingerprint,
      serial: leaf.serial,
      names: keptOf(names),
      issuer: leaf.issuer.slice(0, SUBJECT_TEXT),
      notBefore: instantOf(leaf.notBefore),
      notAfter: instantOf(leaf.notAfter),
      chain: chain.map((one) => readSubject(one).slice(0, SUBJECT_TEXT)),
      trusted: fault === null,
      fault,
    },
    names,
    keyType: leaf.keyType,
  }
}

function keptOf(names: readonly string[]): string[] {
  const kept: string[] = []
  let left = NAMES_TEXT
  for (const name of names.slice(0, NAMES_KEPT)) {
    left -= name.length
    if (left < 0) break
    kept.push(name)
  }
  return kept
}

/** DER of each certificate that came. Node puts what it found among the roots behind them: those did not come. */
function chainOf(first: DetailedPeerCertificate, roots: Roots): Buffer[] {
  const chain: DetailedPeerCertificate[] = []
  for (let one = first; one?.raw !== undefined && chain.length < MOST_CHAIN; one = one.issuerCertificate) {
    chain.push(one)
    if (one.issuerCertificate === one) break
  }
  while (chain.length > 1 && roots.fingerprints.has(fingerprintOf(chain.at(-1)!.fingerprint256))) chain.pop()
  return chain.map(({ raw }) => raw)
}

/** OpenSSL's codes in words that say what to do about it. */
const FAULTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by its own key',
  SELF_SIGNED_CERT_IN_CHAIN: 'its root is not among those that are trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its issuer is not trusted, or the intermediate certificate is not served with it',
  UNABLE_TO_GET_ISSUER_CERT: 'its root is not among those that are trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its issuer is not trusted, or the intermediate certificate is not served with it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is not for this name',
}

function faultOf(error: unknown): string {
  const code =
    error instanceof Error ? String((error as NodeJS.ErrnoException).code ?? error.message) : String(error)
  return FAULTS[code] ?? code.slice(0, 200)
}
