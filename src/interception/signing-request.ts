/** What an operator's own CA is asked to sign, so that acmetap works as an intermediate under it (RFC 2986). */
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, type webcrypto } from 'node:crypto'
import { Pkcs10CertificateRequestGenerator, SubjectKeyIdentifierExtension } from '@peculiar/x509'
import { authorityExtensions, ECDSA_P256, newKeys, privateKeyPem } from './authority.ts'
import type { SubjectNames } from './name-constraints.ts'

/** PKCS #8 PEM of a new P-256 key. */
export async function makeRequestKey(): Promise<string> {
  return privateKeyPem((await newKeys()).privateKey)
}

/** PEM of a request for an issuer that may sign for these names and nothing else. */
export async function makeSigningRequest(key: string, names: SubjectNames, label: string): Promise<string> {
  const privateKey = createPrivateKey(key)
  const keys: webcrypto.CryptoKeyPair = {
    privateKey: privateKey.toCryptoKey(ECDSA_P256, false, ['sign']),
    publicKey: createPublicKey(privateKey).toCryptoKey(ECDSA_P256, true, ['verify']),
  }
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [`acmetap issuer ${label}`] }],
    keys,
    signingAlgorithm: ECDSA_P256,
    extensions: [
      ...authorityExtensions(names, 0, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return `${request.toString('pem')}\n`
}

/** The same extensions as a section of an OpenSSL configuration, for CAs that copy nothing from requests. */
export function opensslExtensions({ dns, ips }: SubjectNames): string {
  const constraints = [
    ...(dns.length === 0
      ? ['permitted;DNS:invalid', 'excluded;DNS:invalid']
      : dns.map((name) => `permitted;DNS:${name}`)),
    ...ips.map((ip) => `permitted;IP:${ip}/${ip.includes(':') ? WHOLE_IPV6 : WHOLE_IPV4}`),
    ...(ips.some((ip) => !ip.includes(':')) ? [] : ['excluded;IP:0.0.0.0/0.0.0.0']),
    ...(ips.some((ip) => ip.includes(':')) ? [] : ['excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0']),
    'permitted;email:invalid',
    'excluded;email:invalid',
    'permitted;URI:invalid',
    'excluded;URI:invalid',
  ]
  return [
    'basicConstraints = critical,CA:TRUE,pathlen:0',
    'keyUsage = critical,keyCertSign,cRLSign',
    'extendedKeyUsage = serverAuth',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
    `nameConstraints = critical,@constraints`,
    '',
    '[constraints]',
    ...constraints.map((line, index) => {
      const [subtree, name = ''] = line.split(';')
      const colon = name.indexOf(':')
      return `${subtree};${name.slice(0, colon)}.${index} = ${name.slice(colon + 1)}`
    }),
    '',
  ].join('\n')
}

const WHOLE_IPV4 = '255.255.255.255'
const WHOLE_IPV6 = Array.from({ length: 8 }, () => 'ffff').join(':')
