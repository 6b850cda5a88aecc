import { describe, expect, test } from 'vitest'
import { type Candidate, evaluator } from '../../../src/engine/reissue/evaluate-where.ts'
import { parseWhere } from '../../../src/engine/reissue/parse-where.ts'
import { speaksOf, WhereError } from '../../../src/engine/reissue/where.ts'
import { reissueCandidate } from '../../support/engine/reissue-values.ts'

const NOW = Date.UTC(2026, 5, 1) * 1000

function holds(where: string, candidate: Candidate): boolean {
  return evaluator(parseWhere(where), NOW)(candidate)
}

describe('conditions', () => {
  // Issued 2026-04-12, ends 2026-06-11: 60 days of which 10 are left.
  const candidate = reissueCandidate({
    identifiers: [
      { type: 'dns', value: 'www.example.com' },
      { type: 'dns', value: '*.shop.example.com' },
      { type: 'ip', value: '2001:db8::1' },
    ],
    issuer: "CN=Pebble Intermediate CA 1a2b3c,O=It's a CA",
    notBefore: '2026-04-12T00:00:00.000Z',
    notAfter: '2026-06-11T00:00:00.000Z',
    keyType: 'RSA',
    keyBits: 2048,
    serial: '1f',
    profile: 'tlsserver',
    renewalWindow: {
      start: '2026-05-30T00:00:00.000Z',
      end: '2026-06-02T00:00:00.000Z',
      askedAt: '2026-05-29T00:00:00.000Z',
      explanation: null,
    },
  })
  const { account, client, fingerprint } = candidate.certificate

  test.each([
    'name=www.example.com',
    'NAME=WWW.example.com',
    'name=*.shop.example.com',
    'name=2001:DB8:0::1',
    'name!=example.com',
    'name~.example.com',
    'name~**.example.com',
    'name~*.example.com',
    'expires<14d',
    'expires<2w and expires>1w',
    'expires<2026-07-01',
    'expires>2026-06-10T23:59:59Z',
    'expires<=10d and expires>=10d',
    'issued>30d',
    'issued<2026-04-12T01:00:00+00:00',
    'issuer~pebble',
    `issuer="cn=pebble intermediate ca 1a2b3c,o=it's a ca"`,
    'ca=pebble',
    'ca!=letsencrypt',
    `account=${account?.id}`,
    `account=${account?.url}`,
    `client=${client}`,
    'label=web-7',
    'label~WEB',
    'key=rsa',
    'key=rsa2048',
    'key=rsa<3072',
    'key!=ec',
    'serial=00:1F',
    `fingerprint=${fingerprint.toUpperCase()}`,
    'profile=tlsserver',
    'valid',
    'state=valid',
    'not expired',
    'not revoked and not replaced',
    'observed',
    'overdue',
    'ari',
    'wildcard',
    'ca=other or ca=pebble and valid',
    '(ca=other or ca=pebble) and not (managed or expired)',
    'NOT managed AND Overdue',
    'not not valid',
  ])('%s', (where) => {
    expect(holds(where, candidate)).toBe(true)
    expect(holds(`not (${where})`, candidate)).toBe(false)
  })

  test.each([
    'name=example.com',
    'name~example.com',
    'name~*.example.org',
    'expires<10d',
    'expires>2026-06-11',
    'issued<30d',
    'issuer~letsencrypt',
    'ca=peb',
    'label!=web-7',
    'key=ec',
    'key=rsa>=3072',
    'key=rsa4096',
    'key=p-256',
    'serial=f1',
    'profile!=tlsserver',
    'managed',
    'imported',
    'revoked',
    'state=replaced',
    'ca=pebble and managed or expired',
  ])('not: %s', (where) => {
    expect(holds(where, candidate)).toBe(false)
  })

  test('curves are known by name and by size', () => {
    const curve = reissueCandidate({ keyType: 'P-256', keyBits: null })
    for (const where of ['key=ec', 'key=P-256', 'key=ec<384', 'key!=rsa'])
      expect(holds(where, curve)).toBe(true)
    for (const where of ['key=ec>256', 'key=rsa', 'key=P-384']) expect(holds(where, curve)).toBe(false)
  })

  test('what is unknown is like nothing', () => {
    const bare = reissueCandidate({
      ca: null,
      account: null,
      client: null,
      profile: null,
      keyType: null,
      renewalWindow: null,
    })
    const terms = ['ca=pebble', 'account=x', 'client=x', 'profile=x', 'key=rsa', 'ari']
    for (const where of terms) expect(holds(where, { ...bare, label: null })).toBe(false)
  })

  test('ended, revoked and replaced ones are told from those in use, and overdue ends with the certificate', () => {
    const ended = reissueCandidate({ notAfter: '2026-05-31T23:59:59.000Z' })
    expect(holds('expired and not valid and not overdue', ended)).toBe(true)
    expect(holds('state=revoked', reissueCandidate({ revokedAt: '2026-05-01T00:00:00.000Z' }))).toBe(true)
    expect(holds('replaced and not valid', reissueCandidate({ replacedBy: 'ab'.repeat(32) }))).toBe(true)
  })

  test('an expression says of which states it speaks', () => {
    expect(speaksOf(parseWhere('ca=a and (not state=expired or ca=b)'), 'expired')).toBe(true)
    expect(speaksOf(parseWhere('expires<14d'), 'expired')).toBe(false)
  })
})

