/** What a thief with a root's key can sign: any subject, any alternative names. */
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
import { type Authority, ECDSA_P256, privateKeyPem, randomSerial } from '../../src/interception/authority.ts'

export interface RogueNames {
  readonly commonName?: string
  readonly alternatives?: readonly { type: 'dns' | 'ip' | 'email' | 'url'; value: string }[]
  readonly ca?: boolean
}

export async function signRogueLeaf(
  authority: Authority,
  names: RogueNames,
): Promise<{ certificate: string; key: string }> {
  const issuer = new X509Certificate(authority.certificate)
  const keys = await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify'])
  const issuerKeyId = issuer.getExtension(SubjectKeyIdentifierExtension)?.keyId ?? ''
  const { commonName, alternatives, ca = false } = names
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [commonName === undefined ? { O: ['rogue'] } : { CN: [commonName] }],
    issuer: issuer.subjectName,
    notBefore: issuer.notBefore,
    notAfter: issuer.notAfter,
    publicKey: keys.publicKey,
    signingKey: createPrivateKey(authority.key).toCryptoKey(ECDSA_P256, false, ['sign']),
    signingAlgorithm: ECDSA_P256,
    extensions: [
      new BasicConstraintsExtension(ca, undefined, true),
      new KeyUsagesExtension(ca ? KeyUsageFlags.keyCertSign : KeyUsageFlags.digitalSignature, true),
      ...(ca ? [] : [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth])]),
      ...(alternatives === undefined ? [] : [new SubjectAlternativeNameExtension([...alternatives])]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      new AuthorityKeyIdentifierExtension(issuerKeyId),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: privateKeyPem(keys.privateKey) }
}
