import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Operation } from '../../src/acme/operation.ts'
import { intentFact } from '../../src/audit/intent.ts'
import { outcomeFact } from '../../src/audit/outcome.ts'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import type { FactDraft, IntentContent, OutcomeContent } from '../../src/audit/record.ts'
import type { Decided, FieldList } from '../../src/exchange/exchange.ts'
import {
  ACCOUNT,
  decided,
  denied,
  inspection,
  ORIGIN,
  received,
  refused,
  resource,
  response,
  taught,
} from '../support/exchanges.ts'

const CONTEXT = {
  tenant: 'default',
  instance: 'acmetap',
  configDigest: 'c',
  policyDigest: null,
  privacy: KEEP_ALL,
}
const CONTACT = 'mailto:jane.doe@example.org'

function intent(exchange: Decided): FactDraft & { content: IntentContent } {
  return intentFact(exchange, CONTEXT) as FactDraft & { content: IntentContent }
}

function outcome(
  operation: Operation,
  status: number,
  body: unknown,
  options: { fields?: FieldList; changes?: Partial<Decided> } = {},
): FactDraft & { content: OutcomeContent } {
  const exchange = taught(decided(operation, options.changes), response(status, body, options.fields ?? []))
  return outcomeFact(
    { ...exchange, completedAt: { wall: 1_700_000_000_000_000, monotonic: 9000 } },
    KEEP_ALL,
  ) as never
}

/** Everything that can't be erased later. */
function unerasable(fact: FactDraft): string {
  return JSON.stringify(fact.content) + fact.blobs.map(({ bytes }) => bytes.toString('latin1')).join('\n')
}

test('the client address is personal and nowhere else', () => {
  const fact = intent(decided('order'))
  expect(fact.personal).toEqual([{ name: 'clientAddress', kind: 'address', value: Buffer.from('192.0.2.7') }])
  expect(unerasable(fact)).not.toContain('192.0.2.7')
})

test('X-Forwarded-For, cookies and credentials do not get into the record', () => {
  const { request } = received({
    fields: [
      ['X-Forwarded-For', '198.51.100.9'],
      ['Forwarded', 'for=198.51.100.9'],
      ['Cookie', 'session=canary'],
      ['Authorization', 'Bearer canary'],
      ['Proxy-Authorization', 'Basic canary'],
      ['X-Api-Key', 'canary'],
    ],
  })
  expect(unerasable(intent(decided('order', { request })))).not.toMatch(/198\.51|canary/)
})

test('a payload with contacts is personal, with the signature over it and each contact', () => {
  const signed = inspection({ contact: [CONTACT, 'mailto:x@y.example'], termsOfServiceAgreed: true })
  const fact = intent(decided('newAccount', { inspection: signed }))
  expect(fact.personal.map(({ name, kind }) => [name, kind])).toEqual([
    ['clientAddress', 'address'],
    ['payload', 'body'],
    ['signature', 'body'],
    ['contact.0', 'contact'],
    ['contact.1', 'contact'],
  ])
  expect(unerasable(fact)).not.toMatch(/jane|x@y/)
  expect(fact.content.jws).toMatchObject({ payload: null, signature: null })
})

test('a payload without contacts is a blob, its parts found by their digests', () => {
  const signed = inspection({ identifiers: [{ type: 'dns', value: 'one.test' }] })
  const fact = intent(decided('newOrder', { inspection: signed }))
  const { jws, identifiers } = fact.content
  expect(identifiers).toEqual([{ type: 'dns', value: 'one.test' }])
  const kept = new Map(fact.blobs.map(({ digest, bytes }) => [digest.toString('hex'), bytes]))
  expect(kept.get(jws!.protected)).toEqual(signed.jws.protectedBytes)
  expect(kept.get(jws!.payload!)).toEqual(signed.jws.payloadBytes)
  expect(kept.get(jws!.signature!)).toEqual(signed.jws.signatureBytes)
})

test.each([
  ['without contacts', {}],
  ['with contacts', { contact: [CONTACT] }],
])('a refused request %s keeps a digest of its signature, and no signature', (_what, payload) => {
  const signed = inspection(payload)
  const fact = intent(denied('newAccount', { inspection: signed }))
  expect(fact.content.jws).toMatchObject({
    signature: null,
    signatureDigest: hash('sha256', signed.jws.signatureBytes),
  })
  const everything = [...fact.blobs.map(({ bytes }) => bytes), ...fact.personal.map(({ value }) => value)]
  expect(everything.some((bytes) => bytes.includes(signed.jws.signatureBytes))).toBe(false)
  expect(JSON.stringify(fact)).not.toContain('the signature')
})

