import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contentsOf, NO_CONTENTS } from '../../../src/audit/formats/contents.ts'
import { FORMATS, type FormatName } from '../../../src/audit/formats/formats.ts'
import {
  type EndedRecord,
  type LineContext,
  operationOf,
  type Program,
} from '../../../src/audit/formats/line.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/open.ts'
import { recorded } from '../../support/recorded-exchange.ts'
import { verdictOf } from '../../support/story-scripts.ts'
import { leaf, smallRecord } from './small-record.ts'

let folder: string
let opened: SqliteStore
let ended: readonly EndedRecord[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'formats-'))
  opened = await openSqliteStore({ folder, now: 1, boot: newExchangeId(), software: 'test' })
  for (const entry of await smallRecord()) await opened.store.append(entry)
  ended = (await opened.reader.outcomesAfter(0, 100)).map(({ exchange }) => exchange as EndedRecord)
})
afterAll(async () => {
  await opened.close()
  await rm(folder, { recursive: true })
})

const program: Program = { version: '1.2.3', host: 'tap.example', ip: '192.0.2.9', hostOfCa: () => null }
const context: LineContext = {
  line: 20,
  backlog: 3,
  writtenAt: Date.UTC(2026, 10, 22, 1, 21, 0) * 1000,
  program,
}

async function textOf(name: FormatName, record: EndedRecord): Promise<string | null> {
  const format = FORMATS[name]
  const read = (id: string, digest: string) => opened.reader.body(id, digest)
  const contents = await contentsOf(record, format.needs(operationOf(record)), read)
  return format.line(record, contents, context)
}

const linesOf = async (name: FormatName) =>
  (await Promise.all(ended.map((record) => textOf(name, record)))).filter((line) => line !== null)

const AGENT = 'CertbotACMEClient/2.1.0 (certbot; Debian)'
const SERVER = 'acme-v02.api.letsencrypt.org'
const common = (second: number) =>
  `"epoch":${1_795_310_425 + second},"client":"192.0.2.7","server":"${SERVER}","agent":"${AGENT}"`
const NAMES = '[{"type":"dns","value":"www.example.org"}]'
const ACCT = '"account":"/acme/acct/1"'

/** `msg` and `params` of each line, byte for byte. */
const GOLDEN = [
  ['directory', `${common(0)},"code":200`],
  ['new-nonce', `${common(1)},"code":200`],
  [
    'new-acct',
    `${common(2)},"contact":["mailto:ops@example.org"],"email":"ops@example.org",${ACCT},"source":"198.51.100.7","status":"valid","code":201`,
  ],
  [
    'new-order',
    `${common(3)},"domains":${NAMES},"authz":["/acme/authz/1/3"],"finalize":"/acme/finalize/1/2",${ACCT},"order":"/acme/order/1/2","code":201`,
  ],
  ['new-order', `${common(4)},"domains":${NAMES},"authz":[],"finalize":"",${ACCT},"order":"","code":429`],
  [
    'auth',
    `${common(5)},${ACCT},"authz":"/acme/authz/1/3","status":"invalid","expires":"2026-11-29T00:00:00Z","identifier":{"type":"dns","value":"www.example.org"},"code":200`,
  ],
  ['chall', `${common(6)},${ACCT},"chall":"/acme/chall/1/3/x","status":"pending","code":200`],
  [
    'order',
    `${common(7)},${ACCT},"chall":"/acme/order/1/2","status":"valid","identifiers":${NAMES},"finalize":"/acme/finalize/1/2","certificate":"/acme/cert/04","code":200`,
  ],
  ['final', `${common(8)},${ACCT},"status":"processing","certificate":"","code":200`],
  ['revoke-cert', `${common(10)},${ACCT},"code":200`],
  ['key-change', `${common(11)},${ACCT},"code":200`],
] as const

