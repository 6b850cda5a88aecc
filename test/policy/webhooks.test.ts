import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WayOut } from '../../src/ca/dial.ts'
import { OwnAddresses } from '../../src/ca/own-addresses.ts'
import { createResolve } from '../../src/ca/resolve.ts'
import { createServiceClient, type ServiceClient } from '../../src/ca/service-client.ts'
import { makeServerCertificate } from '../../src/cli/demo/test-certificates.ts'
import type { WebhookSetting } from '../../src/policy/document.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import { createWebhooks, type WebhookParts, type Webhooks } from '../../src/policy/webhooks.ts'
import { type Receiver, startReceiver } from '../support/alerts/receiver.ts'

const SECRET = 'canary-3f9c1e77'
const FACTS: PolicyFacts = {
  at: 1_700_000_000_000,
  mode: 'relay',
  ca: 'pebble',
  operation: 'newOrder',
  identifiers: [{ type: 'dns', value: 'a.example.com' }],
  client: {
    address: '192.0.2.7',
    label: 'team-a',
    proxyUser: null,
    userAgent: 'test/1',
    account: 'https://ca.test/acct/1',
    thumbprint: undefined,
    contacts: undefined,
    externalAccount: null,
  },
  asked: { kind: 'order', profile: null, notBefore: null, notAfter: null, replaces: null },
  order: { profile: null, validity: null, replaces: false },
  history: {},
  keyUses: undefined,
  accountKey: undefined,
  webhooks: {},
}
const named = (value: string): PolicyFacts => ({ ...FACTS, identifiers: [{ type: 'dns', value }] })

let receiver: Receiver
let service: ServiceClient
const open: { close(): Promise<void> }[] = []
beforeEach(async () => {
  receiver = await startReceiver()
  service = createServiceClient(() => way)
  open.push(receiver, service)
  allows()
})
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const way: WayOut = { resolve: createResolve(), own: new OwnAddresses(), proxy: null }

function allows(answer: unknown = { allow: true }, at = receiver) {
  at.reply = () => ({ status: 200, body: typeof answer === 'string' ? answer : JSON.stringify(answer) })
}

function webhooks(parts: Partial<WebhookParts> = {}): Webhooks {
  return createWebhooks({ send: service.send, readFile: () => SECRET, ...parts })
}
function setting(changes: Partial<WebhookSetting> = {}): WebhookSetting {
  return {
    url: `${receiver.url}/ask?for=me`,
    secretFile: null,
    timeout: 2000,
    cache: 0,
    trust: null,
    ...changes,
  }
}
const ask = (made: Webhooks, one = setting(), facts = FACTS) => made.ask('cmdb', one, facts, 'exchange-1')

describe('a question', () => {
  test('holds the request as policy sees it, and the record it is about', async () => {
    expect(await ask(webhooks())).toEqual({ allow: true, reason: null, data: null })
    const [got] = receiver.received
    expect(got).toMatchObject({ method: 'POST', path: '/ask?for=me' })
    expect(got!.headers['content-type']).toBe('application/json; charset=utf-8')
    const { id, ...question } = JSON.parse(got!.body)
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(question).toEqual({
      exchange: 'exchange-1',
      version: 1,
      webhook: 'cmdb',
      operation: 'newOrder',
      ca: 'pebble',
      mode: 'relay',
      identifiers: [{ type: 'dns', value: 'a.example.com' }],
      client: {
        address: '192.0.2.7',
        label: 'team-a',
        proxyUser: null,
        userAgent: 'test/1',
        account: 'https://ca.test/acct/1',
        externalAccount: null,
      },
      order: { profile: null, validity: null, replaces: false },
    })
  })

  test('is signed over the time and the very bytes, as alerts are', async () => {
    const now = 1_772_452_800_123
    await ask(webhooks({ now: () => now }), setting({ secretFile: '/secret' }))
    const [got] = receiver.received
    const mac = createHmac('sha256', SECRET).update(`1772452800.${got!.body}`).digest('hex')
    expect(got!.headers['acmetap-signature']).toBe(`t=1772452800,v1=${mac}`)
  })

  test('is not signed without a secret', async () => {
    await ask(webhooks())
    expect(receiver.received[0]!.headers['acmetap-signature']).toBeUndefined()
  })
})

