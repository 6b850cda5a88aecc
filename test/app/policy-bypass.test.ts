/** Ways around a policy, through the whole server: what counts is what arrives at the CA. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { runPolicyBypass } from '../soak/policy-bypass.ts'
import { LONGEST } from '../soak/small.ts'
import {
  type ClientAnswer,
  httpsTransport,
  type OrderDocument,
  readJson,
  TestAcmeClient,
  UnexpectedAnswer,
} from '../support/acme-client.ts'
import { startAcmetap } from '../support/acmetap-process.ts'
import { allCases } from '../support/ambiguous-cases.ts'
import { baseSpellings } from '../support/policy-bypass/protected.ts'
import { sample } from '../support/policy-bypass/sample.ts'
import { signJws } from '../support/sign-jws.ts'
import { makeCsr } from '../support/test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import { type Composed, compose, Opened } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

const PROTECTS_PAY = `version: 1
mode: enforce
rules:
  - { name: pay, when: { names: pay.example.com }, effect: deny }
`
const BUDGET_OF_TEN = `version: 1
mode: enforce
rules:
  - name: budget
    when: { operation: newOrder, orders: { per: all, within: 7d, count: '>=10' } }
    effect: deny
    problem: rateLimited
`

interface World {
  readonly ca: TestCa
  readonly world: Composed
  use(policy: string): Promise<void>
}

/** Without `policy` there is none. */
async function worldBefore(ca: TestCa, policy?: string): Promise<World> {
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  const use = async (text: string) => {
    await writeFile(join(world.folder, 'policy.yaml'), text)
    await world.addSections({ policy: './policy.yaml' })
    expect(await world.running.reload()).toMatchObject({ ok: true })
  }
  if (policy !== undefined) await use(policy)
  return { ca, world, use }
}

async function clientOf({ ca, world }: World): Promise<TestAcmeClient> {
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  return client
}

const named = (...names: string[]) => names.map((value) => ({ type: 'dns', value }))

/** Status alone, whatever it is. */
async function statusOf(sent: Promise<ClientAnswer>): Promise<number> {
  return sent.then(
    ({ status }) => status,
    (error: unknown) => {
      if (error instanceof UnexpectedAnswer) return error.answer.status
      throw error
    },
  )
}

async function orderOf(client: TestAcmeClient, ...names: string[]) {
  const answer = await client.post(client.directory?.newOrder ?? '', { identifiers: named(...names) })
  return { url: answer.fields.location ?? '', ...readJson<OrderDocument>(answer) }
}

function csrFor(...names: string[]): { readonly csr: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return { csr: makeCsr(privateKey, spki, named(...names)).toString('base64url') }
}

const written = (ca: TestCa) =>
  ca.log.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD').map(({ target }) => target)

test('a sample of every way to write a request: none gets a protected name to the laxest CA', {
  timeout: LONGEST,
}, async () => {
  const cases = sample(
    allCases().filter(({ freshAccount }) => freshAccount !== true),
    60,
  )
  const { figures, failures } = await runPolicyBypass(
    { spellings: sample(baseSpellings(), 30), each: 99, cases },
    () => undefined,
  )
  expect(failures).toEqual([])
  for (const kind of ['denying', 'granting']) {
    expect(figures[`${kind}: refused`]).toBeGreaterThan(600)
    expect(figures[`${kind}: arrived at the CA`]).toBeGreaterThan(100)
  }
})

