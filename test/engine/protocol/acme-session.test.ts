/** A session with a CA that goes wrong: bounded repetitions, a clear error for each, and nothing sent elsewhere. */
import { afterEach, expect, test } from 'vitest'
import { AcmeProblem } from '../../../src/acme/problem.ts'
import { makeAccountKey, type Signer, signerOf } from '../../../src/engine/account-key.ts'
import type { AcmeSession } from '../../../src/engine/acme-session.ts'
import { fetchAuthorization } from '../../../src/engine/authorization.ts'
import { downloadCertificate } from '../../../src/engine/download-certificate.ts'
import type { EngineError } from '../../../src/engine/engine-error.ts'
import { newAccount } from '../../../src/engine/new-account.ts'
import { fetchOrder, newOrder } from '../../../src/engine/new-order.ts'
import { renewalInfo } from '../../../src/engine/renewal-info.ts'
import type { Behaviour } from '../../support/test-ca/behaviour.ts'
import { faultOf, type ProtocolWorld, SIGNAL, startProtocolWorld } from './protocol-world.ts'

let world: ProtocolWorld | null = null
afterEach(async () => {
  await world?.close()
  world = null
})

const IDENTIFIERS = [{ type: 'dns', value: 'a.example' }]
const WANTED = { identifiers: IDENTIFIERS, profile: null, replaces: null }

/** With an account and one pending order. */
async function begun() {
  world = await startProtocolWorld()
  const session = world.stages.session()
  const bare = signerOf(await makeAccountKey('ec256'), null)
  const { url } = await newAccount(session, bare, { contact: [], agreeTerms: true, external: null }, SIGNAL)
  const signer: Signer = { ...bare, kid: url }
  const { order } = await newOrder(session, signer, WANTED, SIGNAL)
  world.stages.exchanges.length = 0
  return { world, session, signer, order }
}

const sent = ({ stages }: ProtocolWorld) => stages.operations().length

test('badNonce: repeated with the nonce of the refusal, three times at most, each announced', async () => {
  const { world, session, signer } = await begun()
  const announced: string[] = []
  const wanted = { ...WANTED, announce: async (exchange: string) => void announced.push(exchange) }
  const rule = world.ca.script(
    { operation: 'newOrder', times: 3 },
    { kind: 'problem', type: 'badNonce', status: 400 },
  )
  await newOrder(session, signer, wanted, SIGNAL)
  expect(sent(world)).toBe(4)
  expect(announced).toEqual(
    world.stages.exchanges.filter((e) => e.operation === 'newOrder').map(({ id }) => id),
  )
  rule.remove()
  world.ca.script({ operation: 'newOrder' }, { kind: 'problem', type: 'badNonce', status: 400, detail: 'no' })
  expect(await faultOf(newOrder(session, signer, wanted, SIGNAL))).toBe(
    'problem: the CA "test-ca" refused newOrder: no (badNonce)',
  )
  expect(sent(world)).toBe(8)
  expect(world.stages.pauses).toEqual([])
})

test('a CA that was started anew and knows no nonce of ours: one repetition, and none with an older nonce', async () => {
  const { world, session, signer, order } = await begun()
  // Nonces of answers we did not use.
  await Promise.all(Array.from({ length: 5 }, () => fetchOrder(session, signer, order.url, SIGNAL)))
  world.stages.exchanges.length = 0
  const stale = world.ca.script({ operation: 'order' }, { kind: 'nonce', value: 'made-up' })
  await fetchOrder(session, signer, order.url, SIGNAL)
  stale.remove()
  await fetchOrder(session, signer, order.url, SIGNAL)
  expect(sent(world)).toBe(3)
  const nonces = world.stages.exchanges.map(({ inspection }) => inspection?.jws.header.nonce)
  expect(nonces[1]).toBe('made-up')
  expect(new Set(nonces).size).toBe(3)
})

