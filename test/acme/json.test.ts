import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asObject, readStrictJson } from '../../src/acme/json.ts'

const read = (text: string | Buffer) => readStrictJson(Buffer.from(text as string), 'payload')
const kinds = (text: string | Buffer) => read(text).ambiguities.map(({ kind }) => kind)

describe('RFC 8259: what is JSON', () => {
  test.each([
    '',
    ' ',
    'nul',
    'True',
    'NaN',
    'Infinity',
    '-',
    '+1',
    '01',
    '1.',
    '.5',
    '1e',
    '0x1',
    '"',
    '"\\x41"',
    '"\\u12g4"',
    '"\\u12"',
    "'a'",
    '"\t"',
    '{',
    '}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,}',
    '{a:1}',
    '{"a" 1}',
    '[',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{}{}',
    '{} x',
    '1 2',
    '\ufeff{}',
    '{}\u0000',
    '/**/{}',
    '{}//',
    '\u00a0{}',
    '{}\u2028',
    '"a\nb"',
    '{"a":1]',
    '[1}',
  ])('%j is refused', (text) => {
    expect(kinds(text)).toContain('not-json')
    expect(read(text).value).toBeUndefined()
  })

  test.each([
    'null',
    '0',
    '-0',
    '1.5e-3',
    '""',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"',
    '[]',
    '{}',
    ' \t\r\n{ "a" : [ 1 , { } ] } \n',
    '"\\ud83d\\ude00"',
    '"é"',
    '"\u007f"',
    '9007199254740992',
    '-9007199254740992',
    '1e-400',
    '{"":1}',
  ])('%j is clean', (text) => {
    expect(kinds(text)).toEqual([])
    expect(JSON.stringify(read(text).value)).toBe(JSON.stringify(JSON.parse(text)))
  })

  test('takes exactly what JSON.parse takes', () => {
    const alphabet = fc.constantFrom(
      ...'{}[]:,"\\ \n01-.eEtrufalsn/\u017f\ud800'.split(''),
      'true',
      'null',
      '"a":',
      '\\u00e9',
    )
    const text = fc.array(alphabet, { maxLength: 14 }).map((parts) => parts.join(''))
    const mutated = fc
      .tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom('', ',', '"', '}', '\\', ' ', '0'))
      .map(
        ([json, at, put]) => json.slice(0, at % (json.length + 1)) + put + json.slice(at % (json.length + 1)),
      )
    let taken = 0
    fc.assert(
      fc.property(fc.oneof(text, mutated), (candidate) => {
        const bytes = Buffer.from(candidate)
        let parsed = true
        try {
          JSON.parse(bytes.toString())
        } catch {
          parsed = false
        }
        if (parsed) taken++
        expect(kinds(bytes).includes('not-json')).toBe(!parsed)
      }),
      { numRuns: 5000 },
    )
    expect(taken).toBeGreaterThan(100)
  })

  test('gives the value that JSON.parse gives', () => {
    const plain = fc.json({ maxDepth: 6 }).filter((text) => !text.includes('__proto__'))
    fc.assert(
      fc.property(plain, (text) => {
        if (kinds(text).length === 0)
          expect(JSON.stringify(read(text).value)).toBe(JSON.stringify(JSON.parse(text)))
      }),
    )
  })
})

