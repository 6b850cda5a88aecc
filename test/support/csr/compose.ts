import { type KeyObject, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { bits, der, octets, oid, sequence, set, text } from '../test-ca/der.ts'
import type { BaseRequest } from './base-requests.ts'

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'

export interface Changes {
  readonly version?: Buffer
  readonly subject?: Buffer
  readonly spki?: Buffer
  readonly extensions?: readonly Buffer[]
  /** All of them; then `extensions` counts for nothing. Null: there is no such element. */
  readonly attributes?: readonly Buffer[] | null
  /** Further members behind the attributes, and behind the signature. */
  readonly inside?: readonly Buffer[]
  readonly behind?: readonly Buffer[]
  readonly signer?: KeyObject
  readonly digest?: Digest
  readonly algorithm?: Buffer
  /** Made of the right one. */
  readonly signature?: (right: Buffer) => Buffer
}

export type Digest = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'

const RSA: Readonly<Record<Digest, string>> = {
  md5: '1.2.840.113549.1.1.4',
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
}
const ECDSA: Readonly<Record<Digest, string>> = {
  // There is none; a reader that only looks at the digest would take it.
  md5: '1.2.840.10045.4.3.99',
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
}
const NULL = Buffer.of(5, 0)

/** The base with these changes, signed anew. */
export function compose(base: BaseRequest, changes: Changes = {}): Buffer {
  const {
    version = base.version,
    subject = base.subject,
    spki = base.spki,
    extensions = base.extensions,
  } = changes
  const attributes = changes.attributes === undefined ? [extensionRequest(...extensions)] : changes.attributes
  const list = attributes === null ? [] : [der(0xa0, ...attributes)]
  const info = sequence(version, subject, spki, ...list, ...(changes.inside ?? []))
  return signed(info, changes.signer ?? base.key, changes)
}

export function signed(info: Buffer, key: KeyObject, changes: Changes = {}): Buffer {
  const { digest = 'sha256', signature = (right: Buffer) => right, behind = [] } = changes
  const type = key.asymmetricKeyType
  const right = sign(type === 'ed25519' ? null : digest, info, key)
  const own =
    type === 'ed25519'
      ? sequence(oid('1.3.101.112'))
      : type === 'rsa'
        ? sequence(oid(RSA[digest]), NULL)
        : sequence(oid(ECDSA[digest]))
  return sequence(info, changes.algorithm ?? own, bits(signature(right)), ...behind)
}

export function attribute(type: string, ...values: readonly Buffer[]): Buffer {
  return sequence(oid(type), set(...values))
}

export function extensionRequest(...extensions: readonly Buffer[]): Buffer {
  return attribute(EXTENSION_REQUEST, sequence(...extensions))
}

export function extension(type: string, value: Buffer, critical: readonly Buffer[] = []): Buffer {
  return sequence(oid(type), ...critical, octets(value))
}

export const dns = (name: string): Buffer => der(0x82, Buffer.from(name, 'latin1'))

export function general(name: string): Buffer {
  if (isIP(name) === 0) return dns(name)
  if (isIP(name) === 4) return der(0x87, Buffer.from(name.split('.').map(Number)))
  const [head = '', tail = ''] = name.split('::')
  const bytes = Buffer.alloc(16)
  for (const [index, group] of head.split(':').entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index)
  if (tail !== '') bytes.writeUInt16BE(Number.parseInt(tail, 16), 14)
  return der(0x87, bytes)
}

export function alternativeNames(...names: readonly Buffer[]): Buffer {
  return extension('2.5.29.17', sequence(...names))
}

export function commonName(...values: readonly (string | Buffer)[]): Buffer {
  const one = (value: string | Buffer) =>
    set(sequence(oid('2.5.4.3'), typeof value === 'string' ? text(value) : value))
  return sequence(...values.map(one))
}
