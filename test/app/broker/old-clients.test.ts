/** What clients of long ago break without, over the wire: an endpoint with proof `challenge` over a local CA. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClientAnswer, httpsTransport, type Transport } from '../../support/acme-client.ts'
import { Conversation, http2Transport, type Seen } from '../../support/broker/conformance/conversation.ts'
import { talk } from '../../support/broker/conformance/script.ts'
import { type AcmeServer, answerAt, serveEndpoint } from '../../support/broker/conformance/servers.ts'
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts'

let folder: string
let names: DnsServer
let endpoint: AcmeServer
const answers: ClientAnswer[] = []
let seen: ReadonlyMap<string, Seen>

/** Keeps every answer. */
function kept(transport: Transport): Transport {
  return {
    ...transport,
    async send(...request) {
      const answer = await transport.send(...request)
      answers.push(answer)
      return answer
    },
  }
}

async function conversation(transport: Transport): Promise<Conversation> {
  const texts = new Map<string, string>()
  const stop = await answerAt(endpoint.httpPort, texts)
  try {
    const client = await Conversation.begin(endpoint.directory, transport)
    await talk(client, texts)
    return client
  } finally {
    transport.close()
    await stop()
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-old-clients-'))
  names = await startDnsServer(() => ({ addresses: ['127.0.0.1'] }))
  endpoint = await serveEndpoint(join(folder, 'endpoint'), names.address)
  seen = (await conversation(kept(httpsTransport(endpoint.trust)))).seen
})
afterAll(async () => {
  await endpoint.stop()
  await names.close()
  await rm(folder, { recursive: true, force: true })
})

const of = (step: string) => seen.get(step)!
const posts = () => answers.filter(({ method }) => method === 'POST')

test('200, 201 and 400 are where uacme looks for them', () => {
  expect(of('newAccount').status).toBe(201)
  expect(of('newAccount: existing').status).toBe(200)
  expect(of('newAccount: onlyReturnExisting').status).toBe(200)
  expect(of('newAccount: onlyReturnExisting, unknown')).toMatchObject({
    status: 400,
    problem: 'accountDoesNotExist',
  })
})

test('contact is echoed, by an account that has none too: acme-tiny reads it', () => {
  for (const step of ['newAccount', 'newAccount: another', 'account: read', 'account: by its new key'])
    expect(of(step).members.split(' '), step).toContain('contact')
})

test('a nonce with every answer to a POST, never twice, and none with the directory', () => {
  const nonces = answers.flatMap(({ fields }) => fields['replay-nonce'] ?? [])
  expect(posts().filter(({ fields }) => fields['replay-nonce'] === undefined)).toEqual([])
  expect(nonces.length).toBeGreaterThan(100)
  expect(new Set(nonces).size).toBe(nonces.length)
  const directory = answers.filter(({ url }) => url === endpoint.directory)
  expect(directory.map(({ fields }) => fields['replay-nonce'])).toEqual([undefined])
})

test('newNonce: HEAD is 200 with a length, GET is 204, and neither is kept', () => {
  const asked = (wanted: string) =>
    answers.find(({ method, url }) => method === wanted && url.endsWith('/new-nonce'))!
  expect(asked('HEAD')).toMatchObject({
    status: 200,
    fields: { 'content-length': '0', 'cache-control': 'no-store' },
  })
  expect(asked('GET')).toMatchObject({ status: 204, fields: { 'cache-control': 'no-store' } })
})

test('Location: with accounts, orders, and finalize, where ruby looks', () => {
  for (const step of ['newAccount', 'newAccount: existing', 'newOrder', 'order: valid', 'finalize: '])
    expect(of(step).location, step).toBe(true)
})

test('Link: up with every challenge that is shown, index with everything but the directory', () => {
  for (const [step, { status, link }] of seen)
    if (step.startsWith('challenge: ') && status === 200) expect(link, step).toBe('index up')
  for (const { fields, url } of posts()) expect(fields.link, url).toMatch(/;rel="index"/)
})

test('Retry-After is seconds: caddy 2.6 reads no date', () => {
  const given = answers.flatMap(({ fields }) => fields['retry-after'] ?? [])
  expect(given.length).toBeGreaterThan(5)
  expect(given.filter((text) => !/^[1-9]\d*$/.test(text))).toEqual([])
})

test('a valid authorization shows the challenge that is valid, with its token', () => {
  const valid = answers
    .filter(({ url }) => url.includes('/authorization/'))
    .map(({ body }) => JSON.parse(body.toString()))
    .filter(({ status }) => status === 'valid')
  expect(valid.length).toBeGreaterThan(0)
  for (const { challenges } of valid)
    expect(challenges).toMatchObject([{ status: 'valid', token: expect.any(String) }])
})

test('a challenge that is being looked at is pending: ruby waits as long as it reads that', () => {
  const shown = answers
    .filter(({ url, status }) => url.includes('/challenge/') && status === 200)
    .map(({ body }) => JSON.parse(body.toString()).status)
  expect(new Set(shown)).toEqual(new Set(['pending', 'valid', 'invalid']))
})

test('problems are JSON of their status and one line, with a type that is an ACME error', () => {
  const problems = answers.filter(({ status }) => status >= 400)
  expect(problems.length).toBeGreaterThan(50)
  for (const { status, fields, body, url } of problems) {
    expect(fields['content-type'], url).toBe('application/problem+json')
    const { type, detail, status: told } = JSON.parse(body.toString())
    expect(type).toMatch(/^urn:ietf:params:acme:error:\w+$/)
    expect(detail).toMatch(/^[^\r\n]+$/)
    expect(told).toBe(status)
  }
})

test('over HTTP/2 each answer is the same', async () => {
  const again = await conversation(http2Transport(endpoint.trust))
  expect(Object.fromEntries(again.seen)).toEqual(Object.fromEntries(seen))
})
