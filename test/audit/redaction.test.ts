import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  allowedFields,
  boundedLine,
  contactsIn,
  redactBody,
  redactText,
  withoutContacts,
} from '../../src/audit/redaction.ts'

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJXRkUiLCJDQU5BUlkiOjF9.Q0FOQVJZLXNpZ25hdHVyZQ'
const KEY = '-----BEGIN EC PRIVATE KEY-----\nMHcCANARY+/\n-----END EC PRIVATE KEY-----'

/** Each holds a credential that contains the word CANARY or a part of the JWT. */
const IN_BODIES = [
  `https://sfe.example/sfe/v1/unpause?jwt=${JWT}`,
  `https://sfe.example/sfe/v1/unpause?a=b&jwt=${JWT}&c=d`,
  'https://sfe.example/unpause?jwt=opaque-CANARY',
  'see https%3A%2F%2Fx%3Fjwt https://x.example/?jwt%3DopaqueCANARY',
  `token ${JWT}.`,
  `${JWT}.CANARY.CANARY`,
  'Bearer CANARY-0123456789',
  'Basic dXNlcjpDQU5BUlk=CANARY',
  'Proxy-Authorization: Negotiate CANARY',
  'Authorization: Digest username="u", CANARY'.replaceAll('"', ''),
  'https://user:CANARY@proxy.example:3128/',
  'http://user:CAN@ARY-CANARY@proxy.example',
  'postgres://u:CANARY@[::1]/db',
  KEY,
] as const

/** Spellings that headers and our own messages use, and no CA's body. */
const CREDENTIALS = [
  ...IN_BODIES,
  'bearer canary0CANARY',
  'BASIC CANARYCANARY1',
  'proxy-authorization: CANARY with spaces',
  'authorization: Token CANARY',
] as const

const HARMLESS = [
  'The key authorization file from the server did not match this challenge. Expected "a.b" (got "c")',
  'basic authentication is not offered; bearer tokens neither.',
  'authorization: must be pending',
  'http://www.example.test:5002/.well-known/acme-challenge/eyJlow-token.thumbprint-of-a-key',
  'https://acme.example/acme/renewal-info/eyJAaBbCcDd.AIRU',
  'mailto:someone@example.test is not an address of https://example.test:443/',
  'JWS header parameter "url" incorrect; the jwt is unused',
  '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
] as const

function leaks(text: string): boolean {
  return /CANARY|CAN@ARY|Q0FOQVJZ|eyJpc3Mi/.test(text)
}

describe('redactText', () => {
  test.each(CREDENTIALS)('takes the credential out of %j', (text) => {
    expect(leaks(text)).toBe(true)
    const redacted = redactText(`before ${text} after`)
    expect(leaks(redacted)).toBe(false)
    expect(redacted).toContain('[redacted]')
    expect(redacted).toMatch(/^before /)
  })

  test.each(HARMLESS)('leaves %j alone', (text) => {
    expect(redactText(text)).toBe(text)
  })

  test('keeps everything around an unpause link', () => {
    expect(
      redactText(`Your account is paused for <a.test>. Please visit: https://sfe.example/u?jwt=${JWT}`),
    ).toBe('Your account is paused for <a.test>. Please visit: https://sfe.example/u?jwt=[redacted]')
  })

  test('finds a JWT that was cut', () => {
    expect(redactText(boundedLine(`token ${JWT}`, 60))).toBe('token [redacted]…')
  })

  test('is idempotent, also between arbitrary texts', () => {
    const text = fc
      .array(
        fc.oneof(fc.constantFrom(...CREDENTIALS, ...HARMLESS), fc.string({ unit: 'binary', maxLength: 8 })),
      )
      .map((parts) => parts.join(' '))
    fc.assert(
      fc.property(text, (value) => {
        const once = redactText(value)
        return redactText(once) === once
      }),
      { numRuns: 1000 },
    )
  })

  test('takes linear time on texts made to be slow', () => {
    for (const piece of ['-eyJ', 'eyJaaaaaaaa.', '-----BEGIN PRIVATE KEY-----', 'a://b:', 'Bearer ', '\\a']) {
      const text = `"jwt@${piece.repeat(1_000_000 / piece.length)}"`
      expect(redactText(text).length).toBeGreaterThan(0)
      expect(redactBody(Buffer.from(text), 'application/json').length).toBeGreaterThan(0)
    }
  })
})