test('a nonce that the CA gives twice is used once; where it gives none, one is asked for', async () => {
  const { world, session, signer, order } = await begun()
  world.ca.script({ operation: 'order' }, { kind: 'nonce', value: null })
  for (let n = 0; n < 3; n++) await fetchOrder(session, signer, order.url, SIGNAL)
  expect(world.stages.exchanges.map(({ operation }) => operation)).toEqual([
    'order',
    'newNonce',
    'order',
    'newNonce',
    'order',
  ])
  expect(world.stages.exchanges.every(({ request }) => request.method !== 'HEAD')).toBe(true)
  // HEAD where the CA does not answer GET, though RFC 8555 §7.2 wants it.
  world.ca.script({ operation: 'newNonce', method: 'GET' }, { kind: 'answer', status: 405 })
  await fetchOrder(session, signer, order.url, SIGNAL)
  expect(world.stages.exchanges.slice(-3).map(({ request }) => request.method)).toEqual([
    'GET',
    'HEAD',
    'POST',
  ])
  // And none anywhere.
  world.ca.script({ operation: 'newNonce' }, { kind: 'nonce', value: 'not a nonce' })
  expect(await faultOf(fetchOrder(session, signer, order.url, SIGNAL))).toBe(
    'protocol: the CA "test-ca" gives no usable Replay-Nonce at its newNonce URL',
  )
})

test.each([
  ['a reset', { kind: 'reset', when: 'after-processing' }, [1000, 2000, 4000]],
  ['500', { kind: 'problem', type: 'serverInternal', status: 500 }, [1000, 2000, 4000]],
  ['503 with a page', { kind: 'answer', status: 503, body: '<h1>busy</h1>' }, [1000, 2000, 4000]],
  ['429', { kind: 'problem', type: 'rateLimited', status: 429, retryAfter: 7 }, [7000, 7000, 7000]],
  ['429 for long', { kind: 'problem', type: 'rateLimited', status: 429, retryAfter: 3600 }, []],
  ['404', { kind: 'problem', type: 'malformed', status: 404 }, []],
] as const)('%s: only what is safe is repeated, three times, with pauses', async (_, behaviour, pauses) => {
  const { world, session, signer, order } = await begun()
  for (const operation of ['order', 'newOrder', 'directory'] as const)
    world.ca.script({ operation }, behaviour as Behaviour)
  expect(await faultOf(fetchOrder(session, signer, order.url, SIGNAL))).not.toBe('none')
  expect(world.stages.pauses).toEqual(pauses)
  const before = world.ca.log.requests.filter(({ operation }) => operation === 'newOrder').length
  await expect(newOrder(session, signer, WANTED, SIGNAL)).rejects.toThrow()
  const after = world.ca.log.requests.filter(({ operation }) => operation === 'newOrder').length
  expect(after - before).toBe(1)
  world.stages.pauses.length = 0
  expect(await faultOf(world.stages.session().directory(SIGNAL))).not.toBe('none')
  expect(world.stages.pauses).toEqual(pauses)
})

test('Retry-After: seconds and dates, from one second to a day', async () => {
  const { world, session, signer, order } = await begun()
  const said: [number | Date, number][] = [
    [0, 1],
    [5, 5],
    [31_536_000, 86_400],
    [999_999_999_999, 86_400],
    [new Date(Date.now() - 3600_000), 1],
    [new Date(Date.now() + 400 * 86_400_000), 86_400],
  ]
  for (const [value, expected] of said) {
    world.ca.script({ operation: 'order' }, { kind: 'retry-after', value })
    expect((await fetchOrder(session, signer, order.url, SIGNAL)).retryAfter).toBe(expected)
  }
  for (const value of ['-1', 'soon', '1e9', '12.5', `${'9'.repeat(100)}`]) {
    world.ca.script({ operation: 'order' }, { kind: 'field', name: 'Retry-After', value })
    expect((await fetchOrder(session, signer, order.url, SIGNAL)).retryAfter).toBeNull()
  }
  world.ca.script(
    { operation: 'newOrder' },
    { kind: 'problem', type: 'rateLimited', status: 429, retryAfter: 9e9 },
  )
  await expect(newOrder(session, signer, WANTED, SIGNAL)).rejects.toMatchObject({
    fault: 'problem',
    status: 429,
    retryAfter: 86_400,
    problem: { type: 'urn:ietf:params:acme:error:rateLimited' },
  })
})

