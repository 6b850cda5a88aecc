/** What a file of an issuer holds, read for signing. */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { contentOf, type Element, inside, OCTET_STRING, readAll, readOne, SEQUENCE } from '../../acme/der.ts'
import { extensionValue } from '../../acme/x509-names.ts'
import { NAME_CONSTRAINTS, pemOf, SUBJECT_KEY_IDENTIFIER } from './authority-certificate.ts'
import { type KeyLock, unlockKey } from './key-lock.ts'
import { LocalCaError } from './local-ca-error.ts'
import { type Constraints, readConstraints } from './name-scope.ts'
import type { Signer } from './sign-certificate.ts'

/** What everybody may know of an issuer. */
export interface IssuerCertificates {
  readonly generation: number
  /** PEM, behind a leaf: the issuer and what lies between it and the root. */
  readonly chain: string
  /** PEM: what clients must trust. */
  readonly root: string
  /** SHA-256, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly rootFingerprint: string
  readonly fingerprint: string
  readonly subject: string
  readonly rootSubject: string
  /** Null: it has none. */
  readonly constraints: Constraints | null
  /** When all of them are valid, µs since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly signer: Omit<Signer, 'key'>
  readonly publicKey: KeyObject
}

export type LocalCaIssuer = Omit<IssuerCertificates, 'signer'> & { readonly signer: Signer }

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** PEM of each certificate in a text. Throws LocalCaError for one that can't be read. */
export function certificatesIn(text: string): X509Certificate[] {
  return (text.match(BLOCK) ?? []).map((block) => {
    try {
      return new X509Certificate(block)
    } catch {
      throw new LocalCaError('one of the certificates cannot be read')
    }
  })
}

/** Throws LocalCaError. */
export function readCertificates(text: string, generation: number): IssuerCertificates {
  const all = certificatesIn(text)
  const [issuer, root] = [all[0], all.at(-1)]
  if (issuer === undefined || root === undefined || all.length < 2)
    throw new LocalCaError('it holds no issuer with its root')
  const { subject, extensions } = membersOf(issuer)
  const keyIdentifier = extensionValue(extensions, SUBJECT_KEY_IDENTIFIER)
  if (keyIdentifier === null) throw new LocalCaError('its issuer has no subject key identifier')
  const notBefore = Math.max(...all.map(({ validFromDate }) => validFromDate.getTime())) * 1000
  const notAfter = Math.min(...all.map(({ validToDate }) => validToDate.getTime())) * 1000
  const constraints = extensionValue(extensions, NAME_CONSTRAINTS)
  return {
    generation,
    chain: all
      .slice(0, -1)
      .map(({ raw }) => pemOf(raw, 'CERTIFICATE'))
      .join(''),
    root: pemOf(root.raw, 'CERTIFICATE'),
    rootFingerprint: root.fingerprint256,
    fingerprint: issuer.fingerprint256,
    subject: oneLine(issuer.subject),
    rootSubject: oneLine(root.subject),
    constraints: constraints && readConstraints(constraints),
    notBefore,
    notAfter,
    signer: {
      name: subject.whole,
      keyIdentifier: contentOf(readOne(keyIdentifier), OCTET_STRING),
      notBefore,
      notAfter,
    },
    publicKey: issuer.publicKey,
  }
}

/** With its key. Throws LocalCaError, or EngineError for a key that was sealed under another secret. */
export function readIssuer(text: string, lock: KeyLock, name: string, generation: number): LocalCaIssuer {
  const certificates = readCertificates(text, generation)
  const key = unlockKey(text, lock, lockId(name, generation))
  if (!createPublicKey(key).equals(certificates.publicKey))
    throw new LocalCaError('its key does not belong to its first certificate')
  return { ...certificates, signer: { ...certificates.signer, key } }
}

/** What a sealed key is bound to: neither another CA's nor another issuer's opens in its place. */
export function lockId(name: string, generation: number): string {
  return `${name}/${generation}`
}

function membersOf({ raw }: X509Certificate): {
  readonly subject: Element
  readonly extensions: readonly Element[]
} {
  const [toBeSigned] = inside(readOne(raw), SEQUENCE)
  const members = inside(toBeSigned, SEQUENCE)
  const wrapped = members.find(({ tag }) => tag === 0xa3)
  const subject = members[5]
  if (wrapped === undefined || subject === undefined)
    throw new LocalCaError('its issuer is no certificate of version 3')
  return { subject, extensions: inside(readAll(wrapped.content)[0], SEQUENCE) }
}

function oneLine(name: string): string {
  return name.split('\n').join(', ')
}
