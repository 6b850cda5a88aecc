import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isExchangeId } from '../../src/exchange/exchange-id.ts'
import { makeAccountKey, signJws } from '../support/sign-jws.ts'
import { type RelayWorld, startRelay } from './relay-world.ts'
import { until } from './running-listener.ts'
import { http2, tls, untilClosed } from './tls-client.ts'

let world: RelayWorld
beforeEach(async () => {
  world = await startRelay()
})
afterEach(() => world.close())

const key = makeAccountKey()

function signed(target = '/order-plz', payload: unknown = {}): Buffer {
  return signJws(key, { jwk: key.jwk, nonce: 'n', url: `https://${world.authority}${target}` }, payload)
}

interface Answer {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: Buffer
}

/** Sends these bytes over a connection of their own and reads until it closes. */
async function raw(request: string | Buffer): Promise<Answer> {
  const socket = await tls({ port: world.listener.port, root: world.listener.root })
  socket.write(request)
  const text = await untilClosed(socket)
  const end = text.indexOf('\r\n\r\n')
  const [start = '', ...fields] = text.slice(0, end).split('\r\n')
  return { status: Number(start.split(' ')[1]), fields, body: Buffer.from(text.slice(end + 4), 'latin1') }
}

function message(
  method: string,
  target: string,
  body: Buffer | null = null,
  fields: readonly string[] = [],
): Buffer {
  const lines = [`Host: ${world.authority}`, 'Connection: close', ...fields]
  if (body) lines.push(`Content-Length: ${body.length}`)
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    body ?? Buffer.alloc(0),
  ])
}

function field(answer: Answer, name: string): string[] {
  const prefix = `${name.toLowerCase()}: `
  return answer.fields
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length))
}

function upstreamFields(): string[] {
  return world.ca.requests.at(-1)!.head.split('\r\n').slice(1)
}

function caSays(answer: string | Buffer): void {
  world.ca.answerWith(({ socket }) =>
    socket.write(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer),
  )
}

test('an exchange goes through unchanged in both directions and is two facts', async () => {
  const body = signed()
  const json = Buffer.from('{ "status" : "pending" }\n\x00')
  caSays(
    Buffer.concat([
      Buffer.from(
        'HTTP/1.1 201 Created\r\nReplay-Nonce: abc\r\nLocation: /my-order/1\r\nLink: <a>;rel="up"\r\n' +
          `Link: <b>;rel="index"\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nContent-Type: application/json; charset=x\r\n` +
          `X-Odd: caf\xe9\r\nContent-Length: ${json.length}\r\n\r\n`,
        'latin1',
      ),
      json,
    ]),
  )
  const answer = await raw(message('POST', '/order-plz', body, ['Content-Type: application/jose+json']))
  expect(answer.status).toBe(201)
  expect(answer.body.equals(json)).toBe(true)
  expect(field(answer, 'Link')).toEqual(['<a>;rel="up"', '<b>;rel="index"'])
  expect(field(answer, 'Location')).toEqual(['/my-order/1'])
  expect(field(answer, 'Replay-Nonce')).toEqual(['abc'])
  expect(field(answer, 'Retry-After')).toEqual(['Wed, 21 Oct 2026 07:28:00 GMT'])
  expect(field(answer, 'Content-Type')).toEqual(['application/json; charset=x'])
  expect(field(answer, 'X-Odd')).toEqual(['caf\xe9'])
  expect(field(answer, 'Date')).toEqual([])
  const [id] = field(answer, 'Acmetap-Exchange')
  expect(isExchangeId(id!)).toBe(true)
  const [request] = world.ca.requests
  expect(request!.body.equals(body)).toBe(true)
  expect(request!.head.split('\r\n')[0]).toBe('POST /order-plz HTTP/1.1')
  expect(world.store.outcomesOf(id!)).toEqual(['intent', 'response'])
  expect(world.faults).toEqual([])
})

