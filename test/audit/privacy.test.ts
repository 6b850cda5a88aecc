import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { observeWith } from '../../src/app/observe.ts'
import { privacyOf, pseudonymOf } from '../../src/app/privacy.ts'
import { jsonFormat } from '../../src/audit/formats/json.ts'
import type { EndedRecord } from '../../src/audit/formats/line.ts'
import { intentFact } from '../../src/audit/intent.ts'
import { outcomeFact } from '../../src/audit/outcome.ts'
import {
  type Handling,
  KEEP_ALL,
  type Privacy,
  plainContact,
  pseudonymWith,
  shown,
} from '../../src/audit/privacy.ts'
import type { FactDraft } from '../../src/audit/record.ts'
import type { Metrics } from '../../src/observability/metrics.ts'
import { decided, inspection, received, response, taught } from '../support/exchanges.ts'

const KEY = Buffer.alloc(32, 7)
const pseudonym = pseudonymWith(KEY)
const ADDRESS = '192.0.2.7'
const CONTACT = 'mailto:jane.doe@example.org'
const USER = 'ward-7'
const AGENT = 'certbot/2.1 (secret-ward.example)'

const VALUES = {
  address: ADDRESS,
  contact: 'jane.doe@example.org',
  proxyUser: USER,
  userAgent: AGENT,
} as const
const FIELDS = Object.keys(VALUES) as (keyof typeof VALUES)[]
const HANDLINGS: Handling[] = ['keep', 'hash', 'drop']

/** Both facts of a newAccount with everything personal in it. */
function facts(privacy: Privacy): readonly FactDraft[] {
  const { request, connection } = received({ fields: [['User-Agent', AGENT]] })
  const exchange = decided('newAccount', {
    request,
    connection: { ...connection, proxyUser: USER },
    inspection: inspection({ contact: [CONTACT], termsOfServiceAgreed: true }),
  })
  const answer = response(201, { status: 'valid', contact: [CONTACT], initialIp: ADDRESS })
  const context = { tenant: 'default', instance: 'i', configDigest: 'c', policyDigest: null, privacy }
  const completedAt = { wall: 1_700_000_000_000_000, monotonic: 9000 }
  return [intentFact(exchange, context), outcomeFact({ ...taught(exchange, answer), completedAt }, privacy)]
}

function everything(drafts: readonly FactDraft[]): string {
  return drafts
    .flatMap(({ content, blobs, personal }) => [
      JSON.stringify(content),
      ...blobs.map(({ bytes }) => bytes.toString('latin1')),
      ...personal.map(({ value }) => value.toString('latin1')),
    ])
    .join('\n')
}

/** The line a sink writes of it. */
function line([intent, outcome]: readonly FactDraft[]): string {
  const record = {
    id: intent!.exchange,
    intent: { ...intent, ...intent!.content },
    outcome: { ...outcome, ...outcome!.content },
    personal: Object.fromEntries(
      [...intent!.personal, ...outcome!.personal]
        .filter(({ kind }) => kind !== 'body')
        .map(({ name, value }) => [name, value.toString()]),
    ),
  } as unknown as EndedRecord
  const program = { version: '0', host: 'h', ip: '::1', hostOfCa: () => null }
  return jsonFormat.line(record, {} as never, { line: 1, backlog: 0, writtenAt: 1, program }) ?? ''
}

describe.each(FIELDS)('%s', (field) => {
  test.each(HANDLINGS)('%s', (handling) => {
    const privacy = { ...KEEP_ALL, pseudonym, [field]: handling }
    const drafts = facts(privacy)
    for (const text of [everything(drafts), line(drafts)]) {
      // What an account's own object says goes with what it says it of.
      if (text === line(drafts) || handling === 'keep')
        expect(text.includes(VALUES[field])).toBe(handling === 'keep')
      else expect(text).not.toContain(VALUES[field])
      if (field !== 'contact' || handling !== 'keep')
        expect(text.includes(pseudonym(VALUES[field]))).toBe(handling === 'hash')
    }
    for (const other of FIELDS) {
      if (other !== field) expect(line(drafts), other).toContain(VALUES[other])
    }
  })
})