describe('redactBody', () => {
  test('returns the very same buffer where there is nothing to hide', () => {
    const body = Buffer.from(JSON.stringify({ status: 'valid', contact: ['mailto:a@example.test'] }))
    expect(redactBody(body, 'application/json')).toBe(body)
    const certificate = Buffer.from(HARMLESS.at(-1)!)
    expect(redactBody(certificate, 'application/pem-certificate-chain')).toBe(certificate)
  })

  test.each(IN_BODIES)('takes %j out of a JSON string', (text) => {
    const document = { type: 'urn:ietf:params:acme:error:unauthorized', detail: `a "quoted" ${text}`, n: 1.5 }
    const redacted = redactBody(Buffer.from(JSON.stringify(document)), 'application/problem+json').toString()
    expect(leaks(redacted)).toBe(false)
    expect(JSON.parse(redacted)).toEqual({ ...document, detail: redactText(document.detail) })
  })

  test('sees through escapes and keeps the bytes around', () => {
    const written = `{ "detail" : "go \\u003chttps://x/?jwt\\u003d${JWT}\\u003e \\ud83d\\ude00 é" , "b":"\\u00e9" }`
    expect(redactBody(Buffer.from(written), 'application/problem+json').toString()).toBe(
      '{ "detail" : "go <https://x/?jwt=[redacted]> \\ud83d\\ude00 é" , "b":"\\u00e9" }',
    )
  })

  test('works on text that is no JSON and on bytes that are no UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`?jwt=${JWT} `), Buffer.from([0x80])])
    expect(redactBody(bytes, 'text/html')).toEqual(
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('?jwt=[redacted] '), Buffer.from([0x80])]),
    )
    const broken = Buffer.from(`{"detail":"?jwt=${JWT}", "bad":"\\x", "open`)
    expect(redactBody(broken, null).toString()).toBe('{"detail":"?jwt=[redacted]", "bad":"\\x", "open')
  })

  test('JSON stays JSON of the same shape, and a second pass changes nothing', () => {
    const salted = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...CREDENTIALS))
    const value = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, salted, fc.double(), fc.constant(null), tie('object'), tie('array')),
      object: fc.dictionary(salted, tie('value'), { maxKeys: 4 }),
      array: fc.array(tie('value'), { maxLength: 4 }),
    })).object
    fc.assert(
      fc.property(value, (document) => {
        const once = redactBody(Buffer.from(JSON.stringify(document)), 'application/json')
        JSON.parse(once.toString())
        expect(redactBody(once, 'application/json')).toEqual(once)
        expect(once.includes('eyJpc3Mi')).toBe(false)
      }),
      { numRuns: 500 },
    )
  })
})

describe('allowedFields', () => {
  const fields = [
    ['Host', 'ca.test'],
    ['User-Agent', 'client/1'],
    ['Authorization', 'Basic CANARY'],
    ['Proxy-Authorization', 'Basic CANARY'],
    ['Cookie', 'CANARY'],
    ['X-Api-Key', 'CANARY'],
    ['Accept', 'a/b'],
    ['accept', 'c/d'],
    ['__proto__', 'CANARY'],
  ] as const

  test('keeps only what is listed; a request joins repeated fields', () => {
    expect(allowedFields(fields, 'request')).toEqual({ 'user-agent': 'client/1', accept: 'a/b, c/d' })
  })

  test('an answer keeps repeated fields apart', () => {
    const answer = [
      ['link', '<a>;rel="up"'],
      ['set-cookie', 'CANARY'],
      ['www-authenticate', 'CANARY'],
      ['link', `<https://x/?jwt=${JWT}>;rel="help"`],
      ['replay-nonce', 'n'],
    ] as const
    expect(allowedFields(answer, 'response')).toEqual({
      link: ['<a>;rel="up"', '<https://x/?jwt=[redacted]>;rel="help"'],
      'replay-nonce': 'n',
    })
  })

  test('bounds each value and their number', () => {
    const long = allowedFields([['server', 'x'.repeat(5000)]], 'response').server as string
    expect(long).toHaveLength(2048)
    expect(long).toMatch(/x… \[cut\]$/)
    const many = Array.from({ length: 500 }, () => ['link', '<a>'] as const)
    expect(allowedFields(many, 'response').link).toHaveLength(100)
    const joined = Array.from({ length: 500 }, () => ['accept', 'x'.repeat(2000)] as const)
    expect(allowedFields(joined, 'request').accept).toHaveLength(2048)
  })
})