test('what reaches the CA says nothing of where the client is, and Host is its own', async () => {
  await raw(
    message(
      'GET',
      '/dir',
      null,
      [
        'Forwarded: for=192.0.2.1',
        'X-Forwarded-For: 192.0.2.1',
        'x-forwarded-proto: http',
        'X-Forwarded-Host: evil.test',
        'X-Forwarded-Anything: x',
        'Via: 1.1 front',
        'TE: trailers',
        'Proxy-Authorization: Basic c2VjcmV0',
        'X-Named: hop',
        'Accept-Encoding: gzip;q=1.0, br',
        'User-Agent: a client/1',
      ].concat('Keep-Alive: timeout=5'),
    ),
  )
  const fields = upstreamFields().filter((line) => !/^connection:/i.test(line))
  expect(fields).toEqual([
    `host: ${world.authority}`,
    'X-Named: hop',
    'Accept-Encoding: gzip;q=1.0, br',
    'User-Agent: a client/1',
    'X-Forwarded-Proto: https',
  ])
})

test('fields that Connection names stay on their hop', async () => {
  const text = `GET /dir HTTP/1.1\r\nHost: ${world.authority}\r\nConnection: close, X-Named\r\nX-Named: hop\r\n\r\n`
  await raw(text)
  expect(upstreamFields().join('\n')).not.toMatch(/x-named/i)
})

test.each([
  'application/jose+json',
  'application/jose+json; charset=utf-8',
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
  'text',
  ';;;',
  '\t,',
  null,
])('the content type %j is forwarded as it is', async (type) => {
  const body = signed()
  const answer = await raw(
    message('POST', '/order-plz', body, type === null ? [] : [`Content-Type: ${type}`]),
  )
  expect(answer.status).toBe(200)
  expect(world.ca.requests[0]!.body.equals(body)).toBe(true)
  const sent = upstreamFields().filter((line) => /^content-type:/i.test(line))
  expect(sent).toEqual(type === null ? [] : [`Content-Type: ${type.trim()}`])
})

test('a chunked body arrives with its length', async () => {
  const body = signed()
  const half = body.length >> 1
  const chunks = [body.subarray(0, half), body.subarray(half)].map((chunk) =>
    Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
  )
  const head = `POST /order-plz HTTP/1.1\r\nHost: ${world.authority}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`
  const answer = await raw(Buffer.concat([Buffer.from(head), ...chunks, Buffer.from('0\r\n\r\n')]))
  expect(answer.status).toBe(200)
  expect(world.ca.requests[0]!.body.equals(body)).toBe(true)
  expect(upstreamFields()).toContain(`content-length: ${body.length}`)
  expect(upstreamFields().join()).not.toMatch(/transfer-encoding/i)
})

test('Expect: 100-continue is answered here and not passed on', async () => {
  const body = signed()
  const head = `POST /order-plz HTTP/1.1\r\nHost: ${world.authority}\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`
  const answer = await raw(Buffer.concat([Buffer.from(head), body]))
  expect([100, 200]).toContain(answer.status)
  expect(world.ca.requests[0]!.body.equals(body)).toBe(true)
  expect(upstreamFields().join()).not.toMatch(/expect/i)
})

test('an expectation nobody knows is the end of no request: it goes on without it, recorded', async () => {
  const body = signed()
  const head = `POST /order-plz HTTP/1.1\r\nHost: ${world.authority}\r\nConnection: close\r\nExpect: tea\r\nContent-Length: ${body.length}\r\n\r\n`
  const answer = await raw(Buffer.concat([Buffer.from(head), body]))
  expect(answer.status).toBe(200)
  expect(world.ca.requests[0]!.body.equals(body)).toBe(true)
  expect(upstreamFields().join()).not.toMatch(/expect/i)
  expect(world.outcomes()).toHaveLength(1)
})

test('HEAD: the fields of the CA, its length if it said one, no body', async () => {
  caSays('HTTP/1.1 200 OK\r\nReplay-Nonce: one\r\n\r\n')
  const bare = await raw(message('HEAD', '/nonce'))
  expect([bare.status, field(bare, 'Replay-Nonce'), field(bare, 'Content-Length'), bare.body.length]).toEqual(
    [200, ['one'], [], 0],
  )
  caSays('HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n')
  const measured = await raw(message('HEAD', '/nonce'))
  expect([field(measured, 'Content-Length'), measured.body.length]).toEqual([['77'], 0])
})