describe('J6: member names', () => {
  test.each([
    ['{"a":1,"a":1}', 'duplicate-member', 'payload.a'],
    ['{"a":1,"\\u0061":1}', 'duplicate-member', 'payload.a'],
    ['{"x":{"a":1,"b":2,"a":3}}', 'duplicate-member', 'payload.x.a'],
    ['[{"a":1},{"a":1,"a":1}]', 'duplicate-member', 'payload[1].a'],
    ['{"Identifiers":[]}', 'case-folded-member', 'payload.Identifiers'],
    ['{"\\u0049dentifiers":[]}', 'case-folded-member', 'payload.Identifiers'],
    ['{"identifier\\u017f":[]}', 'case-folded-member', 'payload.identifier\\u017f'],
    ['{"identifier\u017f":[]}', 'case-folded-member', 'payload.identifier\\u017f'],
    ['{"\u212aid":1}', 'case-folded-member', 'payload.\\u212aid'],
    ['{"identifiers":[{"type":"dns","Value":"x"}]}', 'case-folded-member', 'payload.identifiers[0].Value'],
    [
      '{"a":{"b":[0,{"ONLYRETURNEXISTING":true}]}}',
      'case-folded-member',
      'payload.a.b[1].ONLYRETURNEXISTING',
    ],
    ['{"oldkey":{}}', 'case-folded-member', 'payload.oldkey'],
    ['{"unknown":1,"Unknown":2}', 'case-folded-member', 'payload.Unknown'],
    ['{"\u00e9":1,"\u00c9":2}', 'case-folded-member', 'payload.\\u00c9'],
    ['{"\\ud800":1}', 'lone-surrogate', 'payload'],
    ['{"a":"\\udc00"}', 'lone-surrogate', 'payload.a'],
    ['{"a":"\\ud800\\u0041"}', 'lone-surrogate', 'payload.a'],
    ['{"a":9007199254740993}', 'number-out-of-range', 'payload.a'],
    ['{"a":[-1e400]}', 'number-out-of-range', 'payload.a[0]'],
  ])('%s: %s', (text, kind, where) => {
    expect(read(text).ambiguities).toContainEqual({ kind, where })
  })

  test.each([
    '{"identifiers":[{"type":"dns","value":"A.example"},{"type":"dns","value":"A.example"}]}',
    '{"identifiers":[],"notBefore":null,"notAfter":null,"unknown":{"deep":[{}]}}',
    '{"a":{"x":1},"b":{"x":1},"c":[{"x":1},{"x":1}]}',
    '{"\u0131dentifiers":1}',
    '{"\u0130dentifier":1}',
    '{"identifiers ":1}',
    '{"resource":"new-order","Unknown":1}',
    '{"x5t#S256":"a"}',
  ])('%s passes', (text) => {
    expect(kinds(text)).toEqual([])
  })

  test('a duplicate is found in objects of any size, in any place', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}[0-9]$/), { minLength: 1, maxLength: 60 }),
        fc.nat(),
        fc.nat(),
        fc.boolean(),
        (names, from, to, cased) => {
          const name = names[from % names.length]!
          const list = [...names]
          list.splice(to % (names.length + 1), 0, cased ? name.toUpperCase() : name)
          const text = `{${list.map((member) => `"${member}":0`).join(',')}}`
          expect(kinds(`{${names.map((member) => `"${member}":0`).join(',')}}`)).toEqual([])
          expect(kinds(text)).toContain(cased ? 'case-folded-member' : 'duplicate-member')
        },
      ),
    )
  })

  test.each([[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x84]])('invalid UTF-8 %j', (...bytes) => {
    expect(kinds(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]))).toEqual([
      'invalid-utf8',
    ])
  })

  test('bounds', () => {
    expect(kinds('['.repeat(16) + ']'.repeat(16))).toEqual([])
    expect(kinds('['.repeat(17) + ']'.repeat(17))).toEqual(['too-deep'])
    expect(kinds('['.repeat(50_000))).toEqual(['too-deep'])
    expect(kinds(`[${Array(4096).fill('0').join()}]`)).toEqual([])
    expect(kinds(`[${Array(4097).fill('0').join()}]`)).toEqual(['too-many-members'])
    expect(kinds(`[${Array(2048).fill('{"a":0}').join()}]`)).toEqual([])
    expect(kinds(`[${Array(2049).fill('{"a":0}').join()}]`)).toEqual(['too-many-members'])
  })

  test('places and their number are bounded and printable', () => {
    const many = read(
      `{${Array.from({ length: 100 }, (_, index) => `"Value${'\u017f\\n'.repeat(90)}":${index}`).join(',')}}`,
    )
    expect(many.ambiguities.length).toBeLessThanOrEqual(16)
    for (const { where } of many.ambiguities) expect(where).toMatch(/^[\x20-\x7e]{1,200}$/)
  })
})

describe('J7: names that reach a prototype', () => {
  test.each([
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '__defineGetter__',
    '\\u005f_proto__',
  ])('%s', (name) => {
    for (const text of [
      `{"${name}":{"polluted":true}}`,
      `{"a":[{"${name}":{"prototype":{"polluted":true}}}]}`,
    ]) {
      const value = asObject(read(text).value)!
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
      expect(Object.getPrototypeOf(value)).toBeNull()
      expect((value as { polluted?: unknown }).polluted).toBeUndefined()
      const copy: Record<string, unknown> = Object.assign({}, value)
      expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
      expect(copy.polluted).toBeUndefined()
    }
    expect(asObject(read('{}').value)![JSON.parse(`"${name}"`) as string]).toBeUndefined()
  })
})
