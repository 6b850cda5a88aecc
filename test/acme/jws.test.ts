import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readJws } from '../../src/acme/jws.ts'

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const JWK = { kty: 'EC', crv: 'P-256', x: 'AQAB', y: 'AQAB' }
const HEADER = {
  alg: 'ES256',
  nonce: 'bm9uY2U',
  url: 'https://ca.example/new-order',
  kid: 'https://ca.example/acct/1',
}
const { kid: _, ...BY_KEY } = { ...HEADER, jwk: JWK }
const SIGNATURE = Buffer.alloc(64, 7).toString('base64url')

const body = (members: Record<string, unknown> = {}) =>
  Buffer.from(
    JSON.stringify({
      protected: encode(HEADER),
      payload: encode({ a: 1 }),
      signature: SIGNATURE,
      ...members,
    }),
  )
const found = (bytes: Buffer) => readJws(bytes).ambiguities.map(({ kind, where }) => `${kind} ${where}`)
const withHeader = (header: unknown) => body({ protected: encode(header) })
const withPayload = (payload: unknown) => body({ payload: encode(payload) })

describe('what real clients send is clean', () => {
  test.each([
    ['POST-as-GET', body({ payload: '' })],
    ['a challenge answer', withPayload({})],
    ['by jwk', withHeader(BY_KEY)],
    ['typ in the header (ruby acme-client)', withHeader({ typ: 'JWT', ...HEADER })],
    [
      'members in another order, white space',
      Buffer.from(`\n{ "signature" : "${SIGNATURE}", "payload":"", "protected":"${encode(HEADER)}" }\r\n`),
    ],
    [
      'empty members of an order (caddy)',
      withPayload({
        identifiers: [{ type: 'dns', value: 'a.example' }],
        expires: '0001-01-01T00:00:00Z',
        authorizations: null,
        finalize: '',
        certificate: '',
      }),
    ],
    [
      'a name twice, and nulls (acme-redirect)',
      withPayload({
        identifiers: [
          { type: 'dns', value: 'a.example' },
          { type: 'dns', value: 'a.example' },
        ],
        notBefore: null,
        notAfter: null,
      }),
    ],
    ['mixed case in values', withPayload({ identifiers: [{ type: 'dns', value: 'WWW.Example.COM' }] })],
    ['an order with its certificate URL', withPayload({ certificate: 'https://ca.example/cert/1' })],
    ['no binding, said with null', withPayload({ externalAccountBinding: null, contact: [] })],
    ['an address with letters of its own', withPayload({ contact: ['mailto:j\u00f6rg@example.com'] })],
    ['a finalize', withPayload({ csr: encode('csr') })],
    ['a revocation', withPayload({ certificate: encode('certificate'), reason: 1 })],
    [
      'an e-mail identifier',
      withPayload({ identifiers: [{ type: 'email', value: 'j\u00f6rg@example.com' }] }),
    ],
  ])('%s', (_name, bytes) => {
    expect(found(bytes)).toEqual([])
    expect(readJws(bytes).jws).not.toBeNull()
  })

  test('the reading holds what was sent', () => {
    const { jws } = readJws(withPayload({ identifiers: [{ type: 'dns', value: 'a.example' }] }))
    expect(jws?.header).toEqual({ ...HEADER, jwk: undefined })
    expect(JSON.stringify(jws?.payload)).toBe('{"identifiers":[{"type":"dns","value":"a.example"}]}')
    expect(jws?.protectedBytes.toString()).toBe(JSON.stringify(HEADER))
    expect(jws?.signatureBytes).toEqual(Buffer.alloc(64, 7))
    expect(readJws(withHeader(BY_KEY)).jws?.header.jwk).toEqual(JWK)
    expect(readJws(body({ payload: '' })).jws?.payload).toBeUndefined()
  })
})

describe('J4: header members that change how the rest is read', () => {
  test.each(['crit', 'b64', 'zip'])('%s', (name) => {
    for (const value of [null, true, false, [], ['b64'], 'DEF', {}]) {
      expect(found(withHeader({ ...HEADER, [name]: value }))).toContain(`critical-header protected.${name}`)
    }
  })

  test.each(['x5u', 'jku', 'x5c', 'cty'])('%s is passed on and never followed', (name) => {
    expect(found(withHeader({ ...HEADER, [name]: 'https://elsewhere.example/' }))).toEqual([])
  })
})

