import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  certificateOf,
  contactsOf,
  csrOf,
  externalAccountBindingOf,
  identifiersOf,
  innerJws,
  profileOf,
  replacesOf,
} from '../../src/acme/payloads.ts'

const NAME = { type: 'dns', value: 'a.example' }
const OTHER = { type: 'ip', value: '192.0.2.1' }

test('RFC 8555 §7.4: identifiers as written, as often as written', () => {
  expect(identifiersOf({ identifiers: [NAME, NAME, { ...OTHER, more: 1 }] })).toEqual([NAME, NAME, OTHER])
  expect(identifiersOf({ identifiers: [] })).toEqual([])
  expect(identifiersOf({})).toEqual([])
})

test('what stands where an identifier should is never left out, and is no name that could be judged', () => {
  const strange = [
    null,
    5,
    'x',
    {},
    { type: 'dns' },
    [NAME],
    { type: 1, value: 'x' },
    { type: 'dns', value: ['x'] },
  ]
  expect(identifiersOf({ identifiers: [...strange, NAME] })).toEqual([
    { type: '', value: 'null' },
    { type: '', value: '5' },
    { type: '', value: 'x' },
    { type: '', value: '{}' },
    { type: '', value: '{"type":"dns"}' },
    { type: '', value: '[{"type":"dns","value":"a.example"}]' },
    { type: '1', value: 'x' },
    { type: 'dns', value: '["x"]' },
    NAME,
  ])
  expect(identifiersOf({ identifiers: NAME })).toEqual([NAME])
  expect(identifiersOf({ identifiers: 'x' })).toEqual([{ type: '', value: 'x' }])
  expect(identifiersOf({ identifiers: null })).toEqual([{ type: '', value: 'null' }])
  expect(identifiersOf({ identifier: [NAME] }, 'newAuthz')).toHaveLength(1)
})

test('RFC 8555 §7.4.1: the one identifier of a newAuthz', () => {
  expect(identifiersOf({ identifier: NAME })).toEqual([NAME])
  const both = { identifiers: [NAME], identifier: OTHER }
  expect(identifiersOf(both, 'newOrder')).toEqual([NAME])
  expect(identifiersOf(both, 'newAuthz')).toEqual([OTHER])
  expect(identifiersOf(both)).toEqual([NAME, OTHER])
})

test('contacts, profile, replaces, CSR and certificate', () => {
  expect(contactsOf({ contact: ['mailto:a@example.com', 5, null] })).toEqual(['mailto:a@example.com'])
  expect(contactsOf({ contact: 'mailto:a@example.com' })).toEqual(['mailto:a@example.com'])
  expect(contactsOf({ contact: 5 })).toEqual([])
  expect([profileOf({ profile: 'shortlived' }), profileOf({ profile: 5 })]).toEqual(['shortlived', null])
  expect([replacesOf({ replaces: 'a.b' }), replacesOf(null)]).toEqual(['a.b', null])
  expect([csrOf({ csr: 'AQAB' }), csrOf({ csr: 'AQAB=' })]).toEqual([Buffer.from([1, 0, 1]), null])
  expect([certificateOf({ certificate: 'AQAB' }), certificateOf({ certificate: '' })]).toEqual([
    Buffer.from([1, 0, 1]),
    null,
  ])
})

test('RFC 8555 §7.3.4 and §7.3.5: inner JWS', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const jwk = { kty: 'EC', crv: 'P-256', x: 'AQAB', y: 'AQAB' }
  const inner = {
    protected: encode({ alg: 'ES256', jwk }),
    payload: encode({ account: 'x' }),
    signature: 'AQAB',
  }
  expect(innerJws(inner)?.jws?.header.jwk).toEqual(jwk)
  expect(innerJws({ contact: [] })).toBeNull()
  expect(innerJws({ ...inner, signature: 5 })).toMatchObject({
    jws: null,
    ambiguities: [{ where: 'payload.signature' }],
  })
  expect(externalAccountBindingOf({ externalAccountBinding: inner })?.jws?.header.alg).toBe('ES256')
  expect(externalAccountBindingOf({ externalAccountBinding: null })).toBeNull()
  expect(externalAccountBindingOf({})).toBeNull()
})

test('no payload makes a reader throw', () => {
  const names = fc.constantFrom(
    'identifiers',
    'identifier',
    'type',
    'value',
    'contact',
    'csr',
    'certificate',
    'protected',
    'payload',
    'externalAccountBinding',
  )
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.object({ key: names })), (payload) => {
      for (const read of [
        identifiersOf,
        contactsOf,
        innerJws,
        externalAccountBindingOf,
        certificateOf,
        csrOf,
        replacesOf,
        profileOf,
      ]) {
        expect(() => read(payload)).not.toThrow()
      }
    }),
  )
})