test('204 has neither a body nor a length', async () => {
  caSays('HTTP/1.1 204 No Content\r\nReplay-Nonce: two\r\n\r\n')
  const answer = await raw(message('GET', '/nonce'))
  expect([
    answer.status,
    field(answer, 'Content-Length'),
    field(answer, 'Transfer-Encoding'),
    answer.body.length,
  ]).toEqual([204, [], [], 0])
})

test.each(['TRACE', 'PROPFIND', 'OPTIONS', 'DELETE', 'PUT', 'PATCH', 'M-SEARCH', 'ACL', 'QUERY'])(
  '%s is forwarded like any other',
  async (method) => {
    const answer = await raw(message(method, '/strange'))
    expect(answer.status).toBe(200)
    expect(world.ca.requests[0]!.head.split('\r\n')[0]).toBe(`${method} /strange HTTP/1.1`)
    expect(world.intents()[0]!.request.method).toBe(method)
  },
)

test.each(['/%zz', '//', '//x//', '/a/../b', '/.', '/?', '/x?a=%', `/${'l'.repeat(3000)}`, '/:id', '/*'])(
  'the target %j arrives byte for byte and is recorded',
  async (target) => {
    const answer = await raw(message('GET', target))
    expect(answer.status).toBe(200)
    expect(world.ca.requests[0]!.head.split('\r\n')[0]).toBe(`GET ${target} HTTP/1.1`)
    expect(world.intents()[0]!.request.target).toBe(target)
  },
)

test.each(['*', 'https://elsewhere.test/x', 'http://elsewhere.test/'])(
  'the target %j is refused and recorded',
  async (target) => {
    const answer = await raw(message(target === '*' ? 'OPTIONS' : 'GET', target))
    expect(answer.status).toBe(400)
    expect(field(answer, 'Content-Type')).toEqual(['application/problem+json'])
    expect(world.ca.requests).toEqual([])
    expect(world.intents()[0]!.decision).toMatchObject({
      effect: 'deny',
      rule: 'ambiguous-request',
      ambiguities: [{ kind: 'target-form', where: 'target' }],
    })
  },
)