describe('an answer', () => {
  test('has a reason and data', async () => {
    allows({ allow: false, reason: 'no ticket\n for\u202e it', data: { owner: 'team-a' } })
    expect(await ask(webhooks())).toEqual({
      allow: false,
      reason: 'no ticket for it',
      data: { owner: 'team-a' },
    })
  })

  test.each([
    ['not JSON', 'yes', /no JSON object/],
    ['a list', '[true]', /no JSON object/],
    ['no allow', '{}', /"allow" is neither/],
    ['a text for allow', '{"allow":"true"}', /"allow" is neither/],
    ['a number for allow', '{"allow":1}', /"allow" is neither/],
    ['two allows', '{"allow":false,"allow":true}', /more than one way/],
    ['another case', '{"allow":true,"Allow":false}', /more than|other members/],
    ['other members', '{"allow":true,"deny":true}', /other members/],
    ['a number for reason', '{"allow":true,"reason":1}', /"reason" is no text/],
    ['a list for data', '{"allow":true,"data":[]}', /"data" is no object/],
    ['much data', `{"allow":true,"data":{"a":"${'x'.repeat(5000)}"}}`, /over 4096/],
    ['deep data', `{"allow":true,"data":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`, /./],
    ['more than 64 KiB', `{"allow":true,"reason":"${'x'.repeat(70_000)}"}`, /over 65536 bytes/],
    ['nothing', '', /no JSON object/],
  ])('%s is none', async (_what, body, reason) => {
    allows(body)
    const answer = await ask(webhooks())
    expect(answer).toMatchObject({ allow: null, data: null })
    expect(answer.reason).toMatch(reason)
    expect(answer.reason).toMatch(/^webhook cmdb: [^\n]*$/)
  })

  test.each([201, 204, 301, 302, 307, 400, 401, 404, 429, 500, 503])(
    'with status %i is none',
    async (status) => {
      receiver.reply = () => ({
        status,
        headers: { location: `${receiver.url}/other` },
        body: '{"allow":true}',
      })
      expect(await ask(webhooks())).toMatchObject({
        allow: null,
        reason: expect.stringContaining(`${status}`),
      })
      expect(receiver.received).toHaveLength(1)
    },
  )

  test('that does not come in time is none', async () => {
    receiver.reply = () => null
    const answer = await ask(webhooks(), setting({ timeout: 50 }))
    expect(answer).toEqual({ allow: null, reason: 'webhook cmdb: no answer within 50 ms', data: null })
  })

  test('nobody gives is none, and says neither path nor secret', async () => {
    const { port } = receiver
    await receiver.close()
    const answer = await ask(
      webhooks(),
      setting({ url: `http://127.0.0.1:${port}/${SECRET}`, secretFile: '/x' }),
    )
    expect(answer.allow).toBeNull()
    expect(answer.reason).toMatch(/ECONNREFUSED/)
    expect(answer.reason).not.toContain(SECRET)
    open.splice(open.indexOf(receiver), 1)
  })

  test('cannot be had without the secret that was configured', async () => {
    const broken = webhooks({
      readFile: () => {
        throw new Error('has no secret in its first line')
      },
    })
    expect(await ask(broken, setting({ secretFile: '/x' }))).toMatchObject({
      allow: null,
      reason: 'webhook cmdb: has no secret in its first line',
    })
    expect(receiver.received).toEqual([])
  })
})

describe('equal questions', () => {
  test('share one call', async () => {
    const made = webhooks()
    const one = setting()
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(made, one)))
    expect(answers.every(({ allow }) => allow === true)).toBe(true)
    expect(receiver.received).toHaveLength(1)
    await ask(made, one)
    expect(receiver.received).toHaveLength(2)
  })

  test('have the same answer for as long as the setting says', async () => {
    let at = 0
    const made = webhooks({ monotonic: () => at })
    const one = setting({ cache: 1000 })
    await ask(made, one)
    at = 999
    await ask(made, one, { ...FACTS, at: FACTS.at + 999 })
    expect(receiver.received).toHaveLength(1)
    await ask(made, one, named('b.example.com'))
    expect(receiver.received).toHaveLength(2)
    at = 1000
    allows({ allow: false })
    expect((await ask(made, one)).allow).toBe(false)
  })

  test('are not those for a name and for everything below it, nor other changes of an account', async () => {
    const made = webhooks()
    const one = setting({ cache: 60_000 })
    const asked: PolicyFacts[] = [
      { ...FACTS, operation: 'newAuthz', asked: { kind: 'authorization', subdomains: false } },
      { ...FACTS, operation: 'newAuthz', asked: { kind: 'authorization', subdomains: true } },
      ...[null, 'deactivated'].map((status): PolicyFacts => {
        const change = { kind: 'account', externalAccount: null, onlyReturnExisting: false, status } as const
        return { ...FACTS, operation: 'account', asked: change }
      }),
      ...['a', 'b'].map((thumbprint): PolicyFacts => {
        return { ...FACTS, operation: 'keyChange', asked: { kind: 'keyChange', thumbprint } }
      }),
    ]
    for (const facts of asked) await ask(made, one, facts)
    expect(receiver.received).toHaveLength(asked.length)
  })

  test('of a policy that was loaded anew are asked anew', async () => {
    const made = webhooks()
    await ask(made, setting({ cache: 60_000 }))
    await ask(made, setting({ cache: 60_000 }))
    expect(receiver.received).toHaveLength(2)
  })

  test('an answer that was none is not kept', async () => {
    const made = webhooks()
    const one = setting({ cache: 60_000 })
    allows('no')
    expect((await ask(made, one)).allow).toBeNull()
    allows()
    expect((await ask(made, one)).allow).toBe(true)
  })
})