test('orders of before the policy: nothing of a protected one is sent, nor through the URLs of another', async () => {
  const made = await worldBefore(opened.add(await startTestCa()))
  const client = await clientOf(made)
  const pay = await orderOf(client, 'pay.example.com')
  const innocent = await orderOf(client, 'www.example.com')
  const wildcard = await orderOf(client, '*.example.com')
  await made.use(PROTECTS_PAY)
  const before = written(made.ca).length
  for (const order of [pay, wildcard]) {
    for (const url of [order.url, ...order.authorizations]) {
      expect(await statusOf(client.post(url))).toBe(403)
    }
    for (const names of [['pay.example.com'], ['www.example.com'], ['*.example.com']]) {
      expect(await statusOf(client.post(order.finalize, csrFor(...names)))).toBeOneOf([400, 403])
    }
  }
  for (const names of [['pay.example.com'], ['www.example.com', 'pay.example.com'], ['*.example.com']]) {
    expect(await statusOf(client.post(innocent.finalize, csrFor(...names)))).toBe(400)
  }
  expect(written(made.ca).slice(before)).toEqual([])
  expect(await statusOf(client.post(innocent.url))).toBe(200)
})

test('a policy that comes between newOrder and finalize decides the finalize', async () => {
  const made = await worldBefore(opened.add(await startTestCa()), PROTECTS_PAY.replace('pay.', 'other.'))
  const client = await clientOf(made)
  const { finalize } = await orderOf(client, 'pay.example.com')
  await made.use(PROTECTS_PAY)
  const before = written(made.ca).length
  expect(await statusOf(client.post(finalize, csrFor('pay.example.com')))).toBe(403)
  expect(written(made.ca).slice(before)).toEqual([])
})

test('orders made past acmetap, or through another one, are not finished through this one', async () => {
  const ca = opened.add(await startTestCa())
  const guarded = await worldBefore(ca, PROTECTS_PAY)
  const open = await worldBefore(ca)
  const client = await clientOf(guarded)
  const key = client.key
  for (const origin of [`https://${ca.authority}`, `https://localhost:${open.world.port}`]) {
    const trust = origin.endsWith(ca.authority) ? ca.trust : await open.world.root()
    const past = new TestAcmeClient(opened.add(httpsTransport(trust)), key)
    await past.discover(origin + new URL(ca.directory).pathname)
    await past.newAccount()
    const order = await orderOf(past, 'pay.example.com')
    const before = written(ca).length
    const here = (url: string) => `https://localhost:${guarded.world.port}${new URL(url).pathname}`
    expect(await statusOf(client.post(here(order.finalize), csrFor('pay.example.com')))).toBe(403)
    for (const url of [order.url, ...order.authorizations]) {
      expect(await statusOf(client.post(here(url)))).toBe(403)
    }
    expect(written(ca).slice(before)).toEqual([])
  }
})

test('no other method, and no HTTP/2, carries what POST may not', async () => {
  const made = await worldBefore(opened.add(await startTestCa({ nonces: 'ignore' })), PROTECTS_PAY)
  const { ca, world } = made
  const client = await clientOf(made)
  const url = client.directory?.newOrder ?? ''
  const body = client.sign(url, { identifiers: named('pay.example.com') }, { nonce: 'any' })
  const before = ca.log.requests.length
  const root = await world.root()
  const methods = [
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'GET',
    'HEAD',
    'OPTIONS',
    'PROPFIND',
    'QUERY',
    'TRACE',
    'LINK',
  ]
  for (const method of methods) {
    for (const more of [{}, { 'X-HTTP-Method-Override': 'POST', 'X-Method-Override': 'POST' }]) {
      const status = await sendAs(method, url, body, root, more)
      expect([method, status >= 400]).toEqual([method, true])
    }
  }
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
    expect(await sendAs(method, url, Buffer.alloc(0), root)).toBeGreaterThanOrEqual(400)
  }
  expect(ca.log.requests.slice(before).map(({ method, target }) => `${method} ${target}`)).toEqual([])

  // HTTP/2 is for clients; what comes by it is decided as the rest.
  const session = connectHttp2(`https://localhost:${world.port}`, { ca: root })
  const stream = session.request({
    ':method': 'POST',
    ':path': new URL(url).pathname,
    'content-type': 'application/jose+json',
  })
  const status = new Promise((resolve, reject) => {
    stream.once('response', (fields) => resolve(fields[':status'])).once('error', reject)
  })
  stream.end(body)
  expect(await status).toBe(403)
  session.destroy()
  expect(ca.log.requests.slice(before)).toEqual([])
})

