import { generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { derSignature } from '../../src/exchange/ecdsa-signature.ts'

const CURVES = [
  ['P-256', 'sha256', 64],
  ['P-384', 'sha384', 96],
  ['P-521', 'sha512', 132],
] as const

test.each(CURVES)(
  'RFC 7518 §3.4: %s signatures verify after the conversion',
  (namedCurve, digest, length) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
    for (let n = 0; n < 50; n += 1) {
      const data = Buffer.from(`message ${n}`)
      const signature = sign(digest, data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      expect(signature).toHaveLength(length)
      expect(verify(digest, data, publicKey, derSignature(signature))).toBe(true)
      signature[n % length]! ^= 1
      expect(verify(digest, data, publicKey, derSignature(signature))).toBe(false)
    }
  },
)

test('the numbers stay what they were, whatever their leading bytes', () => {
  const lengths = fc.constantFrom(64, 96, 132)
  const heads = fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xff)
  fc.assert(
    fc.property(lengths, heads, heads, fc.nat(20), (length, first, second, zeros) => {
      const signature = Buffer.alloc(length, 0x5a)
      signature.fill(0, 0, zeros)
      signature[zeros] = first
      signature[length / 2] = second
      const [r, s] = integersOf(derSignature(signature))
      expect(r).toBe(BigInt(`0x${signature.toString('hex', 0, length / 2)}`))
      expect(s).toBe(BigInt(`0x${signature.toString('hex', length / 2)}`))
    }),
  )
})

/** Reads the DER strictly: minimal lengths, minimal non-negative integers, nothing behind. */
function integersOf(der: Buffer): bigint[] {
  expect(der[0]).toBe(0x30)
  const long = der[1] === 0x81
  const length = long ? der[2]! : der[1]!
  expect(long).toBe(length > 127)
  let at = long ? 3 : 2
  expect(der).toHaveLength(at + length)
  const numbers: bigint[] = []
  while (at < der.length) {
    expect(der[at]).toBe(0x02)
    const bytes = der.subarray(at + 2, at + 2 + der[at + 1]!)
    expect(bytes[0]! < 0x80).toBe(true)
    if (bytes.length > 1 && bytes[0] === 0) expect(bytes[1]! >= 0x80).toBe(true)
    numbers.push(BigInt(`0x${bytes.toString('hex')}`))
    at += 2 + bytes.length
  }
  return numbers
}