describe('J5: nothing but the flattened serialization', () => {
  const parts = JSON.parse(body().toString()) as Record<string, string>
  test.each([
    [body({ header: {} }), 'unprotected-header header'],
    [body({ signatures: [] }), 'general-serialization signatures'],
    [body({ extra: 1 }), 'not-a-flattened-jws body.extra'],
    [body({ Header: {} }), 'case-folded-member body.Header'],
    [body({ payload: undefined }), 'not-a-flattened-jws payload'],
    [body({ payload: null }), 'not-a-flattened-jws payload'],
    [body({ protected: {} }), 'not-a-flattened-jws protected'],
    [body({ signature: '' }), 'not-a-flattened-jws signature'],
    [Buffer.from(`[${body()}]`), 'not-an-object body'],
    [Buffer.from('null'), 'not-an-object body'],
    [Buffer.from(`${parts.protected}.${parts.payload}.${parts.signature}`), 'not-json body'],
    [Buffer.from(`\ufeff${body()}`), 'not-json body'],
    [Buffer.from(`${body()}${body()}`), 'not-json body'],
    [Buffer.from(`${body()}//`), 'not-json body'],
    [Buffer.from(body().toString().replace('{', '{"payload":"",')), 'duplicate-member body.payload'],
    [Buffer.from(''), 'not-json body'],
    [withHeader([]), 'not-an-object protected'],
    [withHeader('x'), 'not-json protected'],
    [body({ protected: '' }), 'not-json protected'],
    [withPayload([]), 'not-an-object payload'],
    [withPayload('null'), 'not-an-object payload'],
    [withPayload('text'), 'not-json payload'],
  ])('%#: %s', (bytes, expected) => {
    expect(found(bytes)).toContain(expected)
  })
})

describe('J6: ambiguous members, wherever they stand', () => {
  test.each([
    [
      withHeader(JSON.stringify(HEADER).replace('}', ',"url":"https://ca.example/x"}')),
      'duplicate-member protected.url',
    ],
    [withHeader({ ...HEADER, URL: 'x' }), 'case-folded-member protected.URL'],
    [withHeader({ ...BY_KEY, jwk: { ...JWK, X: 'AQAB' } }), 'case-folded-member protected.jwk.X'],
    [
      withPayload({ identifiers: [{ type: 'dns', value: 'a', Value: 'b' }] }),
      'case-folded-member payload.identifiers[0].Value',
    ],
    [
      withPayload({ identifiers: [{ type: 'dns', value: 'ban\u212a.example' }] }),
      'identifier-not-ascii payload.identifiers[0].value',
    ],
    [
      withPayload({ identifier: { type: 'dns', value: 'b\u00fccher.example' } }),
      'identifier-not-ascii payload.identifier.value',
    ],
  ])('%#: %s', (bytes, expected) => {
    expect(found(bytes)).toContain(expected)
  })
})

describe('J8: lax base64url', () => {
  const lax: readonly ((text: string) => string)[] = [
    (text) => `${text}=`,
    (text) => `${text}==`,
    (text) => `${text}\n`,
    (text) => ` ${text}`,
    (text) => `${text.slice(0, 4)}\r\n${text.slice(4)}`,
    (text) => `${text.slice(0, 4)} ${text.slice(4)}`,
    (text) => `+${text.slice(1)}`,
    (text) => `/${text.slice(1)}`,
    (text) => `${text}.`,
    (text) => `${text}\u0000`,
  ]
  test.each(['protected', 'payload', 'signature'])('%s', (name) => {
    for (const change of lax) {
      const text = (JSON.parse(body().toString()) as Record<string, string>)[name]!
      const reading = readJws(body({ [name]: change(text) }))
      expect(reading.ambiguities).toContainEqual({ kind: 'not-base64url', where: name })
      expect(reading.jws).toBeNull()
    }
  })

  test.each(['csr', 'certificate'])('%s', (name) => {
    for (const change of lax)
      expect(found(withPayload({ [name]: change(encode('der')) }))).toContain(`not-base64url payload.${name}`)
    expect(found(withPayload({ [name]: 'ZGVyZB' }))).toContain(`not-base64url payload.${name}`)
  })

  test.each(['x', 'y'])('jwk.%s', (name) => {
    for (const change of lax) {
      expect(found(withHeader({ ...BY_KEY, jwk: { ...JWK, [name]: change('AQAB') } }))).toContain(
        `not-base64url protected.jwk.${name}`,
      )
    }
  })
})