function sendAs(
  method: string,
  url: string,
  body: Buffer,
  ca: string,
  more: Readonly<Record<string, string>> = {},
): Promise<number> {
  const length = { 'Content-Length': String(body.length) }
  return new Promise((resolve) => {
    const request = httpsRequest(url, {
      ca,
      agent: false,
      method,
      headers: { 'Content-Type': 'application/jose+json', ...length, ...more },
    })
    request.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0)))
    // A connection that is cut is a refusal too.
    request.on('error', () => resolve(499))
    request.end(body)
  })
}

test('J9: nobody is taken for another client by a kid, a key or a signature', async () => {
  const made = await worldBefore(opened.add(await startTestCa({ nonces: 'ignore' })))
  const { ca } = made
  const [team, stranger] = [await clientOf(made), await clientOf(made)]
  await made.use(`version: 1
mode: enforce
default: deny
rules:
  - { name: accounts, when: { operation: accounts }, effect: allow }
  - { name: by-url, when: { names: a.example.com, client: { account: '${team.account}' } }, effect: allow }
  - { name: by-key, when: { names: b.example.com, client: { account: ${team.key.thumbprint} } }, effect: allow }
`)
  const url = team.directory?.newOrder ?? ''
  const send = (body: Buffer) => team.transport.send('POST', url, body).then(({ status }) => status)
  const signedBy = (client: TestAcmeClient, header: object, name: string) =>
    signJws(client.key, { nonce: 'any', url, ...header }, { identifiers: named(name) })
  for (const name of ['a.example.com', 'b.example.com']) {
    expect(await send(signedBy(team, { kid: team.account }, name))).toBe(201)
  }
  const taken = ca.log.objects.filter(({ object }) => object === 'order').length
  const kid = team.account ?? ''
  const kids = [
    `${kid}/`,
    `${kid}?x`,
    `${kid}#x`,
    `${kid},${kid}`,
    `${kid} `,
    ` ${kid}`,
    kid.toUpperCase(),
    kid.replace('localhost', 'LOCALHOST'),
    kid.replace('localhost', '127.0.0.1'),
    kid.replace('https', 'http'),
    kid.replace('account/', 'account//'),
    kid.replace('account/', 'account/./'),
    kid.replace('account/', 'account/0'),
    kid.replace('account/', 'account/%30'),
    kid.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
    stranger.account,
    '',
  ]
  for (const name of ['a.example.com', 'b.example.com']) {
    for (const one of kids) {
      expect([one, await send(signedBy(stranger, { kid: one }, name))]).not.toEqual([one, 201])
      // What the team itself signs under a name that is not its own is nobody's.
      expect([one, await send(signedBy(team, { kid: one }, name))]).not.toEqual([one, 201])
    }
    const theirs = [
      signedBy(stranger, { kid }, name),
      signedBy(stranger, { jwk: team.key.jwk }, name),
      signedBy(stranger, { jwk: stranger.key.jwk }, name),
      signedBy(stranger, { kid, jwk: team.key.jwk }, name),
      signedBy(stranger, { kid, alg: 'none' }, name),
      signedBy(stranger, { kid, alg: 'HS256' }, name),
      signedBy(stranger, { kid: { toString: kid } }, name),
      signedBy(stranger, { kid: [kid] }, name),
    ]
    for (const body of theirs) expect(await send(body)).not.toBe(201)
  }
  expect(ca.log.objects.filter(({ object }) => object === 'order')).toHaveLength(taken)
  // By key nothing was even sent: the signature is none of that key's.
  const toCa = ca.log.requests.filter(({ operation }) => operation === 'newOrder').length
  expect(await send(signedBy(stranger, { kid }, 'b.example.com'))).toBe(403)
  expect(ca.log.requests.filter(({ operation }) => operation === 'newOrder')).toHaveLength(toCa)
})

