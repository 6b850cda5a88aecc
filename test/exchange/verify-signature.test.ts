import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, test } from 'vitest'
import type { Jwk } from '../../src/acme/jwk.ts'
import { type Jws, readJws } from '../../src/acme/jws.ts'
import { thumbprintOf } from '../../src/acme/thumbprint.ts'
import { verifySignature } from '../../src/exchange/verify-signature.ts'

const ALGORITHMS = {
  ES256: { pair: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), hash: 'sha256' },
  ES384: { pair: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), hash: 'sha384' },
  ES512: { pair: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }), hash: 'sha512' },
  RS256: { pair: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256' },
  EdDSA: { pair: () => generateKeyPairSync('ed25519'), hash: null },
} as const
type Name = keyof typeof ALGORITHMS
const NAMES = Object.keys(ALGORITHMS) as Name[]

const keys = Object.fromEntries(
  NAMES.map((name) => {
    const { privateKey, publicKey } = ALGORITHMS[name].pair()
    return [name, { privateKey, jwk: publicKey.export({ format: 'jwk' }) as unknown as Jwk }]
  }),
) as Record<Name, { privateKey: KeyObject; jwk: Jwk }>

function signed(alg: string, by: Name, options: { der?: boolean } = {}): Jws {
  const header = Buffer.from(JSON.stringify({ alg, url: 'https://ca.example/x' })).toString('base64url')
  const payload = Buffer.from('{"a":1}').toString('base64url')
  const key = { key: keys[by].privateKey, dsaEncoding: options.der ? 'der' : 'ieee-p1363' } as const
  const signature = sign(ALGORITHMS[by].hash, Buffer.from(`${header}.${payload}`), key).toString('base64url')
  return readJws(Buffer.from(JSON.stringify({ protected: header, payload, signature }))).jws!
}

describe('J1: one algorithm for each key', () => {
  test.each(NAMES)('%s verifies by its own key and by no other', async (name) => {
    for (const other of NAMES) {
      expect(await verifySignature(signed(name, name), keys[other].jwk)).toBe(
        other === name ? 'verified' : 'invalid',
      )
    }
  })

  test('any other name in the header is invalid, also where the signature is right', async () => {
    const names = [
      'none',
      'None',
      '',
      'HS256',
      'HS384',
      'HS512',
      'RS384',
      'RS512',
      'PS256',
      'PS384',
      'PS512',
      'ES256K',
      'Ed25519',
      'Ed448',
      'es256',
      'RS1',
      'ML-DSA-44',
    ]
    for (const by of NAMES) {
      for (const alg of [...names, ...NAMES.filter((name) => name !== by)]) {
        expect([alg, by, await verifySignature(signed(alg, by), keys[by].jwk)]).toEqual([alg, by, 'invalid'])
      }
    }
  })

  test('a key that says it signs otherwise is not used', async () => {
    const { jwk } = keys.ES256
    const denials: Partial<Jwk>[] = [{ alg: 'ES384' }, { use: 'enc' }, { key_ops: ['sign'] }]
    for (const denial of denials)
      expect(await verifySignature(signed('ES256', 'ES256'), { ...jwk, ...denial })).toBe('unverifiable')
    expect(
      await verifySignature(signed('ES256', 'ES256'), {
        ...jwk,
        alg: 'ES256',
        use: 'sig',
        key_ops: ['verify'],
      }),
    ).toBe('verified')
  })
})