describe('contacts', () => {
  test('are read from whatever the payload is', () => {
    expect(contactsIn({ contact: ['mailto:a@b.test', 'mailto:a@b.test', 7, null, ''] })).toEqual([
      'mailto:a@b.test',
    ])
    expect(contactsIn({ contact: 'mailto:a@b.test' })).toEqual(['mailto:a@b.test'])
    expect(contactsIn(Object.assign(Object.create(null), { contact: ['tel:+1'] }))).toEqual(['tel:+1'])
    for (const junk of [undefined, null, 1, 'x', [], { contact: {} }, Object.create({ contact: ['a@b'] })]) {
      expect(contactsIn(junk)).toEqual([])
    }
  })

  test.each([
    [
      'unable to parse email address "Ann.Lee@Example.test"',
      'mailto:ann.lee@example.test',
      'unable to parse email address "[contact]"',
    ],
    ['invalid contact mailto:ann@example.test', 'mailto:ann@example.test', 'invalid contact [contact]'],
    ['no ann+x@example.test here', 'MAILTO:ann%2bx@example.test?subject=hi', 'no [contact] here'],
    ['a@x.test and b@y.test', 'mailto:a@x.test,b@y.test', '[contact] and [contact]'],
    ['scheme of tel:+12025551212', 'tel:+12025551212', 'scheme of [contact]'],
    ['"very.unusual"@example.test', 'mailto:"very.unusual"@example.test', '"[contact]"[contact]'],
    ['the policy says no', 'mailto:policy', 'the policy says no'],
  ])('in %j, %j goes', (text, contact, expected) => {
    expect(withoutContacts(text, [contact])).toBe(expected)
  })

  test('the longer of two contacts goes first', () => {
    expect(withoutContacts('xa@b.test', ['mailto:a@b.test', 'mailto:xa@b.test'])).toBe('[contact]')
  })

  test('whatever the contacts are, JSON text stays JSON', () => {
    const document = {
      detail: 'a@b.test',
      n: [123456, true, null],
      identifier: { type: 'dns', value: 'x:1' },
    }
    const text = JSON.stringify(document)
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...new Set(text), '@', '"', '+') }),
      fc
        .tuple(fc.nat(text.length), fc.nat(text.length))
        .map(([a, b]) => text.slice(Math.min(a, b), Math.max(a, b))),
    )
    fc.assert(
      fc.property(fc.array(hostile), (contacts) => {
        JSON.parse(withoutContacts(text, contacts))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('boundedLine', () => {
  test.each([
    ['plain', 10, 'plain'],
    ['two\r\nlines\tand\u2028more', 50, 'two lines and more'],
    ['bell\u0007 \u202eright\u0000', 50, 'bell right'],
    ['half \ud83d', 50, 'half \ufffd'],
    ['0123456789', 5, '0123…'],
    ['012\u{1f600}4', 5, '012…'],
  ])('%j in %i', (text, max, expected) => {
    expect(boundedLine(text, max)).toBe(expected)
  })

  test('is one printable line within the bound, and idempotent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 30 }), (text, max) => {
        const line = boundedLine(text, max)
        expect(line.length).toBeLessThanOrEqual(max)
        expect(line.isWellFormed()).toBe(true)
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
        expect(boundedLine(line, max)).toBe(line)
      }),
      { numRuns: 1000 },
    )
  })
})
