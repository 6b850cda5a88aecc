import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttpResponder, type RespondingSolver } from '../../../src/engine/solvers/http-responder.ts'
import { attemptFor, context, type SolverWorld, solverContract } from '../../contract/solver.contract.ts'

const CHALLENGES = '/.well-known/acme-challenge/'
const anywhere = { address: '127.0.0.1', port: 0 }

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

function ask(port: number, path: string, host: string | undefined, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method, setHost: false, headers: host === undefined ? {} : { host } },
      (response) => {
        let body = ''
        response.on('data', (part: Buffer) => {
          body += part.toString()
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}

/** What comes back for these very bytes, until the other side ends. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const parts: Buffer[] = []
  socket.on('data', (part) => parts.push(part))
  socket.on('error', () => undefined)
  socket.end(bytes, 'latin1')
  await once(socket, 'close')
  return Buffer.concat(parts).toString('latin1')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function open(): Promise<SolverWorld> {
  const port = await freePort()
  const settings = { ...anywhere, port }
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  return {
    make: () => createHttpResponder('web', settings),
    async sees({ identifier, token, keyAuthorization }) {
      const answer = await ask(port, `${CHALLENGES}${token}`, identifier.value).catch(() => null)
      return answer?.status === 200 && answer.body === keyAuthorization
    },
    broken: () => createHttpResponder('web', { ...anywhere, port: (taken.address() as AddressInfo).port }),
    async close() {
      taken.close()
    },
  }
}

solverContract('http-01 responder', 'http-01', open, { volatile: true })

describe('http-01 responder (RFC 8555 §8.3)', () => {
  let responder: RespondingSolver | null = null
  const started = async (redirect?: string) => {
    responder = createHttpResponder('web', { ...anywhere, ...(redirect === undefined ? {} : { redirect }) })
    const { port } = await responder.listen()
    return { responder, port }
  }
  afterEach(async () => {
    await responder?.close()
    responder = null
  })
  const attempt = attemptFor('www.example.test')
  const path = `${CHALLENGES}${attempt.token}`

  it('serves the key authorization as bytes that nobody keeps, and its head', async () => {
    const { responder, port } = await started()
    await responder.present(attempt, context())
    const answer = await ask(port, path, 'www.example.test')
    expect(answer).toMatchObject({ status: 200, body: attempt.keyAuthorization })
    expect(answer.headers['content-type']).toBe('application/octet-stream')
    expect(answer.headers['cache-control']).toBe('no-store')
    const head = await ask(port, path, 'www.example.test', 'HEAD')
    expect(head).toMatchObject({ status: 200, body: '' })
    expect(head.headers['content-length']).toBe(`${attempt.keyAuthorization.length}`)
  })

  it.each(['WWW.Example.TEST', 'www.example.test:80', 'www.example.test:8080'])(
    'knows the host %s',
    async (host) => {
      const { responder, port } = await started()
      await responder.present(attempt, context())
      expect(await ask(port, path, host)).toMatchObject({ status: 200, body: attempt.keyAuthorization })
    },
  )

  it.each([
    'example.test',
    'www.example.test.',
    'www.example.test.evil.test',
    'evil.test',
    'www.example.test@evil.test',
    '*.example.test',
    '',
    '[www.example.test]',
    '127.0.0.1',
    'www.example.test:x',
    'www.example.test:123456',
  ])('answers nothing to the host %j', async (host) => {
    const { responder, port } = await started()
    await responder.present(attempt, context())
    expect((await ask(port, path, host)).status).toBe(404)
  })

  it.each([
    ['192.0.2.7', '192.0.2.7', '192.0.2.7:80'],
    ['2001:db8::1', '[2001:db8::1]', '[2001:DB8:0:0::1]:80'],
  ])('answers for the address %s (RFC 8738)', async (value, ...hosts) => {
    const { responder, port } = await started()
    const one = attemptFor(value, 'http-01', { identifier: { type: 'ip', value } })
    await responder.present(one, context())
    for (const host of hosts)
      expect(await ask(port, `${CHALLENGES}${one.token}`, host), host).toMatchObject({
        status: 200,
        body: one.keyAuthorization,
      })
    expect((await ask(port, `${CHALLENGES}${one.token}`, '[2001:db8::2]')).status).toBe(404)
  })

  it('gives the token of one host to no other', async () => {
    const { responder, port } = await started()
    const other = attemptFor('other.example.test')
    await responder.present(attempt, context())
    await responder.present(other, context())
    expect((await ask(port, path, 'other.example.test')).status).toBe(404)
    expect((await ask(port, `${CHALLENGES}${other.token}`, 'www.example.test')).status).toBe(404)
  })

  it('answers none of 1,000 other paths (N14)', async () => {
    const { responder, port } = await started()
    await responder.present(attempt, context())
    const paths = otherPaths(attempt.token)
    expect(paths).toHaveLength(1_000)
    const asked = paths.map(
      (one) => `GET ${one} HTTP/1.1\r\nHost: www.example.test\r\nConnection: close\r\n\r\n`,
    )
    for (let at = 0; at < asked.length; at += 50) {
      const answers = await Promise.all(asked.slice(at, at + 50).map((bytes) => raw(port, bytes)))
      for (const [offset, answer] of answers.entries()) {
        const what = JSON.stringify(paths[at + offset]?.slice(0, 100))
        expect(answer, what).not.toContain(attempt.keyAuthorization)
        expect(answer.slice(0, 13), what).toMatch(/^(?:HTTP\/1\.1 404|)/)
        expect(answer, what).not.toMatch(/^HTTP\/1\.1 [23]/)
      }
    }
    expect((await ask(port, path, 'www.example.test')).status).toBe(200)
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('answers nothing to %s', async (method) => {
    const { responder, port } = await started()
    await responder.present(attempt, context())
    expect((await ask(port, path, 'www.example.test', method)).status).toBe(404)
  })

  it('sends everything else where it is told, and challenges nowhere', async () => {
    const { port } = await started('https://www.example.net/base/')
    const places = async (one: string) => (await ask(port, one, 'www.example.test')).headers.location
    expect(await places('/a/b?c=d')).toBe('https://www.example.net/base/a/b?c=d')
    for (const one of [
      '//evil.test/',
      '/\\evil.test',
      '/@evil.test',
      '///evil.test',
      '/%2f%2fevil.test',
      '/..//evil.test',
    ]) {
      const location = await places(one)
      expect(new URL(location as string).host, one).toBe('www.example.net')
    }
    for (const one of [
      path,
      CHALLENGES,
      CHALLENGES.slice(0, -1),
      `${CHALLENGES}?x`,
      CHALLENGES.toUpperCase(),
    ]) {
      const answer = await ask(port, one, 'www.example.test')
      expect([answer.status, answer.headers.location], one).toEqual([404, undefined])
    }
    expect(await raw(port, 'GET http://evil.test/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 404/,
    )
  })

  it('never becomes an open redirect where the target has no path', async () => {
    const { port } = await started('https://www.example.net')
    for (const one of ['//evil.test', '/.evil.test', '/@evil.test', '/:8080'])
      expect(new URL((await ask(port, one, 'x')).headers.location as string).host, one).toBe(
        'www.example.net',
      )
  })

  it('refuses heads over 8 KiB', async () => {
    const { port } = await started()
    expect(await raw(port, `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(9_000)}\r\n\r\n`)).toBe('')
  })

  it('waits for nobody who never ends his request', async () => {
    const { port } = await started()
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nA: ')
    await new Promise((resolve) => socket.once('close', resolve))
    expect(socket.bytesRead).toBeLessThan(200)
  }, 30_000)

  it('ends what is open when it is closed', async () => {
    const { responder, port } = await started()
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write('GET / HT')
    socket.on('error', () => undefined)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await responder.close()
    await closed
    expect(responder).toBeDefined()
    await expect(ask(port, '/', 'x')).rejects.toThrow()
  })

  it('is bound by the first challenge where nobody bound it, and can be bound again', async () => {
    const port = await freePort()
    const one = createHttpResponder('web', { ...anywhere, port })
    await expect(ask(port, path, 'www.example.test')).rejects.toThrow()
    await one.present(attempt, context())
    expect((await ask(port, path, 'www.example.test')).status).toBe(200)
    await one.close()
    await one.listen()
    expect((await ask(port, path, 'www.example.test')).status).toBe(200)
    await one.close()
  })

  it.each(['../../etc/passwd', 'a b', '', 'x'.repeat(257), 'tokén', 'a/b', 'a%2e'])(
    'presents nothing for the token %j (J19)',
    async (token) => {
      const { responder } = await started()
      const evil = { ...attempt, token, keyAuthorization: `${token}.x` }
      await expect(responder.present(evil, context())).rejects.toThrow(/RFC 8555 §8\.3/)
    },
  )
})

function otherPaths(token: string): string[] {
  const prefixes = [
    '/',
    '//',
    '/./',
    '/../',
    '/.well-known/',
    '/.well-known//',
    '/.well-known/acme-challenge',
    CHALLENGES,
  ]
  const inserts = [
    '',
    '/',
    '//',
    './',
    '../',
    '%2e/',
    '%2e%2e/',
    '..%2f',
    '%2f',
    '%00',
    '\x01',
    '?',
    '#',
    ';',
    '\\',
    ' ',
    '*',
    '~',
    '%20',
    '%c0%af',
  ]
  const tokens = [
    token,
    `${token}/`,
    `${token}.`,
    `${token}%00`,
    `${token}?a=b`,
    `${token}#`,
    `${token};x`,
    token.slice(1),
    `${token}x`,
    token.toUpperCase(),
    'x'.repeat(43),
    'x'.repeat(4_000),
    '',
  ]
  const all = new Set<string>()
  for (const prefix of prefixes)
    for (const insert of inserts) for (const one of tokens) all.add(`${prefix}${insert}${one}`)
  all.delete(`${CHALLENGES}${token}`)
  // `#` and what follows it is no part of a request target; the parser refuses it or takes it as a part of the path.
  return [...all].slice(-1_000)
}