describe('J9: which key', () => {
  test('both', () => {
    for (const [jwk, kid] of [
      [JWK, 'x'],
      [null, 'x'],
      [JWK, null],
      [JWK, ''],
    ]) {
      expect(found(withHeader({ ...HEADER, jwk, kid }))).toContain('both-jwk-and-kid protected')
    }
  })

  test.each(['alg', 'nonce', 'url', 'kid'])('%s of another type', (name) => {
    for (const value of [null, 5, true, [], {}, ['https://ca.example/']]) {
      const bytes = withHeader({ ...HEADER, [name]: value })
      expect(found(bytes)).toContain(`wrong-type protected.${name}`)
      expect(readJws(bytes).jws?.header[name as 'alg']).toBeUndefined()
    }
  })

  test.each([
    [null],
    ['key'],
    [[]],
    [{}],
    [{ kty: 5 }],
    [{ kty: 'EC', crv: 5 }],
    [{ kty: 'RSA', n: 5, e: null }],
  ])('jwk %j', (jwk) => {
    expect(found(withHeader({ ...BY_KEY, jwk })).join()).toMatch(/wrong-type protected\.jwk/)
  })
})

describe('inner JWS are read just as strictly', () => {
  const inner = (
    changes: Record<string, unknown> = {},
    payload: unknown = { account: 'x', oldKey: JWK },
  ) => ({
    protected: encode(BY_KEY),
    payload: encode(payload),
    signature: SIGNATURE,
    ...changes,
  })
  const cases: [Record<string, unknown>, string, string][] = [
    [{}, '', ''],
    [{ header: {} }, 'unprotected-header', '.header'],
    [{ signatures: [] }, 'general-serialization', '.signatures'],
    [{ signature: `${SIGNATURE}\n` }, 'not-base64url', '.signature'],
    [{ payload: encode('{"account":"x","Account":"y"}') }, 'case-folded-member', '.payload.Account'],
    [{ payload: encode({ oldKey: { ...JWK, x: 'AQAB=' } }) }, 'not-base64url', '.payload.oldKey.x'],
    [{ payload: encode({ ...JWK, y: 'AQAB\n' }) }, 'not-base64url', '.payload.y'],
    [{ protected: encode({ ...BY_KEY, crit: [] }) }, 'critical-header', '.protected.crit'],
    [{ protected: encode({ ...BY_KEY, kid: 'x' }) }, 'both-jwk-and-kid', '.protected'],
    [{ protected: undefined }, 'not-a-flattened-jws', '.protected'],
  ]
  test.each(cases)('%j: %s', (changes, kind, where) => {
    expect(found(withPayload(inner(changes)))).toEqual(kind ? [`${kind} payload${where}`] : [])
    expect(found(withPayload({ externalAccountBinding: inner(changes) }))).toEqual(
      kind ? [`${kind} payload.externalAccountBinding${where}`] : [],
    )
  })

  test('a binding of another type', () => {
    for (const value of [5, 'x', [], true]) {
      expect(found(withPayload({ externalAccountBinding: value }))).toEqual([
        'not-an-object payload.externalAccountBinding',
      ])
    }
  })
})

test('no body makes it throw, and a clean one re-encodes to what came', () => {
  const json = fc.json({ maxDepth: 4 })
  const encoded = fc.oneof(json.map(encode), json, fc.string())
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    json.map((text) => Buffer.from(text)),
    fc
      .record({ protected: encoded, payload: encoded, signature: encoded }, { requiredKeys: [] })
      .map((parts) => Buffer.from(JSON.stringify(parts))),
    fc.object({ maxDepth: 3 }).map((payload) => withPayload(payload)),
    fc
      .object({ key: fc.constantFrom('alg', 'kid', 'jwk', 'url', 'crit', 'kty', 'x'), maxDepth: 3 })
      .map((header) => withHeader(header)),
  )
  fc.assert(
    fc.property(bodies, (bytes) => {
      const { jws, ambiguities } = readJws(bytes)
      if (!jws) expect(ambiguities.length).toBeGreaterThan(0)
      else {
        const sent = JSON.parse(bytes.toString()) as Record<string, string>
        expect(jws.payloadBytes.toString('base64url')).toBe(sent.payload)
        expect(jws.protectedBytes.toString('base64url')).toBe(sent.protected)
      }
    }),
    { numRuns: 2000 },
  )
})