describe('mistakes are told with their place and what to write instead', () => {
  test.each([
    ['', 1, 'nothing is asked for'],
    ['nam=x', 1, 'Did you mean name?'],
    ['ca=a and expirse<14d', 10, 'Did you mean expires?'],
    ['expires=14d', 8, 'compared by < or >'],
    ['expires<14', 9, 'is no time'],
    ['expires<2026-02-31x', 9, 'is no time'],
    ['expires<', 9, 'has no value: the end'],
    ['name~*', 6, 'write **{1}'],
    ['name=exa_mple!.com', 14, 'stands alone'],
    ['name=..', 6, 'begins with a dot'],
    ['managed=yes', 8, 'takes no value'],
    ['ca', 3, 'needs an operator'],
    ['ca~x', 3, 'only name, issuer and label have ~'],
    ["issuer='x", 8, 'a quote without its end'],
    ["issuer=''", 8, 'empty value'],
    ['(ca=a', 6, 'the ( of column 1 has no end'],
    ['ca=a)', 5, 'a ) without its ('],
    ['ca=a ca=b', 6, 'write and or or before it'],
    ['and ca=a', 1, 'joins conditions'],
    ['ca=a and', 9, 'the end stands where a condition should'],
    ['state=gone', 7, 'is no state'],
    ['fingerprint=abcd', 13, '64 hex digits'],
    ['serial=xyz', 8, 'hex digits'],
    ['key<3072', 4, 'key is compared by ='],
    ['key=rsa<big', 8, 'compared with bits'],
    ['key=rsa=', 8, 'compared with bits'],
    [`${'('.repeat(60)}ca=a${')'.repeat(60)}`, 52, 'more than 50'],
    [`${'not '.repeat(200)}ca=a`, 205, 'more than 50'],
    [`ca=${'a'.repeat(5_000)}`, 4_001, 'longer than'],
  ])('%s', (where, column, message) => {
    const error = errorOf(where)
    expect(error).toBeInstanceOf(WhereError)
    expect(error).toMatchObject({ column })
    expect(error?.message).toContain(`column ${column}: `)
    expect(error?.message).toContain(message)
    expect(error?.message).not.toMatch(/[\n\r]/)
  })
})

test('whatever is written gives an expression or a WhereError, and nothing else', () => {
  const seeds = [
    "name~*.example.com and expires<14d and issuer='x y'",
    '(ca=a or not managed) and key=rsa<3072',
    'state=expired or overdue and ari',
    'fingerprint=00 or serial=1:2',
  ]
  const pieces = [
    '(',
    ')',
    "'",
    '"',
    '<',
    '>=',
    '!=',
    '!',
    '~',
    '=',
    ' and ',
    ' or ',
    'not ',
    '\u0000',
    'ß',
    '💥',
    '*',
    '.',
  ]
  const candidate = reissueCandidate({})
  let state = 42
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
  const seen = { expressions: 0, errors: 0 }
  for (let round = 0; round < 3_000; round++) {
    let text = seeds[random(seeds.length)]!
    for (let change = random(4); change >= 0; change--) {
      const at = random(text.length + 1)
      const cut = random(3) === 0 ? random(6) : 0
      text = text.slice(0, at) + (random(4) === 0 ? '' : pieces[random(pieces.length)]) + text.slice(at + cut)
    }
    try {
      const where = parseWhere(text)
      expect(typeof evaluator(where, NOW)(candidate)).toBe('boolean')
      seen.expressions += 1
    } catch (error) {
      if (!(error instanceof WhereError)) throw new Error(`${JSON.stringify(text)}: ${String(error)}`)
      expect(error.column).toBeGreaterThanOrEqual(1)
      expect(error.column).toBeLessThanOrEqual(text.length + 1)
      seen.errors += 1
    }
  }
  expect(seen.expressions).toBeGreaterThan(100)
  expect(seen.errors).toBeGreaterThan(1_000)
})

function errorOf(where: string): Error | null {
  try {
    parseWhere(where)
    return null
  } catch (error) {
    return error as Error
  }
}