describe('amp', () => {
  test('every message Amp knew, byte for byte, and no other', async () => {
    const lines = await linesOf('amp')
    const proxy = (JSON.parse(lines[0]!) as { proxy: string }).proxy
    expect(proxy).toMatch(/^[0-9a-z]{24}@amp\.keychest\.net$/)
    const times = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11].map((n) => String(25 + n).padStart(2, '0'))
    expect(lines).toEqual(
      GOLDEN.map(
        ([msg, params], index) =>
          `{"msg":"${msg}","params":{${params}},"time":"2026-11-22 01:20:${times[index]}","proxy":"${proxy}","id":20,"host":"tap.example","ip":"192.0.2.9","version":"1.2.3","backlog":3,"log_time":"2026-11-22 01:21:00"}`,
      ),
    )
  })

  test('in relay the server is the CA, not the host that clients call', () => {
    const record = recorded({ sequence: 1, operation: 'directory' }) as EndedRecord
    const hosts = { ...context, program: { ...program, hostOfCa: (ca: string) => `${ca}.example` } }
    const line = (of: LineContext) => JSON.parse(FORMATS.amp.line(record, NO_CONTENTS, of)!).params.server
    expect([line(hosts), line(context)]).toEqual(['pebble.example', 'localhost:8443'])
  })

  test('an exchange without an answer has code 0 and empty places', () => {
    const record = recorded({
      sequence: 1,
      operation: 'newOrder',
      outcome: { outcome: 'unknown', status: null },
    }) as EndedRecord
    const { params } = JSON.parse(FORMATS.amp.line(record, NO_CONTENTS, context)!)
    expect(params).toMatchObject({ code: 0, authz: [], finalize: '', order: '', account: '' })
  })
})

describe('amp+', () => {
  test("begins with Amp's own members, unchanged", async () => {
    const plus = (await linesOf('amp+')).map((line) => JSON.parse(line))
    const plain = (await linesOf('amp')).map((line) => JSON.parse(line))
    const known = plus.filter(({ msg }) => plain.some((one) => one.msg === msg))
    expect(known.map(({ more: _, ...rest }) => rest)).toEqual(plain)
    expect(plus.map(({ msg }) => msg).filter((msg) => !plain.some((one) => one.msg === msg))).toEqual([
      'cert',
      'acct',
      'ari',
      'other',
    ])
  })

  test('adds what Amp left out', async () => {
    const more = (await linesOf('amp+')).map((line) => JSON.parse(line).more)
    const of = (operation: string, n = 0) => more.filter((one) => one.operation === operation)[n]
    expect(of('newOrder')).toMatchObject({
      exchange: ended[3]!.id,
      instance: 'one',
      mode: 'intercept',
      proxyUser: 'cluster-a',
      profile: 'shortlived',
      replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE',
      expires: '2026-11-29T00:00:00Z',
      durations: { total: 12_000, ca: 9000, waited: 0 },
      bytes: { request: 2 },
    })
    expect(of('newOrder', 1)).toMatchObject({
      retryAfter: 3600,
      problem: {
        type: 'urn:ietf:params:acme:error:rateLimited',
        detail: 'too many certificates',
        subproblems: [{ type: 'urn:ietf:params:acme:error:caa', identifier: { value: 'www.example.org' } }],
      },
    })
    expect(of('authorization')).toMatchObject({
      validationError: { type: 'urn:ietf:params:acme:error:connection' },
      challenges: [
        { type: 'http-01', status: 'invalid', error: { detail: '192.0.2.1: Connection refused' } },
      ],
    })
    expect(of('challenge').challenge).toMatchObject({ type: 'http-01', path: '/acme/chall/1/3/x' })
    expect(of('finalize').csr).toEqual({
      names: ['www.example.org', 'mail.example.org'],
      key: 'EC prime256v1',
    })
    const { serialNumber, validToDate } = new X509Certificate(leaf.pem)
    const facts = {
      serial: serialNumber.toLowerCase(),
      notAfter: validToDate.toISOString(),
      names: ['www.example.org', '192.0.2.1'],
      key: 'EC prime256v1',
    }
    expect(of('certificate').certificate).toMatchObject(facts)
    expect(of('revokeCert')).toMatchObject({ certificate: facts, reason: 1 })
    expect(of('renewalInfo').ari).toMatchObject({ start: '2026-12-01T00:00:00Z' })
    expect(of('account')).toMatchObject({ requested: 'deactivated' })
  })
})

