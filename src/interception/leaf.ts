/**
 * Server certificates signed by one of our roots. Short-lived, with everything strict verifiers ask for
 * (Python ≥ 3.13 wants the authority key identifier). The subject has no common name: with only addresses in
 * the certificate some verifiers would hold a common name against the DNS constraints.
 */
import 'reflect-metadata'
import { createPrivateKey, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import {
  type Authority,
  type CertifiedKey,
  CLOCK_SKEW_MS,
  ECDSA_P256,
  privateKeyPem,
  randomSerial,
} from './authority.ts'
import type { SubjectNames } from './name-constraints.ts'

export interface Leaf extends CertifiedKey {
  readonly notBefore: Date
  readonly notAfter: Date
}

const HOUR_MS = 3_600_000

/**
 * A P-256 server certificate for these names. It never outlives the authority. Whether the authority's
 * constraints cover the names is for verifiers to say: they refuse what is outside.
 */
export async function mintLeaf(
  authority: Authority,
  names: SubjectNames,
  now: Date,
  hours = 48,
): Promise<Leaf> {
  const issuer = new X509Certificate(authority.certificate)
  const signingKey = createPrivateKey(authority.key).toCryptoKey(ECDSA_P256, false, ['sign'])
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
  const notBefore = new Date(Math.max(now.getTime() - CLOCK_SKEW_MS, issuer.notBefore.getTime()))
  const notAfter = new Date(Math.min(now.getTime() + hours * HOUR_MS, issuer.notAfter.getTime()))
  const issuerKeyId = issuer.getExtension(SubjectKeyIdentifierExtension)?.keyId
  if (issuerKeyId === undefined) throw new TypeError('the authority has no subject key identifier')
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [{ O: ['acmetap'] }],
    issuer: issuer.subjectName,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...names.dns.map((value) => ({ type: 'dns' as const, value })),
        ...names.ips.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new AuthorityKeyIdentifierExtension(issuerKeyId),
    ],
  })
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: privateKeyPem(keys.privateKey),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
  }
}