test('an exchange belongs to the issuance its newOrder began', () => {
  const order = decided('newOrder')
  expect(intent(order).content.issuance).toBe(order.id)
  const url = `${ORIGIN}/chalZ/1`
  const of = resource({
    url,
    operation: 'challenge',
    issuance: 'i',
    order: `${ORIGIN}/o`,
    authorization: `${ORIGIN}/a`,
  })
  expect(intent(decided('challenge', { resource: of })).content).toMatchObject({
    issuance: 'i',
    order: `${ORIGIN}/o`,
    authorization: `${ORIGIN}/a`,
    challenge: url,
    certificate: null,
    account: ACCOUNT,
  })
})

test('an unpause link is redacted in the problem, the body and the fields', () => {
  const link = 'https://unpause.test/sfe/v1/unpause?jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
  const fact = outcome(
    'newOrder',
    429,
    {
      type: 'urn:ietf:params:acme:error:rateLimited',
      detail: `paused. Visit ${link} to unpause`,
      status: 429,
    },
    { fields: [['link', `<${link}>;rel="help"`]] },
  )
  expect(unerasable(fact)).not.toContain('eyJ')
  expect(fact.content.problem?.detail).toContain('https://unpause.test/sfe/v1/unpause?jwt=[redacted]')
})

test('a problem is recorded with its subproblems; contacts in its texts are not', () => {
  const fact = outcome(
    'newAccount',
    400,
    {
      type: 'urn:ietf:params:acme:error:invalidContact',
      detail: `contact "${CONTACT}" is invalid`,
      subproblems: [
        { type: 'urn:x', detail: 'jane.doe@example.org again', identifier: { type: 'dns', value: 'a.test' } },
      ],
    },
    { changes: { inspection: inspection({ contact: [CONTACT] }) } },
  )
  expect(fact.content.problem).toMatchObject({
    type: 'urn:ietf:params:acme:error:invalidContact',
    subproblems: [{ type: 'urn:x', identifier: { type: 'dns', value: 'a.test' } }],
  })
  expect(unerasable(fact)).not.toContain('jane')
  expect(fact.personal.map(({ name }) => name)).toEqual(['responseBody'])
  expect(fact.content.body).toEqual({ bytes: expect.any(Number), digest: null, stored: null })
})

test('an address that a CA brings up in any other problem is masked, and its body is erasable', () => {
  const fact = outcome('newOrder', 429, {
    type: 'urn:ietf:params:acme:error:rateLimited',
    detail: 'the account of Jane.Doe@example.org is paused, see https://ca.test/@docs',
    subproblems: [{ type: 'urn:x', detail: 'ask mailto:ops+acme@mail.example.org.' }],
  })
  expect(fact.content.problem).toMatchObject({
    detail: 'the account of [contact] is paused, see https://ca.test/@docs',
    subproblems: [{ detail: 'ask [contact].' }],
  })
  expect(unerasable(fact)).not.toMatch(/doe@|ops\+acme/i)
  expect(fact.personal.map(({ name }) => name)).toEqual(['responseBody'])
})

test('an account that answers with contacts is personal; so is one we cannot read', () => {
  for (const body of [
    { status: 'valid', contact: [CONTACT] },
    '{"contact":["mailto:jane.doe@example.org"',
    'jane',
  ]) {
    const fact = outcome('account', 200, body)
    expect(unerasable(fact)).not.toContain('jane')
    expect(fact.personal.map(({ name }) => name)).toEqual(['responseBody'])
  }
})

test.each([
  ['120', 120],
  ['0', 0],
  ['Tue, 14 Nov 2023 22:14:20 GMT', 60],
  ['Tue, 14 Nov 2023 22:00:00 GMT', 0],
  ['soon', null],
])('Retry-After %s is %s seconds', (value, seconds) => {
  // The answer came at 2023-11-14T22:13:20Z.
  expect(outcome('newOrder', 429, {}, { fields: [['retry-after', value]] }).content.retryAfter).toBe(seconds)
})

