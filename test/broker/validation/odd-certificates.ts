/** Certificates that answer tls-alpn-01, or nearly. */
import 'reflect-metadata'
import { hash, webcrypto } from 'node:crypto'
import {
  Extension,
  type JsonGeneralNames,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
export const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31'

export interface Oddity {
  readonly names?: JsonGeneralNames
  /** Instead of the names' extension. */
  readonly alternativeNames?: readonly Extension[]
  /** Value of the extension, DER. */
  readonly value?: Buffer
  readonly critical?: boolean
  readonly without?: boolean
  readonly twice?: boolean
  /** Signed by another key. */
  readonly signedByAnother?: boolean
  readonly otherIssuer?: boolean
  readonly more?: readonly Extension[]
}

export function digestValue(keyAuthorization: string): Buffer {
  const digest = hash('sha256', keyAuthorization, 'buffer')
  return Buffer.concat([Buffer.of(0x04, digest.length), digest])
}

export async function oddCertificate(
  name: string,
  keyAuthorization: string,
  oddity: Oddity = {},
): Promise<{ cert: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const other = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const acme = new Extension(
    ACME_IDENTIFIER,
    oddity.critical ?? true,
    oddity.value ?? digestValue(keyAuthorization),
  )
  const names = oddity.alternativeNames ?? [
    new SubjectAlternativeNameExtension(oddity.names ?? [{ type: 'dns', value: name }]),
  ]
  const certificate = await X509CertificateGenerator.create({
    serialNumber: '01',
    subject: 'CN=a',
    issuer: oddity.otherIssuer ? 'CN=b' : 'CN=a',
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: keys.publicKey,
    signingKey: oddity.signedByAnother ? other.privateKey : keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      ...names,
      ...(oddity.without ? [] : [acme]),
      ...(oddity.twice ? [acme] : []),
      ...(oddity.more ?? []),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}(?=.)/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
  }
}
