import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64url } from '../../src/acme/base64url.ts'

test('J8: what encodes comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      const buffer = Buffer.from(bytes)
      expect(decodeBase64url(buffer.toString('base64url'))).toEqual(buffer)
    }),
  )
})

test('J8: a text is taken exactly when its bytes encode to it again', () => {
  const characters = fc.constantFrom(...'ABQgwxyz0189-_+/= \n\r\t.\u0000\u00e9'.split(''))
  let taken = 0
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 9 }), (list) => {
      const text = list.join('')
      const canonical = Buffer.from(text, 'base64url').toString('base64url') === text
      if (canonical) taken++
      expect(decodeBase64url(text) !== null).toBe(canonical)
    }),
    { numRuns: 20_000 },
  )
  expect(taken).toBeGreaterThan(500)
})

test('J8: every last character of each length', () => {
  for (const prefix of ['', 'A', 'AA', 'AAA', 'AAAA', 'AAAAA']) {
    for (let code = 0; code < 256; code++) {
      const text = prefix + String.fromCharCode(code)
      const canonical = Buffer.from(text, 'base64url').toString('base64url') === text
      expect([text, decodeBase64url(text) !== null]).toEqual([text, canonical])
    }
  }
})
