import { createHash } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { calculateJwkThumbprint } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BrokerChallengeType } from '../../../src/broker/objects.ts'
import { httpsTransport, type OrderDocument, readJson, TestAcmeClient } from '../../support/acme-client.ts'
import type { NameRecords } from '../../support/dns-zone-server.ts'
import { reasonWithout } from '../../support/missing.ts'
import { type RawPebble, startRawPebble } from '../../support/pebble-for-ambiguity.ts'
import { digestValue, type Oddity, oddCertificate } from './odd-certificates.ts'
import { World } from './world.ts'

const missing = await reasonWithout('pebble', 'openssl')

interface Asked {
  readonly name: string
  readonly path: string
  readonly keyAuthorization: string
  readonly world: World
}

/** What is there when both look; the world is fresh. */
type SetUp = (asked: Asked) => Promise<unknown>

const answer =
  (make: (asked: Asked) => RequestListener): SetUp =>
  (asked) =>
    asked.world.http(make(asked))
const body = (make: (keyAuthorization: string) => string, status = 200) =>
  answer(
    ({ keyAuthorization }) =>
      (_, response) =>
        response.writeHead(status).end(make(keyAuthorization)),
  )
const redirect = (make: (asked: Asked) => Readonly<Record<string, string>>, status = 302) =>
  answer((asked) => (request, response) => {
    const to = make(asked)[request.url ?? '']
    if (to === undefined) response.end(asked.keyAuthorization)
    else response.writeHead(status, { location: to }).end()
  })

