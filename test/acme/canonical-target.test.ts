import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalTarget } from '../../src/acme/canonical-target.ts'

describe('what a lax server might take a target for', () => {
  test.each([
    '/order-plz',
    '/order-plz/',
    '//order-plz',
    '/./order-plz',
    '/x/../order-plz',
    '/../order-plz',
    '/order-plz/.',
    '/order-plz?x=1',
    '/order-plz#x',
    '/order-plz%3Fx=1',
    '/order-plz%253fx',
    '/order-plz%23',
    '/%6frder-plz',
    '/%256Frder-plz',
    '/%25%36%66rder-plz',
    '/%%36frder-plz',
    '/Order-PLZ',
    '\\order-plz',
    '/%5corder-plz',
    '/%2Forder-plz',
    '/%2e%2e/order-plz',
    '/x/%252e%252e/order-plz',
    '/order-plz;v=1',
    '/x;a=b/../order-plz',
    '/order-plz%00',
    '/order-plz%20',
    '/order-plz%0d%0a',
    '/or\tder-plz',
    '/%c0%afor%c1%a4er-plz',
    'order-plz',
  ])('%j is /order-plz', (target) => {
    expect(canonicalTarget(target)).toBe('/order-plz')
  })

  test.each([
    ['/%c5%bfign-me-up', '/sign-me-up'],
    ['/\u00c5\u00bfign-me-up', '/sign-me-up'],
    ['/\u017fign-me-up', '/sign-me-up'],
    ['/ro\u212aey', '/rokey'],
    ['/ro%E2%84%AAey', '/rokey'],
    ['/', '/'],
    ['', '/'],
    ['*', '/*'],
    ['/a.b/c..d/~e', '/a.b/c..d/~e'],
    ['/%', '/%'],
    ['/%g1', '/%g1'],
    ['/acme/authz/12?page=2', '/acme/authz/12'],
  ])('%j is %j', (target, canonical) => {
    expect(canonicalTarget(target)).toBe(canonical)
  })

  const piece = fc.constantFrom(
    '/',
    '//',
    '\\',
    '.',
    '..',
    '%',
    '%2',
    '25',
    '2f',
    '%2e',
    '%5C',
    '?',
    '#',
    ';',
    'a',
    'B',
    'order',
    '\u017f',
    '\u212a',
    '%c5',
    '%bf',
    '\u00e2',
    '%84',
    '\u00aa',
    '%c0',
    '\t',
    '6',
    '1',
    'f',
  )
  const target = fc.array(piece, { maxLength: 30 }).map((pieces) => `/${pieces.join('')}`)

  test('cleaning up a second time changes nothing', () => {
    fc.assert(
      fc.property(target, (candidate) => {
        const once = canonicalTarget(candidate)
        expect(canonicalTarget(once)).toBe(once)
      }),
      { numRuns: 5000 },
    )
  })

  test('encoding any character, however often, changes nothing', () => {
    const path = fc.array(fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(path, fc.array(fc.nat(), { maxLength: 6 }), (segments, places) => {
        const plain = `/${segments.join('/')}`
        let encoded = plain
        for (const place of places) {
          const at = place % encoded.length
          const code = encoded.charCodeAt(at).toString(16).padStart(2, '0')
          encoded = `${encoded.slice(0, at)}%${code}${encoded.slice(at + 1)}`
        }
        expect(canonicalTarget(encoded)).toBe(canonicalTarget(plain))
        expect(canonicalTarget(plain)).toBe(plain.toLowerCase())
      }),
    )
  })

  test('targets that differ in more than clean-up stay apart', () => {
    const path = fc
      .array(fc.stringMatching(/^[a-z0-9_-]{1,8}$/), { minLength: 1, maxLength: 4 })
      .map((segments) => `/${segments.join('/')}`)
    fc.assert(
      fc.property(path, path, (one, other) => {
        expect(canonicalTarget(one) === canonicalTarget(other)).toBe(one === other)
      }),
    )
  })

  test('the work grows with the length alone', () => {
    for (const long of [
      `/${'%25'.repeat(5400)}41`,
      `/%${'25'.repeat(8000)}41`,
      `/a${'/..'.repeat(5400)}`,
      `/${'%'.repeat(16_000)}`,
      `${'/a'.repeat(8000)}?`,
      `/${'a'.repeat(16_000)}!`,
    ]) {
      const canonical = canonicalTarget(long)
      expect(canonicalTarget(canonical)).toBe(canonical)
    }
    expect(canonicalTarget(`/%${'25'.repeat(8000)}41`)).toBe('/a')
  })
})
