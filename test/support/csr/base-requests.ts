import { execFileSync } from 'node:child_process'
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Identifier } from '../../../src/acme/identifier.ts'
import { readElement, readElements } from '../test-ca/der.ts'

/** A request as `openssl req` made it, in the parts that mutations change. Buffers hold whole elements. */
export interface BaseRequest {
  readonly name: string
  /** What its order is for. */
  readonly identifiers: readonly Identifier[]
  readonly der: Buffer
  readonly key: KeyObject
  readonly version: Buffer
  readonly subject: Buffer
  readonly spki: Buffer
  readonly attributes: readonly Buffer[]
  readonly extensions: readonly Buffer[]
  /** The same key with the curve spelt out; null where it has none. */
  readonly explicitSpki: Buffer | null
}

const hundred = Array.from({ length: 100 }, (_, index) => `host-${index}.example.com`)

const KEYS = {
  rsa2048: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa4096: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  ed25519: ['-algorithm', 'ED25519'],
} as const

const BASES: readonly (readonly [keyof typeof KEYS, string, readonly string[], (readonly string[])?])[] = [
  ['rsa2048', '/CN=one.example.com', ['one.example.com']],
  ['rsa4096', '/', ['one.example.com']],
  ['p256', '/CN=one.example.com', ['one.example.com']],
  ['p256', '/', ['one.example.com']],
  ['p384', '/O=Example/CN=b.example.com', ['a.example.com', 'b.example.com', 'c.example.com']],
  ['p521', '/', ['a.example.com', 'b.example.com']],
  ['ed25519', '/CN=one.example.com', ['one.example.com']],
  ['p256', '/CN=host-0.example.com', hundred],
  ['rsa2048', '/', hundred],
  ['p256', '/', ['192.0.2.1', '2001:db8::1', 'one.example.com']],
  ['p256', '/CN=one.example.com', ['one.example.com'], ['tlsfeature=status_request']],
  ['p256', '/', ['*.example.com', 'example.com']],
]

/** Twelve requests of real clients' kinds, made by openssl with keys of their own. */
export function baseRequests(): BaseRequest[] {
  const folder = mkdtempSync(join(tmpdir(), 'acmetap-csr-'))
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    return BASES.map(([kind, subject, names, more = []], index) => {
      const key = file(`${index}.pem`)
      openssl('genpkey', ...KEYS[kind], '-out', key)
      const list = names.map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`).join(',')
      const added = [`subjectAltName=${list}`, ...more].flatMap((extension) => ['-addext', extension])
      const der = openssl('req', '-new', '-key', key, '-subj', subject, ...added, '-outform', 'DER')
      const explicitSpki = kind.startsWith('p')
        ? openssl('pkey', '-in', key, '-pubout', '-ec_param_enc', 'explicit', '-outform', 'DER')
        : null
      const identifiers = names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }))
      const name = `${kind} ${subject === '/' ? 'without CN' : subject}, ${names.length} names`
      const privateKey = createPrivateKey(readFileSync(key))
      return { name, identifiers, der, key: privateKey, explicitSpki, ...partsOf(der) }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function partsOf(der: Buffer) {
  const [info] = readElements(readElement(der).content)
  const [version, subject, spki, attributes] = readElements(info!.content)
  const all = readElements(attributes!.content)
  const [, values] = readElements(all[0]!.content)
  const extensions = readElements(readElement(values!.content).content)
  return {
    version: version!.whole,
    subject: subject!.whole,
    spki: spki!.whole,
    attributes: all.map(({ whole }) => whole),
    extensions: extensions.map(({ whole }) => whole),
  }
}
