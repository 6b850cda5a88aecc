import { describe, expect, test } from 'vitest'
import type { Jwk } from '../../src/acme/jwk.ts'
import { type JwsReading, readJws } from '../../src/acme/jws.ts'
import { verifySignature } from '../../src/exchange/verify-signature.ts'
import { readVectors, type VectorGroup } from '../support/vectors.ts'

/**
 * Wycheproof's verdicts in our words. `valid` with one of our five algorithms, by a key that does not name another
 * one, must be `verified`. `valid` with anything else (HMAC, RSA-PSS, SHA-384 with RSA, a key whose `alg` is not
 * its own algorithm) is something we do not verify: never `verified`, and never called wrong unless the header
 * names an algorithm the key does not have. `invalid` must never be `verified`. `acceptable` would count as either;
 * these files hold none. Payloads of the vectors are no JSON: that ambiguity is not looked at here.
 */
const OURS = new Set(['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA'])
const missing = (name: string) => `../shared/vectors/${name} is not there: the Wycheproof vectors did NOT run`

function read(compact: string): JwsReading {
  const parts = compact.split('.')
  const [header, payload, signature] = parts
  const body =
    parts.length === 3 ? JSON.stringify({ protected: header, payload, signature }) : JSON.stringify(compact)
  return readJws(Buffer.from(body))
}

/** Whether a relying program would take it: read without doubt about the envelope, and verified. */
async function taken({ jws, ambiguities }: JwsReading, key: Jwk): Promise<boolean> {
  const doubts = ambiguities.filter(({ where }) => where !== 'payload' && !where.startsWith('payload['))
  return jws !== null && doubts.length === 0 && (await verifySignature(jws, key)) === 'verified'
}

const keysOf = (group: VectorGroup) => {
  const set = group.public ?? group.private!
  return (set.keys ?? [set]) as unknown as Jwk[]
}

describe.each([
  ['json_web_signature_test.json', 401, 10],
  ['json_web_key_test.json', 26, 1],
])('J1–J3, J8: %s', (name, total, allVerified) => {
  const groups = readVectors(name)

  test('every verdict is the one expected', async (context) => {
    if (!groups) return context.skip(missing(name))
    let seen = 0
    let verified = 0
    for (const group of groups) {
      const [key, ...more] = keysOf(group)
      for (const vector of group.tests) {
        seen++
        const reading = read(vector.jws!)
        const alg = reading.jws?.header.alg ?? ''
        const ours = more.length === 0 && OURS.has(alg) && (key!.alg === undefined || key!.alg === alg)
        const expected = vector.result === 'valid' && ours
        const label = `${vector.tcId} ${group.comment} ${vector.comment}`
        expect([label, more.length === 0 && (await taken(reading, key!))]).toEqual([label, expected])
        expect(vector.result).not.toBe('acceptable')
        if (expected) verified++
      }
    }
    expect(seen).toBe(total)
    expect(verified).toBe(allVerified)
  })
})

describe('J8: the base64 group of json_web_signature_test.json', () => {
  test('what is no base64url is not read, whoever signed it', (context) => {
    const group = readVectors('json_web_signature_test.json')?.find(({ comment }) => comment === 'base64')
    if (!group) return context.skip(missing('json_web_signature_test.json'))
    const refused: number[] = []
    for (const { tcId, jws, result } of group.tests) {
      const strict = jws!
        .split('.')
        .every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
      expect([tcId, read(jws!).jws !== null]).toEqual([tcId, strict])
      if (result === 'valid' && !strict) refused.push(tcId)
    }
    // Two vectors hold a `?` inside a part and are called valid; RFC 7515 §2 has no such letter, so we refuse them.
    expect(refused).toEqual([372, 373])
  })
})

describe('J2: ecdsa_secp256r1_sha256_p1363_test.json', () => {
  const name = 'ecdsa_secp256r1_sha256_p1363_test.json'

  /**
   * The vectors sign bytes of their own, no JWS. So the arithmetic, which is the library's, is compared with every
   * verdict; and each signature, put on a JWS of ours, must be invalid.
   */
  test('every verdict is the one expected', async (context) => {
    const groups = readVectors(name)
    if (!groups) return context.skip(missing(name))
    const { header, payload } = {
      header: Buffer.from('{"alg":"ES256"}').toString('base64url'),
      payload: 'e30',
    }
    let seen = 0
    for (const { publicKey, tests } of groups) {
      const number = (hex: string) =>
        Buffer.from(hex.padStart(64, '0').slice(-64), 'hex').toString('base64url')
      const jwk: Jwk = { kty: 'EC', crv: 'P-256', x: number(publicKey!.wx), y: number(publicKey!.wy) }
      const key = await crypto.subtle.importKey(
        'jwk',
        jwk as never,
        { name: 'ECDSA', namedCurve: 'P-256' },
        false,
        ['verify'],
      )
      for (const { tcId, msg, sig, result } of tests) {
        seen++
        const signature = Buffer.from(sig!, 'hex')
        const right =
          signature.length === 64 &&
          (await crypto.subtle.verify(
            { name: 'ECDSA', hash: 'SHA-256' },
            key,
            signature,
            Buffer.from(msg!, 'hex'),
          ))
        expect([tcId, right]).toEqual([tcId, result === 'valid'])
        const { jws } = readJws(
          Buffer.from(
            JSON.stringify({ protected: header, payload, signature: signature.toString('base64url') }),
          ),
        )
        if (jws) expect([tcId, await verifySignature(jws, jwk)]).toEqual([tcId, 'invalid'])
      }
    }
    expect(seen).toBe(262)
  })
})