test('an unknown Host gets 421, in bytes: another case is another host', async () => {
  for (const host of ['elsewhere.test', world.authority.toUpperCase(), 'localhost']) {
    const answer = await raw(`GET /dir HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    expect(answer.status).toBe(421)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ type: 'urn:ietf:params:acme:error:malformed' })
  }
  expect(world.ca.requests).toEqual([])
  expect(world.outcomes().map(({ outcome }) => outcome)).toEqual(['refused', 'refused', 'refused'])
})

test('a body of the limit passes, one byte more is 413 and recorded, in one piece or many', async () => {
  const padding = (size: number) => {
    const body = signed()
    return Buffer.concat([body, Buffer.alloc(size - body.length, ' ')])
  }
  expect((await raw(message('POST', '/order-plz', padding(50_000)))).status).toBe(200)
  for (const size of [50_001, 400_000]) {
    const answer = await raw(message('POST', '/order-plz', padding(size)))
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ status: 413 })
  }
  expect(world.ca.requests).toHaveLength(1)
  expect(world.intents().map(({ request }) => request.bytes)).toEqual([50_000, 50_000, 50_000])
  expect(world.outcomes().map(({ status }) => status)).toEqual([200, 413, 413])
})

test.each([
  [
    'HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nReplay-Nonce: n5\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nbusy',
    503,
  ],
  [
    'HTTP/1.1 400 Bad\r\nReplay-Nonce: n4\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}',
    400,
  ],
  ['HTTP/1.1 500 Oops\r\nReplay-Nonce: n0\r\nTransfer-Encoding: chunked\r\n\r\n4\r\noops\r\n0\r\n\r\n', 500],
  [
    'HTTP/1.1 302 Found\r\nReplay-Nonce: n3\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
    302,
  ],
])('an error of the CA is its answer (%#)', async (answer, status) => {
  caSays(answer)
  const got = await raw(message('POST', '/order-plz', signed()))
  expect(got.status).toBe(status)
  expect(field(got, 'Replay-Nonce')).toHaveLength(1)
  expect(field(got, 'Retry-After')).toEqual(status === 503 ? ['7'] : [])
  expect(got.body.toString()).toBe({ 503: 'busy', 400: '{}', 500: 'oops', 302: '' }[status])
  expect(world.ca.requests).toHaveLength(1)
})

test('a failed connection is 502 with a problem, recorded, without anything of the CA', async () => {
  world.ca.answerWith(({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nReplay-Nonce: leaked\r\nContent-Length: 100\r\n\r\nhalf')
    setTimeout(() => socket.destroy(), 10)
  })
  const answer = await raw(message('POST', '/order-plz', signed()))
  expect(answer.status).toBe(502)
  expect(field(answer, 'Replay-Nonce')).toEqual([])
  const [id] = field(answer, 'Acmetap-Exchange')
  expect(JSON.parse(answer.body.toString())).toMatchObject({
    type: 'urn:ietf:params:acme:error:serverInternal',
    status: 502,
    instance: `urn:uuid:${id}`,
  })
  expect(world.outcomes()[0]).toMatchObject({ outcome: 'failed', failure: { cause: 'reset' } })
  expect(world.ca.requests).toHaveLength(1)
})

test('a field named constructor or __proto__ does no harm', async () => {
  caSays('HTTP/1.1 200 OK\r\nconstructor: a\r\n__proto__: b\r\nContent-Length: 2\r\n\r\nok')
  const answer = await raw(message('GET', '/dir', null, ['constructor: c', '__proto__: d']))
  expect([answer.status, field(answer, 'constructor'), field(answer, '__proto__')]).toEqual([
    200,
    ['a'],
    ['b'],
  ])
  expect(upstreamFields()).toEqual(expect.arrayContaining(['constructor: c', '__proto__: d']))
})

test('no record, no request: 503 with a problem', async () => {
  world.store.trouble = 'refuse'
  const answer = await raw(message('POST', '/order-plz', signed()))
  expect([answer.status, field(answer, 'Retry-After')]).toEqual([503, ['5']])
  expect(world.ca.requests).toEqual([])
  world.store.trouble = 'none'
})

test("an outcome that the store refuses does not keep the CA's answer from the client", async () => {
  world.ca.answerWith(({ socket }) => {
    world.store.trouble = 'refuse'
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  })
  const answer = await raw(message('POST', '/order-plz', signed()))
  expect([answer.status, answer.body.toString()]).toEqual([200, 'ok'])
  world.store.trouble = 'none'
  await until(() => world.outcomes().length === 1)
  expect(world.outcomes()[0]).toMatchObject({ outcome: 'response', spilled: true })
})

describe('a client that hangs up', () => {
  test('after sending over HTTP/1: the request is seen through and recorded', async () => {
    let answer = () => {}
    world.ca.answerWith(({ socket }) => {
      answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
    const socket = await tls({ port: world.listener.port, root: world.listener.root })
    socket.write(message('POST', '/order-plz', signed()))
    await until(() => world.ca.requests.length === 1)
    socket.destroy()
    await until(() => world.listener.listener.openConnections === 0)
    expect(world.ca.requests[0]!.socket.destroyed).toBe(false)
    answer()
    await until(() => world.completed.length === 1)
    expect(world.outcomes()[0]).toMatchObject({ outcome: 'response', status: 200 })
    expect(world.faults).toEqual([])
  })

  test('after sending over HTTP/2: the same', async () => {
    let answer = () => {}
    world.ca.answerWith(({ socket }) => {
      answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
    const rejections: unknown[] = []
    const onRejection = (error: unknown) => rejections.push(error)
    process.on('unhandledRejection', onRejection)
    const session = await http2({ port: world.listener.port, root: world.listener.root })
    const stream = session.request({
      ':method': 'POST',
      ':path': '/order-plz',
      ':authority': world.authority,
    })
    stream.on('error', () => undefined)
    stream.end(signed())
    await until(() => world.ca.requests.length === 1)
    stream.close(8)
    await new Promise((resolve) => setTimeout(resolve, 50))
    answer()
    await until(() => world.completed.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off('unhandledRejection', onRejection)
    session.destroy()
    expect(world.outcomes()[0]).toMatchObject({ outcome: 'response', status: 200 })
    expect([world.faults, rejections]).toEqual([[], []])
  })

  test('in the middle of its body: nothing is forwarded, nothing recorded', async () => {
    const socket = await tls({ port: world.listener.port, root: world.listener.root })
    const body = signed()
    socket.write(message('POST', '/order-plz', body).subarray(0, -10))
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    await until(() => world.incomplete.length === 1)
    expect([world.ca.requests, world.store.facts, world.faults]).toEqual([[], [], []])
  })
})

describe('over HTTP/2', () => {
  async function ask(headers: Record<string, string>, body?: Buffer) {
    const session = await http2({ port: world.listener.port, root: world.listener.root })
    const stream = session.request(
      { ':authority': world.authority, ...headers },
      { endStream: body === undefined },
    )
    if (body) stream.end(body)
    const chunks: Buffer[] = []
    const fields = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.on('response', (got) => resolve(got))
      stream.on('error', reject)
    })
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    session.destroy()
    return { fields, body: Buffer.concat(chunks).toString() }
  }

  test('a body without Content-Length arrives with one', async () => {
    const body = signed()
    const { fields } = await ask({ ':method': 'POST', ':path': '/order-plz' }, body)
    expect(fields[':status']).toBe(200)
    expect(upstreamFields()).toContain(`content-length: ${body.length}`)
    expect(upstreamFields()).toContain(`host: ${world.authority}`)
    expect(world.ca.requests[0]!.body.equals(body)).toBe(true)
    expect(world.intents()[0]!.client.httpVersion).toBe('2')
  })

  test('an expectation nobody knows is the end of no request', async () => {
    const { fields } = await ask({ ':method': 'POST', ':path': '/order-plz', expect: 'tea' }, signed())
    expect(fields[':status']).toBe(200)
    expect(world.outcomes()).toHaveLength(1)
  })

  test('several Links stay several; of a field that may come once the first is sent', async () => {
    caSays(
      'HTTP/1.1 200 OK\r\nLink: <a>\r\nLink: <b>\r\nRetry-After: 1\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\nok',
    )
    const { fields, body } = await ask({ ':method': 'GET', ':path': '/dir' })
    expect([fields[':status'], fields.link, fields['retry-after'], body]).toEqual([
      200,
      '<a>, <b>',
      '1',
      'ok',
    ])
  })

  test('HEAD and 204 have no body; Date stays away', async () => {
    caSays('HTTP/1.1 200 OK\r\nReplay-Nonce: h\r\n\r\n')
    const head = await ask({ ':method': 'HEAD', ':path': '/nonce' })
    expect([head.fields['replay-nonce'], head.fields['content-length'], head.fields.date, head.body]).toEqual(
      ['h', undefined, undefined, ''],
    )
    caSays('HTTP/1.1 204 No Content\r\nReplay-Nonce: g\r\n\r\n')
    const empty = await ask({ ':method': 'GET', ':path': '/nonce' })
    expect([empty.fields[':status'], empty.fields['replay-nonce'], empty.body]).toEqual([204, 'g', ''])
  })

  test('Host that differs from :authority is refused', async () => {
    const { fields } = await ask({ ':method': 'GET', ':path': '/dir', host: 'other.test' })
    expect(fields[':status']).toBe(400)
    expect(world.intents()[0]!.decision.ambiguities).toEqual([{ kind: 'two-authorities', where: 'Host' }])
  })
})

test('a target with bytes above ASCII never becomes a request', async () => {
  const answer = await raw(message('GET', '/caf\xe9'))
  expect([answer.status, world.ca.requests.length, world.store.facts.length]).toEqual([400, 0, 0])
  expect(world.listener.events).toMatchObject([{ kind: 'parserError' }])
})
