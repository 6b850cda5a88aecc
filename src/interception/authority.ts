/**
 * src/interception holds what lets clients trust us: our own roots, the leaves they sign, and the taking over of
 * connections. It knows no HTTP and no record. This file makes a root; `leaf.ts` makes what it signs.
 */
import 'reflect-metadata'
import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
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
  const { permitted } = request
  if (permitted.dns.length + permitted.ips.length === 0) throw new RangeError('an authority needs a name')
  const keys = await newKeys()
  const certificate = await certify(request, keys.publicKey, 0, null, keys.privateKey)
  return { certificate: pem(certificate), key: privateKeyPem(keys.privateKey) }
}

/** PEM each. */
export interface IssuingChain {
  /** What clients must trust. */
  readonly root: string
  /** Signed by the root, under the same constraints and with the same end. */
  readonly intermediate: string
  /** The intermediate's. */
  readonly key: string
}

/**
 * A root and an intermediate that signs the leaves. The root's key is used once and kept nowhere: Java and older
 * Chrome take no constraints from a certificate they trust directly, but all of them do from the intermediate.
 */
export async function createIssuingChain(request: AuthorityRequest): Promise<IssuingChain> {
  const { permitted, commonName } = request
  if (permitted.dns.length + permitted.ips.length === 0) throw new RangeError('an authority needs a name')
  const [rootKeys, keys] = [await newKeys(), await newKeys()]
  const root = await certify(request, rootKeys.publicKey, 1, null, rootKeys.privateKey)
  const below = { ...request, commonName: `${commonName} issuer` }
  const intermediate = await certify(below, keys.publicKey, 0, root, rootKeys.privateKey)
  return { root: pem(root), intermediate: pem(intermediate), key: privateKeyPem(keys.privateKey) }
}

/** `issuer` null: signed by itself. */
async function certify(
  { commonName, permitted, now, lifetimeDays }: AuthorityRequest,
  publicKey: webcrypto.CryptoKey,
  pathLength: number,
  issuer: X509Certificate | null,
  signingKey: webcrypto.CryptoKey,
): Promise<X509Certificate> {
  const subject = [{ CN: [commonName] }]
  return await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject,
    issuer: issuer?.subjectName ?? subject,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + lifetimeDays * DAY_MS),
    publicKey,
    signingKey,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      ...authorityExtensions(permitted, pathLength, issuer !== null),
      await SubjectKeyIdentifierExtension.create(publicKey),
      ...(issuer === null ? [] : [await AuthorityKeyIdentifierExtension.create(issuer.publicKey)]),
    ],
  })
}

/** Those that do not depend on a key, as a certificate has them and as a request asks for them. */
export function authorityExtensions(
  permitted: SubjectNames,
  pathLength: number,
  forServersOnly: boolean,
): Extension[] {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ...(forServersOnly ? [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth])] : []),
    new Extension(NAME_CONSTRAINTS_OID, true, encodeNameConstraints(permitted)),
  ]
}

export async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`
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