test('a rule that denies an account is not passed by another spelling of its URL', async () => {
  const made = await worldBefore(opened.add(await startTestCa({ nonces: 'ignore' })))
  const [banned, other] = [await clientOf(made), await clientOf(made)]
  const kid = banned.account ?? ''
  await made.use(`version: 1
mode: enforce
rules:
  - { name: banned, when: { operation: newOrder, client: { account: '${kid}' } }, effect: deny }
`)
  const url = banned.directory?.newOrder ?? ''
  const before = ordersAt(made.ca)
  const spellings = [
    kid,
    `${kid}/`,
    `${kid}?x`,
    kid.toUpperCase(),
    kid.replace('account/', 'account//'),
    kid.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
    kid.replace('account/', 'account/0'),
    kid.replace('account/', 'account/+'),
    kid.replace('localhost', 'LOCALHOST'),
    kid.replace('https:', 'HTTPS:'),
  ]
  for (const spelling of spellings) {
    const body = signJws(
      banned.key,
      { kid: spelling, nonce: 'any', url },
      { identifiers: named('a.example.com') },
    )
    const { status } = await banned.transport.send('POST', url, body)
    expect([spelling, status === 400 || status === 403]).toEqual([spelling, true])
  }
  expect(ordersAt(made.ca)).toBe(before)
  expect(await statusOf(other.post(url, { identifiers: named('a.example.com') }))).toBe(201)
})

test('J18: profile, validity and replaces are judged as they stand; unknown members pass', async () => {
  const made = await worldBefore(
    opened.add(await startTestCa({ nonces: 'ignore' })),
    `version: 1
mode: enforce
default: deny
rules:
  - { name: accounts, when: { operation: accounts }, effect: allow }
  - name: short
    when: { names: '**.example.com', profile: [none, shortlived], not: { validity: '>90d' } }
    effect: allow
`,
  )
  const client = await clientOf(made)
  const url = client.directory?.newOrder ?? ''
  const far = new Date(Date.now() + 400 * 86_400_000).toISOString()
  const sendWith = (members: string) => {
    const payload = `{"identifiers":[{"type":"dns","value":"a.example.com"}]${members}}`
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: client.account, nonce: 'any', url }))
    const signed = signText(client, header.toString('base64url'), Buffer.from(payload).toString('base64url'))
    return client.transport.send('POST', url, signed).then(({ status }) => status)
  }
  const pass = [
    '',
    ',"profile":"shortlived"',
    ',"x":{"profile":"classic"}',
    ',"notes":["notAfter"]',
    ',"profile":null',
  ]
  for (const members of pass) expect([members, await sendWith(members)]).toEqual([members, 201])
  const before = made.ca.log.requests.length
  const denied = [
    ',"profile":"classic"',
    ',"profile":"Shortlived"',
    ',"profile":"shortlived "',
    ',"profile":"shortlived","profile":"classic"',
    ',"profile":"shortlived","Profile":"classic"',
    ',"Profile":"classic"',
    ',"profile":["classic"]',
    `,"notAfter":"${far}"`,
    `,"notAfter":"${far}","notBefore":"not a time"`,
    `,"NotAfter":"${far}"`,
    ',"notAfter":"not a time"',
    ',"notAfter":9999999999',
    `,"notAfter":["${far}"]`,
    ',"notAfter":"+010000-01-01T00:00:00Z"',
  ]
  for (const members of denied) {
    const status = await sendWith(members)
    expect([members, status === 400 || status === 403]).toEqual([members, true])
  }
  expect(made.ca.log.requests.slice(before)).toEqual([])
})

function signText(client: TestAcmeClient, header: string, payload: string): Buffer {
  const { privateKey } = client.key
  const input = Buffer.from(`${header}.${payload}`)
  const signature = sign('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString(
    'base64url',
  )
  return Buffer.from(JSON.stringify({ protected: header, payload, signature }))
}