/** What the CA answers, and what is said of it. */
const json = (body: unknown, ...fields: [string, string][]): Behaviour => ({
  kind: 'answer',
  status: 200,
  fields: [['Content-Type', 'application/json'], ...fields],
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const problem = (body: unknown, status = 403): Behaviour => ({
  kind: 'answer',
  status,
  fields: [['Content-Type', 'application/problem+json']],
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const ORDER = {
  status: 'pending',
  identifiers: IDENTIFIERS,
  authorizations: [],
  finalize: 'https://x.example/f',
}
const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`

test.each<[string, Behaviour, RegExp]>([
  ['no JSON', json('<html>'), /^protocol: .* no order$/],
  ['cut JSON', { kind: 'malformed-json' }, /^protocol: .* no order$/],
  ['an array', json([]), /^protocol: .* no order$/],
  ['null', json('null'), /^protocol: .* no order$/],
  ['nothing', json(''), /^protocol: .* no order$/],
  ['JSON that is deep', json(deep), /^protocol: .* no order$/],
  ['JSON of many members', json([...Array(5000).keys()]), /^protocol: .* no order$/],
  ['another status', json({ ...ORDER, status: 'perhaps' }), /^protocol: .* no order$/],
  ['__proto__', json(`{"__proto__":${JSON.stringify(ORDER)}}`), /^protocol: .* no order$/],
  ['no finalize', json({ ...ORDER, finalize: 7 }), /^protocol: .* order without finalize$/],
  ['valid, without a certificate', json({ ...ORDER, status: 'valid' }), /^protocol: .* no certificate$/],
  [
    'endless authorizations',
    json({ ...ORDER, authorizations: [...Array(201).keys()].map((n) => `https://x/${n}`) }),
    /^protocol: .* more than 200 authorizations$/,
  ],
  ['another type of content', { kind: 'content-type', value: 'text/html' }, /^protocol: .* no order$/],
  [
    'too much',
    { kind: 'huge-body', bytes: 3_000_000 },
    /^network: no answer .* the answer is over 1048576 bytes$/,
  ],
  ['a bomb', { kind: 'gzip-bomb', bytes: 100_000_000 }, /^protocol: .* cannot be decoded within bounds$/],
  [
    '1xx without end',
    { kind: 'interim', status: 103, count: 1000, ending: 'nothing' },
    /^network: .* too many 1xx/,
  ],
  ['bad chunks', { kind: 'bad-chunking' }, /^network: no answer of the CA "test-ca" to order: /],
  [
    '301',
    { kind: 'answer', status: 301, fields: [['Location', 'https://127.0.0.1:1/']] },
    /^protocol: .* a redirect \(HTTP 301\), which is not followed$/,
  ],
  [
    'a page',
    { kind: 'answer', status: 403, body: '<html>' },
    /^protocol: .* with HTTP 403 and no problem document$/,
  ],
  ['an empty problem', problem({}), /^protocol: .* with HTTP 403 and no problem document$/],
  ['a problem without text', problem({ type: 'urn:x' }), /^problem: .* refused order: HTTP 403 \(urn:x\)$/],
  [
    'a problem over several lines, with a terminal sequence',
    problem({ type: 'urn:ietf:params:acme:error:caa', detail: 'one\r\ntwo\u001b[2J\u202etext' }),
    /^problem: the CA "test-ca" refused order: one two \[2J text \(caa\)$/,
  ],
  [
    'a long problem',
    problem({ type: 'urn:ietf:params:acme:error:dns', detail: 'x'.repeat(100_000) }),
    /^problem: .{0,700} \(dns\)$/,
  ],
  [
    'subproblems',
    problem({
      type: 'urn:ietf:params:acme:error:compound',
      detail: 'several',
      subproblems: [...Array(7).keys()].map((n) => ({
        type: 'urn:ietf:params:acme:error:caa',
        detail: 'CAA',
        identifier: { type: 'dns', value: `${n}.example` },
      })),
    }),
    /several \(compound\); 0\.example: CAA; .*4\.example: CAA; and 2 more$/,
  ],
  [
    'Location elsewhere',
    json(ORDER, ['Location', 'https://evil.example/o']),
    /^protocol: .*"test-ca" names a URL for Location that does not lead to .*: https:\/\/evil.example\/o$/,
  ],
  ['Location of another scheme', json(ORDER, ['Location', 'file:///etc/passwd']), /^protocol: .*Location/],
])('an order that is %s', async (_, behaviour, says) => {
  const { world, session, signer, order } = await begun()
  world.ca.script({ operation: 'order' }, behaviour)
  expect(await faultOf(fetchOrder(session, signer, order.url, SIGNAL))).toMatch(says)
})

test.each([
  'https://evil.example/x',
  'https://127.0.0.1:1/x',
  'http://HOST/x',
  'https://HOST@evil.example/x',
  'https://HOST.evil.example/x',
  'https://HOST',
  'https://HOST\\x',
  'https://HOST/x y',
  'https://HOST/x#y',
  'https://HOST/x\r\nHost: evil',
  'https://HOST/\u00fc',
  'https://user@HOST/x',
  '//HOST/x',
  '/x',
  'ftp://HOST/x',
  `https://HOST/${'x'.repeat(3000)}`,
])('a URL that is %s is not followed', async (written) => {
  const { world, session, signer } = await begun()
  const url = written.replace('HOST', world.ca.authority)
  const before = world.stages.exchanges.length
  expect(await faultOf(session.post(url, '', signer, { signal: SIGNAL }))).toMatch(
    /^protocol: the CA "test-ca" names a URL for a request that does not lead to https:\/\/localhost:\d+\/, so it is not followed: /,
  )
  expect(await faultOf(session.get(url, SIGNAL))).toMatch(/^protocol: /)
  expect(world.stages.exchanges).toHaveLength(before)
})

test('what is refused by acmetap itself, and what cannot be recorded, says so and is not repeated', async () => {
  const { world, session, signer, order } = await begun()
  world.stages.decide = () =>
    ({
      effect: 'deny',
      rule: 'policy',
      problem: 'rejectedIdentifier',
      detail: 'rule "only-ours": a.example is not ours',
      retryAfter: 120,
    }) as never
  const refused = await newOrder(session, signer, WANTED, SIGNAL).catch((error: EngineError) => error)
  expect(refused).toMatchObject({ fault: 'refused', problem: null, retryAfter: 120 })
  expect((refused as EngineError).message).toMatch(
    /^rule "only-ours": a.example is not ours \(acmetap record [0-9a-f-]{36}\)$/,
  )
  world.stages.decide = () => ({ effect: 'allow' })
  Object.assign(world.stages, {
    perform: async () => {
      throw new AcmeProblem('serverInternal', 'the record cannot be written', { status: 503 })
    },
  })
  expect(await faultOf(fetchOrder(session, signer, order.url, SIGNAL))).toBe(
    'refused: the record cannot be written',
  )
  expect(world.stages.pauses).toEqual([])
})

test('nothing is sent where the announcement cannot be kept', async () => {
  const { world, session, signer } = await begun()
  const announce = () => Promise.reject(new Error('the disk is full'))
  await expect(newOrder(session, signer, { ...WANTED, announce }, SIGNAL)).rejects.toThrow('the disk is full')
  expect(sent(world)).toBe(0)
})

test('every wait can be stopped: for an answer, for a pause, before anything', async () => {
  const { world, session, signer, order } = await begun()
  world.ca.script({ operation: 'order' }, { kind: 'hang' })
  const controller = new AbortController()
  const waiting = faultOf(fetchOrder(session, signer, order.url, controller.signal))
  await expect
    .poll(() => world.ca.log.requests.filter(({ operation }) => operation === 'order').length)
    .toBe(1)
  controller.abort()
  expect(await waiting).toBe('aborted: it was stopped before it was done')
  const before = world.ca.log.requests.length
  expect(await faultOf(fetchOrder(session, signer, order.url, controller.signal))).toMatch(/^aborted: /)
  expect(await faultOf(world.stages.session().directory(controller.signal))).toMatch(/^aborted: /)
  expect(world.ca.log.requests).toHaveLength(before)
  world.ca.dropConnections()
})

test('one who stops reading the directory does not stop another', async () => {
  const { world } = await begun()
  const session: AcmeSession = world.stages.session()
  world.ca.script({ operation: 'directory' }, { kind: 'slow', ms: 200 })
  const controller = new AbortController()
  const first = faultOf(session.directory(controller.signal))
  const second = session.directory(SIGNAL)
  controller.abort()
  expect(await first).toMatch(/^aborted: /)
  expect((await second).newOrder).toContain('/new-order')
  const reads = world.stages.exchanges.length
  await Promise.all([session.directory(SIGNAL), session.directory(SIGNAL)])
  expect(world.stages.exchanges).toHaveLength(reads)
})

test.each([
  [{}, /is no ACME directory: it has no newNonce$/],
  ['[]', /is no ACME directory/],
  [
    { newNonce: 'https://HOST/n', newAccount: 'https://evil.example/', newOrder: 'https://HOST/o' },
    /names a URL for newAccount that does not lead/,
  ],
])('a directory that is none: %s', async (body, says) => {
  const { world } = await begun()
  const text = typeof body === 'string' ? body : JSON.stringify(body).replaceAll('HOST', world.ca.authority)
  world.ca.script({ operation: 'directory' }, json(text))
  expect(await faultOf(world.stages.session().directory(SIGNAL))).toMatch(says)
})

test('an order for other names, or without its URL, is none of ours', async () => {
  const { world, session, signer } = await begun()
  const url = `https://${world.ca.authority}/order/1`
  world.ca.script(
    { operation: 'newOrder' },
    json({ ...ORDER, identifiers: [{ type: 'dns', value: 'b.example' }] }, ['Location', url]),
  )
  expect(await faultOf(newOrder(session, signer, WANTED, SIGNAL))).toMatch(
    /^protocol: .* other names than were asked for$/,
  )
  world.ca.script({ operation: 'newOrder' }, json(ORDER))
  expect(await faultOf(newOrder(session, signer, WANTED, SIGNAL))).toMatch(/^protocol: .* \(no Location\)$/)
  world.ca.script({ operation: 'newOrder' }, json(ORDER, ['Location', '/order/1']))
  expect((await newOrder(session, signer, WANTED, SIGNAL)).order.url).toBe(url)
})

test('challenges: only with a token that may go into files and the DNS', async () => {
  const { world, session, signer, order } = await begun()
  const url = order.authorizations[0]!
  const token = 'A'.repeat(43)
  const offered = (more: object) => ({
    type: 'http-01',
    url: 'https://x.example/c',
    status: 'pending',
    token,
    ...more,
  })
  const bad = [
    '',
    'short',
    '../../../etc/passwd/aaaaaaaaaaaaaaa',
    `${token}\n`,
    `${token}$(id)`,
    `${token}=`,
    'x'.repeat(257),
    7,
    null,
  ]
  world.ca.script(
    { operation: 'authorization' },
    json({
      status: 'pending',
      identifier: { type: 'dns', value: '*.a.example' },
      challenges: [
        ...bad.map((token) => offered({ token })),
        offered({ url: 7 }),
        offered({ status: 'odd' }),
        { type: 'http-01', url: 'https://x.example/c' },
        'text',
        null,
        offered({}),
        {
          type: 'dns-persist-01',
          url: 'https://x.example/p',
          status: 'pending',
          'issuer-domain-names': ['ca.example', 7],
        },
      ],
    }),
  )
  const shown = await fetchAuthorization(session, signer, url, SIGNAL)
  expect([shown.identifier.value, shown.wildcard]).toEqual(['a.example', true])
  expect(
    shown.challenges.map(({ type, token, issuerDomainNames }) => [type, token, issuerDomainNames]),
  ).toEqual([
    ['http-01', token, []],
    ['dns-persist-01', '', ['ca.example']],
  ])
})

test('chains: PEM of 1 to 10 certificates, 256 KiB, and nothing else', async () => {
  const { world, session, signer } = await begun()
  const url = `https://${world.ca.authority}/certificate/1`
  const chain = (body: string, type = 'application/pem-certificate-chain', ...fields: [string, string][]) => {
    world.ca.script(
      { path: /certificate/ },
      { kind: 'answer', status: 200, fields: [['Content-Type', type], ...fields], body },
    )
    return downloadCertificate(session, signer, url, SIGNAL)
  }
  const root = world.ca.issuer
  const good = await chain(`\r\n${root.replaceAll('\n', '\r\n')}\n${root}`, undefined, [
    'Link',
    '<https://evil.example/1>;rel="alternate", </certificate/2>;rel="alternate"',
  ])
  expect(good.pem).toBe(`${root}${root}`.replace(/\n\n/g, '\n'))
  expect(good.alternates).toEqual([`https://${world.ca.authority}/certificate/2`])
  for (const [body, says] of [
    ['', /no chain of 1 to 10/],
    [root.repeat(11), /no chain of 1 to 10/],
    [`${root}rm -rf /\n`, /no chain of 1 to 10/],
    [`Subject: x\n${root}`, /no chain of 1 to 10/],
    [root.replaceAll('CERTIFICATE', 'PRIVATE KEY'), /no chain of 1 to 10/],
    [`${root}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, /something is no certificate/],
    [`${root}${' '.repeat(300_000)}`, /with 300\d{3} bytes, more than the 262144/],
  ] as const)
    expect(await faultOf(chain(body))).toMatch(says)
  expect(await faultOf(chain(root, 'application/pkix-cert'))).toMatch(
    /no application\/pem-certificate-chain$/,
  )
})

test('renewal information that is no window of time', async () => {
  const { world, session } = await begun()
  const ask = (suggestedWindow: unknown, more: object = {}) => {
    world.ca.script({ operation: 'renewalInfo' }, json({ suggestedWindow, ...more }, ['Retry-After', '5']))
    return renewalInfo(session, 'aaaa.bbbb', SIGNAL)
  }
  const [start, end] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z']
  for (const wrong of [
    null,
    'x',
    {},
    { start },
    { start: end, end: start },
    { start, end: start },
    { start: 'yesterday', end },
    { start, end: 'Fri, 02 Jan 2026' },
    { start: 1, end: 2 },
  ])
    expect(await faultOf(ask(wrong))).toMatch(/^protocol: .* no window of time$/)
  expect(await ask({ start, end }, { explanationURL: 'https://why.example/' })).toEqual({
    start: Date.parse(start) * 1000,
    end: Date.parse(end) * 1000,
    explanation: 'https://why.example/',
    retryAfter: 60,
  })
  expect((await ask({ start, end }, { explanationURL: 'javascript:alert(1)' }))!.explanation).toBeNull()
})