test('contacts hashed or dropped: payload and answer are not kept at all, the verdict on the signature is', () => {
  for (const contact of ['hash', 'drop'] as const) {
    const [intent, outcome] = facts({ ...KEEP_ALL, pseudonym, contact })
    expect(intent!.personal.map(({ kind }) => kind)).not.toContain('body')
    expect(outcome!.personal).toEqual([])
    expect(intent!.content).toMatchObject({
      jws: { verdict: 'verified', payload: null, signature: null, signatureDigest: expect.any(String) },
    })
    expect(outcome!.content).toMatchObject({ body: { digest: null, stored: null }, objectStatus: 'valid' })
  }
  const [kept, answer] = facts(KEEP_ALL)
  expect(kept!.personal.map(({ name }) => name)).toContain('payload')
  expect(answer!.personal.map(({ name }) => name)).toEqual(['responseBody'])
})

test('an account object with the address of its first request is not kept where addresses are not', () => {
  const [, outcome] = facts({ ...KEEP_ALL, pseudonym, address: 'drop' })
  expect(outcome!.personal).toEqual([])
  expect(outcome!.blobs).toEqual([])
})

test('equal values have equal hashes, in every spelling of a contact; others, and other keys, do not', () => {
  const privacy: Privacy = { ...KEEP_ALL, pseudonym, contact: 'hash', address: 'hash' }
  const hashes = [
    'mailto:jane@Example.org',
    'MAILTO:jane@example.org?subject=x',
    'mailto:jane%40example.org',
  ].map((contact) => shown(privacy, 'contact', contact))
  expect(new Set(hashes).size).toBe(1)
  expect(hashes[0]).toMatch(/^~[0-9a-f]{16}$/)
  expect(shown(privacy, 'contact', 'mailto:Jane@example.org')).not.toBe(hashes[0])
  expect(pseudonymWith(Buffer.alloc(32, 8))(ADDRESS)).not.toBe(pseudonym(ADDRESS))
})

test('a contact is compared without its scheme, its domain in any case', () => {
  expect(plainContact('mailto:Jane@EXAMPLE.org')).toBe('Jane@example.org')
  expect(plainContact('tel:+1-201-555-0123')).toBe('+1-201-555-0123')
  expect(plainContact(' mailto:a%zz@B ')).toBe('a%zz@b')
})

test.each(HANDLINGS)('the log, addresses %s', (handling) => {
  const privacy = { ...KEEP_ALL, pseudonym, address: handling }
  const lines: string[] = []
  const log = (_level: string, _event: string, fields: unknown) => lines.push(JSON.stringify(fields))
  const metrics = { connectionEvents: { inc: () => undefined } } as unknown as Metrics
  const observe = observeWith(log as never, metrics, (address) => shown(privacy, 'address', address))
  observe.connection({ kind: 'tlsFailed', clientAddress: ADDRESS, detail: 'no' } as never)
  expect(lines[0]?.includes(ADDRESS)).toBe(handling === 'keep')
  expect(lines[0]?.includes(pseudonym(ADDRESS))).toBe(handling === 'hash')
})

describe('the key', () => {
  let data: string
  const keep = { address: 'keep', contact: 'keep', proxy_user: 'keep', user_agent: 'keep' } as const

  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'acmetap-privacy-'))
  })
  afterEach(() => rmSync(data, { recursive: true }))

  test('is made when a field is hashed first, for its owner alone, and stays', () => {
    expect(privacyOf({ data, privacy: { ...keep, address: 'drop' } })).toMatchObject({ address: 'drop' })
    expect(pseudonymOf(data)).toBeNull()
    const first = privacyOf({ data, privacy: { ...keep, proxy_user: 'hash' } })
    const file = join(data, 'privacy.key')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file)).toHaveLength(32)
    const again = privacyOf({ data, privacy: { ...keep, address: 'hash' } })
    expect(again.pseudonym(USER)).toBe(first.pseudonym(USER))
    expect(pseudonymOf(data)?.(USER)).toBe(first.pseudonym(USER))
  })

  test('one of another length is refused, not used', () => {
    writeFileSync(join(data, 'privacy.key'), 'short')
    expect(() => privacyOf({ data, privacy: { ...keep, address: 'hash' } })).toThrow(/holds 5 bytes, not 32/)
  })
})