test('what a policy made of it: all in json, what it denied or warned of in amp+', () => {
  const { digest, ...policy } = verdictOf('soon-forbidden')
  const decision = { effect: 'allow', rule: null, ambiguities: [], policy }
  const line = (name: FormatName, policyOf: typeof policy | null) => {
    const intent = { decision: { ...decision, policy: policyOf }, policyDigest: digest }
    const record = recorded({ sequence: 1, operation: 'newOrder', intent, outcome: {} }) as EndedRecord
    return JSON.parse(FORMATS[name].line(record, NO_CONTENTS, context)!)
  }
  expect(line('json', policy)).toMatchObject({ policyDigest: digest, decision: { policy }, asked: null })
  expect(line('json', null)).toMatchObject({ decision: { policy: null } })
  expect(line('amp+', policy).more.decision).toEqual(decision)
  expect(line('amp+', { ...policy, warnings: [] }).more).not.toHaveProperty('decision')
})

describe('json', () => {
  test('says what the record knows, without bodies', async () => {
    const lines = (await linesOf('json')).map((line) => JSON.parse(line))
    expect(lines).toHaveLength(ended.length)
    expect(lines[2]).toMatchObject({
      version: 1,
      exchange: ended[2]!.id,
      at: '2026-11-22T01:20:27.123456Z',
      endedAt: '2026-11-22T01:20:27.135456Z',
      instance: 'one',
      stream: opened.stream,
      sequence: { intent: 5, outcome: 6 },
      mode: 'intercept',
      ca: 'letsencrypt',
      operation: 'newAccount',
      client: { address: '192.0.2.7', listener: 'proxy', proxyUser: 'cluster-a', userAgent: AGENT },
      account: 'https://acme-v02.api.letsencrypt.org/acme/acct/1',
      contacts: ['mailto:ops@example.org'],
      decision: { effect: 'allow' },
      outcome: 'response',
      status: 201,
      objectStatus: 'valid',
      durations: { total: 12_000, ca: 9000, waited: 0 },
      source: 'ca',
      tunnel: null,
      sent: { line: 20, backlog: 3, at: '2026-11-22T01:21:00.000000Z' },
    })
    expect(lines[4]).toMatchObject({ retryAfter: 3600, problem: { detail: 'too many certificates' } })
    expect(lines[5].validationError.detail).toBe('192.0.2.1: Connection refused')
    expect(JSON.stringify(lines)).not.toContain('BEGIN CERTIFICATE')
    // Records of before there were labels, waiting and sources.
    const { instance: _, ...intent } = ended[0]!.intent
    const { waited: __, source: ___, tunnel: ____, ...outcome } = ended[0]!.outcome
    const old = { ...ended[0]!, intent, outcome } as unknown as EndedRecord
    const line = JSON.parse(FORMATS.json.line(old, NO_CONTENTS, context)!)
    expect(line).toMatchObject({ instance: '', source: null, tunnel: null, durations: { waited: null } })
  })
})

test.each(['json', 'amp', 'amp+'] as const)('%s: hostile values stay on one line', (name) => {
  const evil = 'a\r\n\u2028{"msg":"x"}\u0000"'
  for (const operation of ['newOrder', 'certificate', 'finalize', 'challenge', 'renewalInfo', 'tunnel']) {
    const record = recorded({
      sequence: 1,
      operation,
      client: { userAgent: evil },
      request: { target: evil, authority: evil, fields: { 'user-agent': evil } },
      intent: { account: evil, order: evil, identifiers: [{ type: 'dns', value: evil }] },
      outcome: { order: evil, certificate: evil, problem: { type: evil, detail: evil, subproblems: [7] } },
    }) as EndedRecord
    const contents = {
      payload: { csr: evil, certificate: 'AAAA' },
      answer: evil,
      answerBytes: Buffer.from(evil),
    }
    const line = FORMATS[name].line(record, contents, context)
    if (line === null) continue
    expect(line).not.toMatch(/[\r\n\0]/)
    JSON.parse(line)
  }
})
