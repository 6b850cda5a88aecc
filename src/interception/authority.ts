/**
 * src/interception holds what lets clients trust us: our own roots, the leaves they sign, and the taking over of
 * connections. It knows no HTTP and no record. This file makes a root; `leaf.ts` makes what it signs.
 */
import 'reflect-metadata'
import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { encodeNameConstraints, NAME_CONSTRAINTS_OID, type SubjectNames } from './name-constraints.ts'

/** A root or leaf with its private key, both PEM; the key is PKCS #8. */
export interface CertifiedKey {
  readonly certificate: string
  readonly key: string
}

export type Authority = CertifiedKey

export interface AuthorityRequest {
  readonly commonName: string
  /** The only names it may ever sign for; a DNS name also covers its subdomains (RFC 5280 §4.2.1.10). */
  readonly permitted: SubjectNames
  readonly now: Date
  readonly lifetimeDays: number
}

export const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Clients whose clock is a little behind must not refuse what was just made. */
export const CLOCK_SKEW_MS = 3_600_000

const DAY_MS = 86_400_000

/** A self-signed P-256 root, name-constrained, that may sign leaves and nothing else. */
export async function createAuthority(request: AuthorityRequest): Promise<Authority> {
  const { permitted, now } = request
  if (permitted.dns.length + permitted.ips.length === 0) throw new RangeError('an authority needs a name')
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: [{ CN: [request.commonName] }],
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + request.lifetimeDays * DAY_MS),
    keys,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new Extension(NAME_CONSTRAINTS_OID, true, encodeNameConstraints(permitted)),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: privateKeyPem(keys.privateKey) }
}

/** 128 random bits as hex; the top bits keep it positive and of full length. */
export function randomSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

export function privateKeyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString()
}
