import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { attemptsWhile, diagnosed, KEY_AUTHORIZATION, NAME, PATH, World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await new World().open()
})
afterEach(() => world.close())

async function says(expected: string, type: string, diagnosis: string): Promise<void> {
  const problem = await world.look()
  expect(problem).toMatchObject({ type: `urn:ietf:params:acme:error:${type}` })
  expect(problem!.detail.replaceAll(`:${world.httpPort}`, '').replaceAll(`:${world.tlsPort}`, ':TLS')).toBe(
    expected,
  )
  expect(diagnosed(problem!, 'http-01')).toBe(diagnosis)
}

const URL_ = `http://${NAME}${PATH}`

describe('what answers', () => {
  test('the key authorization, asked for once, plainly', async () => {
    let seen: unknown
    await world.http((request, response) => {
      seen = { method: request.method, url: request.url, headers: request.headers }
      response.end(KEY_AUTHORIZATION)
    })
    expect(await world.look()).toBeNull()
    expect(seen).toEqual({
      method: 'GET',
      url: PATH,
      headers: {
        host: `${NAME}:${world.httpPort}`,
        'user-agent': 'acmetap (validates http-01)',
        accept: '*/*',
        'accept-encoding': 'identity',
        connection: 'close',
      },
    })
  })

  test.each(['\n', '\r\n', ' \t\n\n', ' '.repeat(40)])('white space behind it: %j', async (white) => {
    await world.http((_, response) => response.end(KEY_AUTHORIZATION + white))
    expect(await world.look()).toBeNull()
  })

  test('white space up to 128 bytes is too much', async () => {
    await world.http((_, response) => response.end(KEY_AUTHORIZATION.padEnd(128)))
    await says(
      `127.0.0.1: Invalid response from ${URL_}: "${KEY_AUTHORIZATION.padEnd(128)}"`,
      'unauthorized',
      'wrong-body',
    )
  })

  test.each([' ', '\n', '\ufeff'])('something before it: %j', async (before) => {
    await world.http((_, response) => response.end(before + KEY_AUTHORIZATION))
    expect(await world.look()).toMatchObject({ type: 'urn:ietf:params:acme:error:unauthorized' })
  })

  test('another key authorization', async () => {
    await world.http((_, response) => response.end('abc.def'))
    await says(
      `The key authorization file from the server did not match this challenge. Expected "${KEY_AUTHORIZATION}" (got "abc.def")`,
      'unauthorized',
      'wrong-body',
    )
  })

  test('nothing in a text is more than a letter to a terminal', async () => {
    await world.http((_, response) => response.end('\u001b[31mred\u202e\u0085"\\'))
    const problem = await world.look()
    expect(problem!.detail).toContain('(got "\\u001b[31mred\\u202e\\u0085\\"\\\\")')
  })

  test('404', async () => {
    await world.http((_, response) => response.writeHead(404).end('no'))
    await says(`127.0.0.1: Invalid response from ${URL_}: 404`, 'unauthorized', 'http-not-found')
  })

  test.each([201, 204, 400, 401, 500, 503])('status %i', async (status) => {
    await world.http((_, response) =>
      response.writeHead(status).end(status === 204 ? undefined : KEY_AUTHORIZATION),
    )
    await says(`127.0.0.1: Invalid response from ${URL_}: ${status}`, 'unauthorized', 'http-status')
  })

  test('a page', async () => {
    await world.http((_, response) =>
      response.end(`<html><title>Welcome to nginx!</title>${'x'.repeat(5000)}`),
    )
    const problem = await world.look()
    expect(diagnosed(problem!, 'http-01')).toBe('other-server')
    expect(problem!.detail.length).toBeLessThan(400)
  })

  test('gzip that nobody asked for is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    await world.http((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    const before = process.memoryUsage().rss
    expect(await world.look()).toMatchObject({ type: 'urn:ietf:params:acme:error:unauthorized' })
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000)
  })

  test('a body without end is left after its beginning', async () => {
    let written = 0
    await world.http((_, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const more = () => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length
      }
      response.on('drain', more)
      more()
    })
    expect(await world.look()).toMatchObject({ type: 'urn:ietf:params:acme:error:unauthorized' })
    expect(written).toBeLessThan(20_000_000)
  })

  test('a body that breaks off is no answer', async () => {
    await world.http({
      raw: (socket) =>
        socket.once('data', () =>
          socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n${KEY_AUTHORIZATION}`),
        ),
    })
    await says(
      `127.0.0.1: Error reading HTTP response body: unexpected EOF from ${URL_}`,
      'unauthorized',
      'connection-reset',
    )
  })
})

describe('what answers late, or no HTTP', () => {
  test('drop by drop', async () => {
    await world.http({
      raw: (socket) =>
        socket.once('data', async () => {
          for (const letter of `HTTP/1.1 200 OK\r\nContent-Length: 87\r\n\r\n${KEY_AUTHORIZATION}`) {
            if (socket.destroyed) return
            socket.write(letter)
            await sleep(50)
          }
        }),
    })
    await says(
      `127.0.0.1: Fetching ${URL_}: Timeout after connect (your server may be slow or overloaded)`,
      'connection',
      'slow-server',
    )
  })

  test('silence', async () => {
    await world.http({ raw: () => undefined })
    await says(
      `127.0.0.1: Fetching ${URL_}: Timeout after connect (your server may be slow or overloaded)`,
      'connection',
      'slow-server',
    )
  })

  test('nothing listens', async () => {
    await says(`127.0.0.1: Fetching ${URL_}: Connection refused`, 'connection', 'connection-refused')
  })

  test('the connection is cut', async () => {
    await world.http({ raw: (socket) => socket.once('data', () => socket.resetAndDestroy()) })
    await says(`127.0.0.1: Fetching ${URL_}: Connection reset by peer`, 'connection', 'connection-reset')
  })

  test('closed without a word', async () => {
    await world.http({ raw: (socket) => socket.once('data', () => socket.end()) })
    await says(`127.0.0.1: Fetching ${URL_}: Connection reset by peer`, 'connection', 'connection-reset')
  })

  test.each([
    ['another protocol', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'Error getting validation data'],
    ['TLS', Buffer.from('15030100020246', 'hex'), 'Error getting validation data'],
    ['HTTP/2', Buffer.from('000012040000000000', 'hex'), 'Server is speaking HTTP/2 over HTTP'],
    [
      'a header over 16 KiB',
      Buffer.from(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
      'Error getting validation data',
    ],
    [
      'interim answers without end',
      Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20)),
      'Error getting validation data',
    ],
    [
      'two lengths',
      Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 87\r\nContent-Length: 88\r\n\r\n'),
      'Error getting validation data',
    ],
  ])('%s', async (_, bytes, text) => {
    await world.http({ raw: (socket) => socket.once('data', () => socket.write(bytes)) })
    const problem = await world.look()
    expect(problem).toMatchObject({
      type: 'urn:ietf:params:acme:error:connection',
      detail: `127.0.0.1: Fetching http://${NAME}:${world.httpPort}${PATH}: ${text}`,
    })
    expect(['http-status', 'other-server', 'tls-on-http-port']).toContain(diagnosed(problem!, 'http-01'))
  })

  test('a switch of protocols', async () => {
    await world.http({
      raw: (socket) =>
        socket.once('data', () =>
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
        ),
    })
    expect(await world.look()).toMatchObject({ type: 'urn:ietf:params:acme:error:connection' })
  })
})

