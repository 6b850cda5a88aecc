/** Keys and signatures: what we sign, our own strict reader takes, and verifies. */
import { createHmac, generateKeyPairSync, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { readJws } from '../../../src/acme/jws.ts'
import { ACCOUNT_KEY_TYPES } from '../../../src/engine/account.ts'
import { makeAccountKey, signerOf } from '../../../src/engine/account-key.ts'
import { externalAccountBinding } from '../../../src/engine/external-account-binding.ts'
import { NoncePool } from '../../../src/engine/nonce-pool.ts'
import { signJws } from '../../../src/engine/sign-jws.ts'
import { verifySignature } from '../../../src/exchange/verify-signature.ts'
import { thumbprintOf } from '../../support/sign-jws.ts'

const ALGORITHMS = {
  ec256: 'ES256',
  ec384: 'ES384',
  rsa2048: 'RS256',
  rsa3072: 'RS256',
  rsa4096: 'RS256',
  ed25519: 'EdDSA',
} as const

test.each(ACCOUNT_KEY_TYPES)('%s signs what the strict reader takes and verifies', async (type) => {
  const pem = await makeAccountKey(type)
  expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
  const signer = signerOf(pem, null)
  expect(signer.alg).toBe(ALGORITHMS[type])
  expect(signer.thumbprint).toBe(thumbprintOf(signer.jwk))
  expect(Object.keys(signer.jwk).every((name) => ['kty', 'crv', 'x', 'y', 'n', 'e'].includes(name))).toBe(
    true,
  )

  for (const payload of ['' as const, { contact: ['mailto:a@example.net'] }]) {
    const header = { nonce: 'abc', url: 'https://ca.example/x', jwk: signer.jwk }
    const jws = await signJws(signer, header, payload)
    const { jws: read, ambiguities } = readJws(Buffer.from(JSON.stringify(jws)))
    expect(ambiguities).toEqual([])
    expect(read!.header).toEqual({ alg: signer.alg, kid: undefined, ...header })
    expect(read!.payload).toEqual(payload === '' ? undefined : payload)
    expect(await verifySignature(read!, signer.jwk)).toBe('verified')
    const other = { ...read!, payloadBytes: Buffer.from('{}') }
    expect(await verifySignature(other, signer.jwk)).toBe('invalid')
  }
})

test('the key of a certificate signs too, P-521 among them; other kinds are refused with words', () => {
  const pemOf = (pair: { privateKey: { export(options: object): unknown } }) =>
    pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  expect(signerOf(pemOf(generateKeyPairSync('ec', { namedCurve: 'P-521' })), null).alg).toBe('ES512')
  for (const pem of [
    pemOf(generateKeyPairSync('x25519')),
    pemOf(generateKeyPairSync('ed448')),
    pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })),
  ])
    expect(() => signerOf(pem, null)).toThrow(/use RSA, P-256, P-384, P-521 or Ed25519/)
  for (const none of ['', 'x', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'])
    expect(() => signerOf(none, null)).toThrow(/not an unencrypted private key in PEM/)
})

test.each([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
] as const)('an external account binding under %s is what RFC 8555 §7.3.4 has', async (algorithm, digest) => {
  const signer = signerOf(await makeAccountKey('ec256'), null)
  const macKey = Buffer.from('a key of the customer')
  const url = 'https://ca.example/new-account'
  const jws = externalAccountBinding({ keyId: 'kid-1', macKey, algorithm }, signer, url)
  const header = JSON.parse(Buffer.from(jws.protected, 'base64url').toString()) as unknown
  expect(header).toEqual({ alg: algorithm, kid: 'kid-1', url })
  expect(JSON.parse(Buffer.from(jws.payload, 'base64url').toString())).toEqual(signer.jwk)
  const mac = createHmac(digest, macKey).update(`${jws.protected}.${jws.payload}`).digest('base64url')
  expect(jws.signature).toBe(mac)
})

test('ECDSA signatures are r and s side by side', async () => {
  const signer = signerOf(await makeAccountKey('ec384'), null)
  const jws = await signJws(signer, { url: 'https://ca.example/x' }, {})
  const signature = Buffer.from(jws.signature, 'base64url')
  expect(signature).toHaveLength(96)
  const input = Buffer.from(`${jws.protected}.${jws.payload}`)
  expect(verify('sha384', input, { key: signer.key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
})

test('nonces: the newest first, none twice, none that is old, none that is no nonce, 100 at most', () => {
  let now = 0
  const pool = new NoncePool({ now: () => ({ wall: now, monotonic: now }) })
  for (const nonce of ['one', 'two', 'two', 'not base64url', '', 'ü', 'x'.repeat(600)]) pool.add(nonce)
  expect([pool.take(), pool.take(), pool.take()]).toEqual(['two', 'one', null])
  pool.add('two')
  expect(pool.take()).toBeNull()
  expect([pool.claim('two'), pool.claim('three'), pool.claim('three')]).toEqual([false, true, false])

  for (let each = 0; each < 150; each++) pool.add(`n${each}`)
  expect(pool.size).toBe(100)
  const all = Array.from({ length: 101 }, () => pool.take())
  expect([all[0], all[99], all[100]]).toEqual(['n149', 'n50', null])

  pool.add('old')
  now += 6 * 60_000_000
  expect(pool.take()).toBeNull()
  pool.add('young')
  pool.clear()
  expect(pool.take()).toBeNull()
})