const ordersAt = (ca: TestCa) => ca.log.requests.filter(({ operation }) => operation === 'newOrder').length

/** So many newOrders at once; how many were answered with each status. */
async function burst(client: TestAcmeClient, count: number, label: string): Promise<Record<number, number>> {
  const url = client.directory?.newOrder ?? ''
  const bodies = Array.from({ length: count }, (_, at) =>
    client.sign(url, { identifiers: named(`${label}-${at}.example.com`) }, { nonce: 'any' }),
  )
  const statuses: Record<number, number> = {}
  const answers = await Promise.all(bodies.map((body) => client.transport.send('POST', url, body)))
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1
  return statuses
}

test('of a hundred orders at once a budget of ten lets ten through; what the CA did not take is given back', async () => {
  const made = await worldBefore(opened.add(await startTestCa({ nonces: 'ignore' })), BUDGET_OF_TEN)
  const { ca, world } = made
  const client = await clientOf(made)
  const broken = ca.script(
    { operation: 'newOrder', times: 4 },
    { kind: 'problem', type: 'serverInternal', status: 500 },
  )
  const first = await burst(client, 100, 'a')
  // A place that is given back while others still wait may be theirs.
  expect(first[201]).toBeLessThanOrEqual(10)
  expect(first[500]).toBe(4)
  expect(broken.applied).toBe(4)
  const second = await burst(client, 100, 'b')
  expect((first[201] ?? 0) + (second[201] ?? 0)).toBe(10)
  expect(ordersAt(ca)).toBe(14)
  await world.restart()
  expect((await burst(client, 20, 'c'))[201]).toBeUndefined()
  expect(ordersAt(ca)).toBe(14)
})

test('a budget holds after the clock was set back', async () => {
  const made = await worldBefore(opened.add(await startTestCa({ nonces: 'ignore' })), BUDGET_OF_TEN)
  const { ca } = made
  const client = await clientOf(made)
  expect(await burst(client, 30, 'a')).toEqual({ 201: 10, 429: 20 })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 2 * 3_600_000, shouldAdvanceTime: false })
  try {
    expect((await burst(client, 30, 'b'))[201]).toBeUndefined()
    // What is read of the record again, with another question.
    await made.use(BUDGET_OF_TEN.replace('7d', '8d'))
    expect((await burst(client, 30, 'c'))[201]).toBeUndefined()
    await sleep(500)
    expect((await burst(client, 30, 'd'))[201]).toBeUndefined()
  } finally {
    vi.useRealTimers()
  }
  expect(ordersAt(ca)).toBe(10)
})

test('a budget holds after kill -9', { timeout: LONGEST }, async () => {
  const ca = opened.add(await startTestCa({ nonces: 'ignore' }))
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-budget-'))
  const policy = join(folder, 'policy.yaml')
  await writeFile(policy, BUDGET_OF_TEN)
  const started = { folder, directory: ca.directory, trust: ca.trust, sections: { policy } }
  const first = await startAcmetap(started)
  let running = first
  try {
    const client = new TestAcmeClient(opened.add(httpsTransport(first.trust)))
    await client.discover(first.directory)
    await client.newAccount()
    expect((await burst(client, 7, 'a'))[201]).toBe(7)
    for (const round of ['b', 'c']) {
      const storm = burst(client, 40, round).catch(() => null)
      await running.kill()
      await storm
      running = await startAcmetap({ ...started, ports: first.ports })
    }
    const last = new TestAcmeClient(opened.add(httpsTransport(running.trust)), client.key)
    last.account = client.account
    await last.discover(running.directory)
    await burst(last, 40, 'd')
    const taken = ca.log.objects.filter(({ object }) => object === 'order').length
    expect(ordersAt(ca)).toBe(10)
    expect(taken).toBe(10)
  } finally {
    await running.stop()
    await rm(folder, { recursive: true, force: true })
  }
})
