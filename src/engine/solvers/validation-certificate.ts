/** The certificate that answers tls-alpn-01. RFC 8737 §3. */
import 'reflect-metadata'
import { hash, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  Extension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { Identifier } from '../../acme/identifier.ts'

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** id-pe-acmeIdentifier (RFC 8737 §6.1). */
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31'
const HOUR_MS = 3_600_000
const DAYS_MS = 7 * 24 * HOUR_MS

/**
 * Self-signed, with this one name and the digest of the key authorization in a critical extension. PEM of both. Its key
 * is its own: it says nothing of the certificate that is wanted.
 */
export async function validationCertificate(
  { type, value }: Identifier,
  keyAuthorization: string,
  now: Date,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
  const digest = hash('sha256', keyAuthorization, 'buffer')
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: Buffer.concat([Buffer.of(1), webcrypto.getRandomValues(Buffer.alloc(15))]).toString('hex'),
    name: [{ O: ['acmetap'] }],
    notBefore: new Date(now.getTime() - HOUR_MS),
    notAfter: new Date(now.getTime() + DAYS_MS),
    keys,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new SubjectAlternativeNameExtension([{ type: type === 'ip' ? 'ip' : 'dns', value }]),
      // An OCTET STRING of 32 bytes.
      new Extension(ACME_IDENTIFIER, true, Buffer.concat([Buffer.of(0x04, digest.length), digest])),
    ],
  })
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  const lines = key.replace(/.{64}(?=.)/g, '$&\n')
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  }
}