describe('J2: signatures of the right form only', () => {
  test.each(['ES256', 'ES384', 'ES512'] as const)('%s in DER', async (name) => {
    expect(await verifySignature(signed(name, name, { der: true }), keys[name].jwk)).toBe('invalid')
  })

  test.each(NAMES)('%s of any other length, or with one bit changed', async (name) => {
    const jws = signed(name, name)
    for (let length = 0; length <= 300; length += 3) {
      if (length === jws.signatureBytes.length) continue
      const signatureBytes = Buffer.concat([jws.signatureBytes, Buffer.alloc(300)]).subarray(0, length)
      expect(await verifySignature({ ...jws, signatureBytes }, keys[name].jwk)).toBe('invalid')
    }
    for (const at of [0, 17, jws.signatureBytes.length - 1]) {
      const signatureBytes = Buffer.from(jws.signatureBytes)
      signatureBytes[at]! ^= 1
      expect(await verifySignature({ ...jws, signatureBytes }, keys[name].jwk)).toBe('invalid')
    }
    expect(await verifySignature({ ...jws, payloadBytes: Buffer.from('{"a":2}') }, keys[name].jwk)).toBe(
      'invalid',
    )
    expect(await verifySignature({ ...jws, payloadBytes: Buffer.from('') }, keys[name].jwk)).toBe('invalid')
  })
})

describe('J3: keys that are none', () => {
  const rsa = keys.RS256.jwk
  const ec = keys.ES256.jwk
  const modulus = Buffer.from(rsa.n!, 'base64url')
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({
    format: 'jwk',
  }) as unknown as Jwk
  const even = Buffer.from(modulus)
  even[255]! &= 0xfe
  const bad: [string, Jwk][] = [
    ['1024 bits', small],
    ['exponent 1', { ...rsa, e: 'AQ' }],
    ['even exponent', { ...rsa, e: 'BA' }],
    ['huge exponent', { ...rsa, e: rsa.n! }],
    ['even modulus', { ...rsa, n: even.toString('base64url') }],
    [
      'a small factor',
      { ...rsa, n: Buffer.concat([Buffer.from([0xff]), Buffer.alloc(255, 0xff)]).toString('base64url') },
    ],
    ['16384 bits', { ...rsa, n: Buffer.alloc(2048, 0xfb).toString('base64url') }],
    ['no modulus', { kty: 'RSA', e: 'AQAB' }],
    ['off the curve', { ...ec, y: ec.x! }],
    ['another curve', { ...ec, crv: 'P-384' }],
    ['no y', { kty: 'EC', crv: 'P-256', x: ec.x! }],
    ['short x', { ...ec, x: 'AQAB' }],
    ['symmetric', { kty: 'oct' }],
    ['secp256k1', { ...ec, crv: 'secp256k1' }],
    ['X25519', { kty: 'OKP', crv: 'X25519', x: keys.EdDSA.jwk.x! }],
    ['a short Ed25519 key', { kty: 'OKP', crv: 'Ed25519', x: 'AQAB' }],
    ['an unknown kind', { kty: 'AKP' }],
  ]
  test.each(bad)('%s is unverifiable, each time', async (_name, jwk) => {
    for (let time = 0; time < 2; time++) {
      for (const name of ['ES256', 'RS256'] as const)
        expect(await verifySignature(signed(name, name), jwk)).toBe('unverifiable')
    }
  })
})

describe('RFC 7638', () => {
  test.each(NAMES)('thumbprint of an %s key', async (name) => {
    const { jwk } = keys[name]
    expect(thumbprintOf(jwk)).toBe(await calculateJwkThumbprint(jwk as never))
    expect(thumbprintOf({ ...jwk, alg: name, use: 'sig' })).toBe(thumbprintOf(jwk))
  })

  test('leading zero bytes make no other key', () => {
    const { n, e } = keys.RS256.jwk
    const padded = (number: string) =>
      Buffer.concat([Buffer.alloc(2), Buffer.from(number, 'base64url')]).toString('base64url')
    expect(thumbprintOf({ kty: 'RSA', n: padded(n!), e: padded(e!) })).toBe(thumbprintOf(keys.RS256.jwk))
  })

  test('a private key has the thumbprint of its public one', () => {
    const pair = createPrivateKey(keys.ES256.privateKey.export({ type: 'pkcs8', format: 'pem' })).export({
      format: 'jwk',
    })
    expect(thumbprintOf(pair as unknown as Jwk)).toBe(thumbprintOf(keys.ES256.jwk))
  })
})