const HTTP: Readonly<Record<string, SetUp>> = {
  'the key authorization': body((it) => it),
  'with a line end': body((it) => `${it}\n`),
  'with white space': body((it) => `${it} \r\n\t`),
  'with a space before it': body((it) => ` ${it}`),
  nothing: body(() => ''),
  'another text': body(() => 'x.y'),
  'its token alone': body((it) => it.split('.')[0]!),
  'in upper case': body((it) => it.toUpperCase()),
  'and more': body((it) => `${it}x`),
  '404': body((it) => it, 404),
  '500': body((it) => it, 500),
  'nobody there': async () => undefined,
  'a reset': ({ world }) =>
    world.http({ raw: (socket) => socket.once('data', () => socket.resetAndDestroy()) }),
  'no HTTP': ({ world }) =>
    world.http({ raw: (socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n')) }),
  'a redirect': redirect(({ path }) => ({ [path]: '/x' })),
  'a permanent one': redirect(({ path }) => ({ [path]: '/x' }), 301),
  'status 307': redirect(({ path }) => ({ [path]: '/x' }), 307),
  'status 308': redirect(({ path }) => ({ [path]: '/x' }), 308),
  'three redirects': redirect(({ path }) => ({ [path]: '/1', '/1': '/2', '/2': '/3' })),
  'a circle': redirect(({ path }) => ({ [path]: '/1', '/1': path })),
  'a scheme of no server': redirect(({ path }) => ({ [path]: 'gopher://x.example.com/' })),
  'a name of no address': async (asked) => {
    asked.world.zones = { [asked.name]: {} }
  },
  'no such name': async (asked) => {
    asked.world.zones = {}
  },
}

const record =
  (make: (digest: string) => NameRecords): SetUp =>
  async ({ world, name, keyAuthorization }) => {
    world.zones = { [`_acme-challenge.${name}`]: make(digestOf(keyAuthorization)) }
  }
const digestOf = (text: string) => createHash('sha256').update(text).digest('base64url')

const DNS: Readonly<Record<string, SetUp>> = {
  'the digest': record((digest) => ({ TXT: [digest] })),
  'among others': record((digest) => ({ TXT: ['a', digest, 'b'] })),
  'another value': record(() => ({ TXT: ['a'] })),
  'in lower case': record((digest) => ({ TXT: [digest.toLowerCase()] })),
  'with a space': record((digest) => ({ TXT: [` ${digest}`] })),
  'no text': record(() => ({})),
  'no such name': async ({ world }) => {
    world.zones = {}
  },
  'behind an alias': async ({ world, name, keyAuthorization }) => {
    world.zones = {
      [`_acme-challenge.${name}`]: { CNAME: 'a.example.org' },
      'a.example.org': { TXT: [digestOf(keyAuthorization)] },
    }
  },
  SERVFAIL: async ({ world }) => {
    world.respond = () => ({ rcode: 'SERVFAIL' })
  },
}

const certificate =
  (oddity: (asked: Asked) => Oddity, protocols: string[] | null = ['acme-tls/1']): SetUp =>
  async (asked) =>
    asked.world.tls({
      ...(await oddCertificate(asked.name, asked.keyAuthorization, oddity(asked))),
      ...(protocols === null ? {} : { ALPNProtocols: protocols }),
    })

const ALPN: Readonly<Record<string, SetUp>> = {
  'as it should be': certificate(() => ({})),
  'a digest that is not critical': certificate(() => ({ critical: false })),
  'another digest': certificate(() => ({ value: digestValue('x.y') })),
  'a digest that is cut': certificate(() => ({ value: Buffer.concat([Buffer.of(4, 31), Buffer.alloc(31)]) })),
  'bytes behind the digest': certificate(({ keyAuthorization }) => ({
    value: Buffer.concat([digestValue(keyAuthorization), Buffer.of(0)]),
  })),
  'no digest': certificate(() => ({ without: true })),
  'two names': certificate(({ name }) => ({
    names: [
      { type: 'dns', value: name },
      { type: 'dns', value: 'b.example.com' },
    ],
  })),
  'another name': certificate(() => ({ names: [{ type: 'dns', value: 'b.example.com' }] })),
  'no names': certificate(() => ({ alternativeNames: [] })),
  'another protocol': certificate(() => ({}), ['http/1.1']),
  'no protocol': certificate(() => ({}), null),
  'nobody there': async () => undefined,
}

interface Validated {
  readonly status: string
  readonly challenges: readonly {
    readonly type: string
    readonly url: string
    readonly token: string
    readonly error?: { readonly type: string; readonly detail: string }
  }[]
}

const TABLES = { 'http-01': HTTP, 'dns-01': DNS, 'tls-alpn-01': ALPN } as const

/** Where Pebble differs from Boulder, whose rules are kept here: in what it calls it, and twice in what it takes. */
const DIFFERENT: Readonly<Record<string, string>> = {
  // Boulder trims every white space at the end, Pebble line ends alone.
  'http-01: with white space': 'valid, unauthorized',
  // Pebble has one type for whatever comes before an answer.
  'http-01: a name of no address': 'dns, connection',
  'http-01: no such name': 'dns, connection',
  'dns-01: no such name': 'dns, unauthorized',
  'dns-01: SERVFAIL': 'dns, unauthorized',
  'tls-alpn-01: another protocol': 'tls, unauthorized',
  'tls-alpn-01: nobody there': 'connection, unauthorized',
  // Boulder reads the whole value of the extension, Pebble its beginning.
  'tls-alpn-01: bytes behind the digest': 'unauthorized, valid',
}

describe.skipIf(missing !== null)("what Pebble's validation says of the same set-ups", () => {
  let world: World
  let pebble: RawPebble
  let client: TestAcmeClient
  let thumbprint: string
  let count = 0

  beforeAll(async () => {
    world = await new World().open()
    const { httpPort, tlsPort, resolver } = world
    pebble = await startRawPebble({ looks: { httpPort, tlsPort, resolver } })
    client = new TestAcmeClient(httpsTransport(pebble.trust))
    await client.discover(`https://${pebble.authority}/dir`)
    await client.newAccount()
    thumbprint = await calculateJwkThumbprint(client.key.jwk as never)
  }, 60_000)
  afterAll(async () => {
    client?.transport.close()
    await pebble?.stop()
    await world?.close()
  })

  async function both(type: BrokerChallengeType, setUp: SetUp) {
    count += 1
    const name = `c${count}.example.com`
    const identifiers = [{ type: 'dns', value: name }]
    const order = readJson<OrderDocument>(await client.post(client.directory!.newOrder, { identifiers }))
    const [url] = order.authorizations
    const read = async () => readJson<Validated>(await client.post(url!))
    const { url: challenge, token } = (await read()).challenges.find((one) => one.type === type)!
    const keyAuthorization = `${token}.${thumbprint}`
    world.zones = { [name]: { A: ['127.0.0.1'] } }
    const { respond } = world
    const servers = await world.during(async () => {
      await setUp({ name, path: `/.well-known/acme-challenge/${token}`, keyAuthorization, world })
      const ours = await world.look(
        { type, token, keyAuthorization, identifier: identifiers[0]! },
        { dns: 500, all: 5_000 },
      )
      await client.post(challenge, {})
      for (;;) {
        const { status, challenges } = await read()
        if (status === 'pending') {
          await new Promise((resolve) => setTimeout(resolve, 20))
          continue
        }
        const error = challenges.find((one) => one.type === type)?.error
        return { ours, pebble: status === 'valid' ? null : error }
      }
    })
    world.respond = respond
    return servers
  }

  for (const [type, table] of Object.entries(TABLES)) {
    test.each(Object.entries(table))(`${type}: %s`, async (title, setUp) => {
      const { ours, pebble: theirs } = await both(type as BrokerChallengeType, setUp)
      const [one, other] = [ours, theirs].map((problem) => problem?.type.split(':').at(-1) ?? 'valid')
      expect(`${one}, ${other}`).toBe(DIFFERENT[`${type}: ${title}`] ?? `${one}, ${one}`)
    })
  }
})