describe('a service that fails', () => {
  test('is left alone after five times, tried once after ten seconds, and asked again when it answers', async () => {
    let at = 0
    const made = webhooks({ monotonic: () => at })
    const one = setting()
    receiver.reply = () => ({ status: 500 })
    for (let n = 0; n < 5; n++) await ask(made, one, named(`h${n}.example`))
    const answer = await ask(made, one)
    expect(answer.reason).toMatch(/not asked: it failed 5 times in a row and is tried again in 10 s/)
    expect(receiver.received).toHaveLength(5)
    at = 10_000
    await Promise.all(Array.from({ length: 10 }, (_, n) => ask(made, one, named(`i${n}.example`))))
    expect(receiver.received).toHaveLength(6)
    at = 20_000
    allows()
    expect((await ask(made, one)).allow).toBe(true)
    expect((await ask(made, one)).allow).toBe(true)
    expect(receiver.received).toHaveLength(8)
  })

  test('that hangs does not make another one, which was not asked, seem to fail', async () => {
    let asked = 0
    const made = webhooks({
      send: async ({ url, signal }) => {
        if (!url.endsWith('/slow')) {
          asked += 1
          return { status: 200, body: Buffer.from('{"allow":true}') }
        }
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw signal.reason
      },
    })
    const slow = setting({ url: `${receiver.url}/slow`, timeout: 500 })
    const good = setting({ timeout: 100 })
    const held = Array.from({ length: 64 }, (_, n) => ask(made, slow, named(`s${n}.example`)))
    const late = await Promise.all(
      Array.from({ length: 8 }, (_, n) => ask(made, good, named(`g${n}.example`))),
    )
    expect(late.every(({ allow }) => allow === null)).toBe(true)
    expect(asked).toBe(0)
    await Promise.all(held)
    expect((await ask(made, good)).allow).toBe(true)
  })

  test('does not hold up another one', async () => {
    const made = webhooks()
    const bad = setting({ url: `${receiver.url}/bad` })
    receiver.reply = ({ path }) =>
      path === '/bad' ? { status: 500 } : { status: 200, body: '{"allow":true}' }
    for (let n = 0; n < 8; n++) await ask(made, bad, named(`h${n}.example`))
    expect((await ask(made, setting())).allow).toBe(true)
  })
})

test('no more than 64 are asked at once, and who waits too long has no answer', async () => {
  let running = 0
  let most = 0
  const made = webhooks({
    send: async ({ signal }) => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      running -= 1
      throw signal.reason
    },
  })
  const one = setting({ timeout: 60 })
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => ask(made, one, named(`h${n}.example`))),
  )
  expect(most).toBe(64)
  expect(answers.every(({ allow }) => allow === null)).toBe(true)
  expect(running).toBe(0)
})

describe('the way out', () => {
  test('verifies the certificate of the service', async () => {
    const server = await makeServerCertificate(['localhost'], ['127.0.0.1'])
    const secure = await startReceiver(server)
    open.push(secure)
    allows({ allow: true }, secure)
    const url = `https://localhost:${secure.port}/`
    const trusting = webhooks({ readFile: () => server.root })
    expect((await ask(trusting, setting({ url, trust: '/roots.pem' }))).allow).toBe(true)
    const answer = await ask(webhooks(), setting({ url }))
    expect(answer).toMatchObject({ allow: null, reason: expect.stringMatching(/certificate|CERT/i) })
    expect(secure.received).toHaveLength(1)
  })

  test('leads to no listener of our own and nothing link-local', async () => {
    const own = new OwnAddresses()
    own.use([{ address: '127.0.0.1', port: receiver.port }])
    const guarded = createServiceClient(() => ({ ...way, own }))
    open.push(guarded)
    const made = webhooks({ send: guarded.send })
    expect((await ask(made)).reason).toMatch(/own listener/)
    expect((await ask(made, setting({ url: 'http://169.254.169.254/latest' }))).reason).toMatch(/link-local/)
    expect(receiver.received).toEqual([])
  })

  test('is the one in force: what is connected by an old one ends with its requests', async () => {
    let current: WayOut = way
    const moving = createServiceClient(() => current)
    open.push(moving)
    const made = webhooks({ send: moving.send })
    const one = setting()
    const first = ask(made, one)
    current = { ...way }
    await first
    expect((await ask(made, one, named('b.example'))).allow).toBe(true)
  })
})

test('each question that no kept answer answers is reported, without what was asked', async () => {
  const events: unknown[] = []
  const made = webhooks({ report: (event) => events.push(event) })
  await ask(made)
  expect(events).toEqual([
    {
      webhook: 'cmdb',
      answer: { allow: true, reason: null, data: null },
      tried: true,
      seconds: expect.any(Number),
    },
  ])
})
