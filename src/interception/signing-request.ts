/** What an operator's own CA is asked to sign, so that acmetap works as an intermediate under it (RFC 2986). */
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, type webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
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
    ...ips.map(exactly).map((range) => `permitted;${range}`),
    ...ANY_ADDRESS.filter(([any]) => !ips.some((ip) => isIP(ip) === isIP(any))).flatMap(([any, mask]) =>
      ips.length === 0
        ? [`excluded;IP:${any}/${any}`]
        : [`permitted;IP:${mask}/${mask}`, `excluded;IP:${mask}/${mask}`],
    ),
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

const IPV4 = ['0.0.0.0', '255.255.255.255'] as const
const IPV6 = ['0:0:0:0:0:0:0:0', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'] as const
const ANY_ADDRESS = [IPV4, IPV6]

function exactly(ip: string): string {
  return `IP:${ip}/${(isIP(ip) === 4 ? IPV4 : IPV6)[1]}`
}