describe('addresses', () => {
  test('IPv6 first; IPv4 is not asked where that answers', async () => {
    world.zones = { [NAME]: { A: ['127.0.0.1'], AAAA: ['::1'] } }
    await world.http((_, response) => response.end(KEY_AUTHORIZATION), '::1')
    await world.http((_, response) => response.end('no'))
    expect(await world.look()).toBeNull()
    expect([...world.accepted]).toEqual([['::1', 1]])
  })

  test('IPv4 where IPv6 refuses', async () => {
    world.zones = { [NAME]: { A: ['127.0.0.1'], AAAA: ['::1'] } }
    await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    expect(await world.look()).toBeNull()
  })

  test('IPv4 where IPv6 is silent: half the time is left for it', async () => {
    world.zones = { [NAME]: { A: ['127.0.0.1'], AAAA: ['::1'] } }
    await world.http({ raw: () => undefined }, '::1')
    await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    expect(await world.look()).toBeNull()
  })

  test('a wrong answer over IPv6 is an answer', async () => {
    world.zones = { [NAME]: { A: ['127.0.0.1'], AAAA: ['::1'] } }
    await world.http((_, response) => response.writeHead(404).end(), '::1')
    await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    await says(`::1: Invalid response from ${URL_}: 404`, 'unauthorized', 'wrong-aaaa/http-not-found')
    expect(world.accepted.get('127.0.0.1')).toBeUndefined()
  })

  test('only two of any number of addresses are tried', async () => {
    const many = Array.from({ length: 20 }, (_, index) => `127.0.0.${index + 2}`)
    world.zones = { [NAME]: { A: many } }
    const attempts = await attemptsWhile(async () => {
      await says(`127.0.0.2: Fetching ${URL_}: Connection refused`, 'connection', 'connection-refused')
    })
    expect(attempts).toEqual([`127.0.0.2:${world.httpPort}`])
  })

  test('an address as identifier', async () => {
    await world.http((request, response) => {
      expect(request.headers.host).toBe(`127.0.0.1:${world.httpPort}`)
      response.end(KEY_AUTHORIZATION)
    })
    expect(await world.look({ identifier: { type: 'ip', value: '127.0.0.1' } })).toBeNull()
  })

  test('names under localhost are asked of nobody', async () => {
    world.respond = () => {
      throw new Error('asked')
    }
    await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    expect(await world.look({ identifier: { type: 'dns', value: 'a.localhost' } })).toBeNull()
  })

  test('from every address: all must see it', async () => {
    world.settings = { from: ['127.0.0.5', '127.0.0.6'] }
    const from: (string | undefined)[] = []
    await world.http((request, response) => {
      from.push(request.socket.remoteAddress)
      response.end(request.socket.remoteAddress === '127.0.0.7' ? 'no' : KEY_AUTHORIZATION)
    })
    expect(await world.look()).toBeNull()
    expect(from.sort()).toEqual(['127.0.0.5', '127.0.0.6'])
    world.settings = { from: ['127.0.0.5', '127.0.0.7'] }
    await says(
      `During secondary validation: The key authorization file from the server did not match this challenge. Expected "${KEY_AUTHORIZATION}" (got "no")`,
      'unauthorized',
      'secondary-validation/wrong-body',
    )
    world.settings = { from: ['127.0.0.7', '127.0.0.5'] }
    await says(
      `The key authorization file from the server did not match this challenge. Expected "${KEY_AUTHORIZATION}" (got "no")`,
      'unauthorized',
      'wrong-body',
    )
  })

  test('a place without the family of the name does not count, but one must see it', async () => {
    await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    world.settings = { from: ['::1', '127.0.0.5'] }
    expect(await world.look()).toBeNull()
    world.settings = { from: ['::1'] }
    await says(
      `Network unreachable: ${NAME} has no address that ::1 could send to`,
      'connection',
      'network-unreachable',
    )
  })

  test("an address that this machine does not have is no fault of the name's", async () => {
    await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    world.settings = { from: ['127.0.0.5', '198.51.100.1'] }
    await expect(world.look()).rejects.toThrow(
      'challenges.from: nothing can be sent from 198.51.100.1 (EADDRNOTAVAIL): name addresses of this machine',
    )
  })
})

test('what is given up is no verdict', async () => {
  const ending = new AbortController()
  await world.http({ raw: () => ending.abort(new Error('shutdown')) })
  await expect(world.look({}, { dns: 5_000, all: 60_000 }, ending.signal)).rejects.toThrow('shutdown')
  await expect(world.look({}, { dns: 5_000, all: 60_000 }, ending.signal)).rejects.toThrow('shutdown')
})