test('the status of the object and the error that made it invalid', () => {
  const error = { type: 'urn:ietf:params:acme:error:connection', detail: 'refused', status: 400 }
  const recorded = { type: error.type, detail: 'refused', subproblems: [] }
  const valid = outcome('order', 200, { status: 'valid', certificate: `${ORIGIN}/certZ/1` })
  expect(valid.content).toMatchObject({
    objectStatus: 'valid',
    objectError: null,
    certificate: `${ORIGIN}/certZ/1`,
  })
  expect(outcome('order', 200, { status: 'invalid', error }).content).toMatchObject({
    objectStatus: 'invalid',
    objectError: recorded,
    problem: null,
  })
  expect(outcome('challenge', 200, { status: 'invalid', error }).content.objectError).toEqual(recorded)
  const authorization = {
    status: 'invalid',
    identifier: { type: 'dns', value: 'a.test' },
    challenges: [{}, { error }],
  }
  expect(outcome('authorization', 200, authorization).content).toMatchObject({
    objectStatus: 'invalid',
    objectError: recorded,
    identifiers: [{ type: 'dns', value: 'a.test' }],
  })
  expect(outcome('newAccount', 201, { status: 'deactivated' }).content.objectStatus).toBe('deactivated')
})

test('newOrder: what the CA made of it, by its Location', () => {
  const identifiers = [{ type: 'dns', value: 'one.test' }]
  const { content } = outcome(
    'newOrder',
    201,
    { status: 'pending', identifiers },
    { fields: [['location', '/my-order/1']] },
  )
  expect(content).toMatchObject({
    order: `${ORIGIN}/my-order/1`,
    identifiers,
    status: 201,
    durationTotal: 8000,
    durationCa: 500,
  })
})

test('a refusal keeps which names were refused, without credentials and contacts', () => {
  const exchange = denied('newAccount', { inspection: inspection({ contact: [CONTACT] }) })
  const problem = {
    type: 'urn:ietf:params:acme:error:rejectedIdentifier',
    status: 403,
    detail: 'jane.doe@example.org may not',
    subproblems: Array.from({ length: 101 }, (_, index) => ({
      type: 'urn:ietf:params:acme:error:rejectedIdentifier',
      detail: `see https://wiki:secret-word@example.com/\n${index}`,
      identifier: { type: 'dns', value: `${index}.test` },
    })),
  }
  const of = { ...refused(exchange), outcome: { kind: 'refused' as const, problem } }
  const { content } = outcomeFact({ ...of, completedAt: { wall: 1, monotonic: 3000 } }, KEEP_ALL) as {
    content: OutcomeContent
  }
  expect(content.problem?.detail).toBe('[contact] may not')
  expect(content.problem?.subproblems).toHaveLength(100)
  expect(content.problem?.subproblems[1]).toEqual({
    type: 'urn:ietf:params:acme:error:rejectedIdentifier',
    detail: 'see https://wiki:[redacted]@example.com/ 1',
    identifier: { type: 'dns', value: '1.test' },
  })
})

test('a refusal and a failure carry the problem the client was told', () => {
  const completedAt = { wall: 1, monotonic: 3000 }
  const no = outcomeFact({ ...refused(denied('order')), completedAt }, KEEP_ALL).content
  expect(no).toMatchObject({
    outcome: 'refused',
    status: 400,
    problem: { detail: 'no' },
    durationTotal: 2000,
    durationCa: null,
  })
  const failed = outcomeFact(
    {
      ...taught(decided('order')),
      completedAt,
      outcome: {
        kind: 'failed',
        failure: { cause: 'tls', message: 'CERT_HAS_EXPIRED: x' },
        problem: { type: 'urn:ietf:params:acme:error:serverInternal', detail: 'd', status: 502 },
        durationCa: 7,
      },
    },
    KEEP_ALL,
  ).content
  expect(failed).toMatchObject({ outcome: 'failed', status: 502, failure: { cause: 'tls' }, durationCa: 7 })
})

test('a body that cannot be decoded is kept as it came', () => {
  const bytes = Buffer.from([0x1f, 0x8b, 0xff])
  const exchange = taught(decided('order'), { ...response(200, bytes), decoded: null })
  const fact = outcomeFact({ ...exchange, completedAt: { wall: 1, monotonic: 3000 } }, KEEP_ALL)
  expect(fact.blobs[0]!.bytes).toEqual(bytes)
  expect((fact.content as OutcomeContent).body).toMatchObject({ bytes: 3, digest: hash('sha256', bytes) })
})

test('of what a server refuses unsigned the record has digests; of what is signed, all', () => {
  const refusal = { effect: 'deny' as const, rule: 'jws', problem: 'malformed' as const, detail: 'no' }
  const of = (verdict: 'verified' | 'invalid') =>
    intent(decided('newAccount', { refusal, inspection: { ...inspection({ contact: [CONTACT] }), verdict } }))
  const unsigned = of('invalid')
  expect(unsigned.blobs).toEqual([])
  expect(unsigned.personal.map(({ kind }) => kind)).toEqual(['address'])
  expect(unsigned.content.jws).toMatchObject({
    verdict: 'invalid',
    payload: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect(of('verified').personal.map(({ kind }) => kind)).toContain('contact')
})
