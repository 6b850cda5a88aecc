import type { RequestListener } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SPECIAL_IPV4, SPECIAL_IPV6 } from '../../../src/ca/address-class.ts'
import { validationCertificate } from '../../../src/engine/solvers/validation-certificate.ts'
import { INTERNAL_SPELLINGS } from '../../support/internal-address-spellings.ts'
import { attemptsWhile, diagnosed, KEY_AUTHORIZATION, NAME, PATH, World } from './world.ts'

const OTHER = 'other.example.org'
const { certificate, key } = await validationCertificate({ type: 'dns', value: OTHER }, 'x.y', new Date())

let world: World
beforeEach(async () => {
  world = await new World().open()
  world.zones = { [NAME]: { A: ['127.0.0.1'] }, [OTHER]: { A: ['127.0.0.1'] } }
})
afterEach(() => world.close())

/** Answers each path by this table: a text is a redirect there, null the key authorization. */
function graph(table: Readonly<Record<string, string | null>>, status = 302): RequestListener {
  return ({ url = '' }, response) => {
    const to = table[url]
    if (to === undefined) response.writeHead(404).end()
    else if (to === null) response.end(KEY_AUTHORIZATION)
    else response.writeHead(status, { location: to }).end('moved')
  }
}

const fill = (text: string) =>
  text.replaceAll('{http}', String(world.httpPort)).replaceAll('{tls}', String(world.tlsPort))

describe('what is followed', () => {
  test.each([301, 302, 307, 308])('status %i', async (status) => {
    await world.http(graph({ [PATH]: '/x', '/x': null }, status))
    expect(await world.look()).toBeNull()
  })

  test.each([
    ['a path', '/x'],
    ['a path beside it', 'x', '/.well-known/acme-challenge/x'],
    ['a query', '/x?a=b', '/x?a=b'],
    ['a fragment', '/x#y', '/x'],
    ['another host', `http://${OTHER}/x`],
    ['another host without a scheme', `//${OTHER}/x`],
    ['the port', `http://${OTHER}:{http}/x`],
    ['upper case', `HTTP://${OTHER.toUpperCase()}/x`],
    ['a name with the dot of the root', `http://${OTHER}./x`],
    ['a user and a password, which are not sent', `http://user:secret@${OTHER}/x`],
  ])('%s', async (_, to, path = '/x') => {
    let authorization: string | undefined
    await world.http((request, response) => {
      authorization ??= request.headers.authorization
      graph({ [PATH]: fill(to), [path]: null })(request, response)
    })
    expect(await world.look()).toBeNull()
    expect(authorization).toBeUndefined()
  })

  test('https, whatever its certificate is', async () => {
    await world.http(graph({ [PATH]: `https://${OTHER}/x` }))
    await world.https(graph({ '/x': null }), { cert: certificate, key })
    expect(await world.look()).toBeNull()
  })

  test('no cookie is kept', async () => {
    let cookie: string | undefined
    await world.http((request, response) => {
      cookie ??= request.headers.cookie
      response.setHeader('set-cookie', 'a=b')
      graph({ [PATH]: '/x', '/x': null })(request, response)
    })
    expect(await world.look()).toBeNull()
    expect(cookie).toBeUndefined()
  })

  test.each(Array.from({ length: 10 }, (_, index) => index + 1))('%i of them', async (count) => {
    const steps = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [index === 0 ? PATH : `/${index}`, `/${index + 1}`]),
    )
    await world.http(graph({ ...steps, [`/${count}`]: null }))
    expect(await world.look()).toBeNull()
  })
})

describe('what is not followed', () => {
  test.each(Array.from({ length: 20 }, (_, index) => index + 11))('%i of them', async (count) => {
    const steps = Object.fromEntries(
      Array.from({ length: count }, (_, index) => [index === 0 ? PATH : `/${index}`, `/${index + 1}`]),
    )
    await world.http(graph({ ...steps, [`/${count}`]: null }))
    const problem = await world.look()
    expect(problem!.detail).toMatch(/: Too many redirects$/)
    expect(diagnosed(problem!, 'http-01')).toBe('redirect-loop')
    expect(world.accepted.get('127.0.0.1')).toBe(11)
  })

  test.each(Array.from({ length: 10 }, (_, index) => index))('a circle of %i more', async (more) => {
    const steps = Object.fromEntries(
      Array.from({ length: more }, (_, index) => [
        `/${index + 1}`,
        index + 1 === more ? PATH : `/${index + 2}`,
      ]),
    )
    await world.http(graph({ ...steps, [PATH]: more === 0 ? PATH : '/1' }))
    const problem = await world.look()
    expect(problem!.detail).toMatch(/: Redirect loop detected$/)
    expect(diagnosed(problem!, 'http-01')).toBe('redirect-loop')
    expect(world.accepted.get('127.0.0.1')).toBe(more + 1)
  })

  test('from one host to the other and back for ever', async () => {
    await world.http(({ headers, url = '' }, response) => {
      const to = headers.host?.startsWith(OTHER) ? NAME : OTHER
      response.writeHead(302, { location: `http://${to}${url}` }).end()
    })
    const problem = await world.look()
    expect(problem!.detail).toMatch(/: Redirect loop detected$/)
  })

  test.each([300, 304, 305, 306, 399])('status %i is an answer', async (status) => {
    await world.http(graph({ [PATH]: '/x', '/x': null }, status))
    const problem = await world.look()
    expect(problem!.detail).toMatch(new RegExp(`Invalid response from .*: ${status}$`))
    expect(diagnosed(problem!, 'http-01')).toBe('http-status')
  })

  test('status 303', async () => {
    await world.http(graph({ [PATH]: '/x', '/x': null }, 303))
    const problem = await world.look()
    expect(problem!.detail).toMatch(/: received disallowed redirect status code "303"$/)
    expect(diagnosed(problem!, 'http-01')).toBe('bad-redirect')
  })

  test('no Location', async () => {
    await world.http((_, response) => response.writeHead(302).end(KEY_AUTHORIZATION))
    expect((await world.look())!.detail).toMatch(/Invalid response from .*: 302$/)
  })

  test.each([
    'file:///etc/passwd',
    'gopher://x.example.org/',
    'ftp://x.example.org/',
    'javascript:1',
    'data:,x',
    'unix:/run/x',
    'ws://x.example.org/',
  ])('to %s', async (to) => {
    await world.http(graph({ [PATH]: to }))
    const problem = await world.look()
    expect(problem!.detail).toContain(
      `Invalid protocol scheme in redirect target. Only "http" and "https" protocol schemes are supported, not "${to.split(':')[0]}"`,
    )
    expect(diagnosed(problem!, 'http-01')).toBe('bad-redirect')
  })

  test.each([1, 22, 25, 53, 81, 110, 444, 1023, 3128, 5432, 6379, 8080, 9080, 65535])(
    'to port %i',
    async (port) => {
      await world.http(graph({ [PATH]: `http://${OTHER}:${port}/` }))
      const attempts = await attemptsWhile(async () => {
        const problem = await world.look()
        expect(problem!.detail).toContain(
          `Invalid port in redirect target. Only ports ${world.httpPort} and ${world.tlsPort} are supported, not ${port}`,
        )
        expect(diagnosed(problem!, 'http-01')).toBe('bad-redirect')
      })
      expect(attempts).toEqual([`127.0.0.1:${world.httpPort}`])
    },
  )

  test.each([
    [
      'http://{name}.well-known/acme-challenge/x',
      "Check webserver config for missing '/' in redirect target.",
    ],
    ['http://127.0.0.1/x', 'Only domain names are supported, not IP addresses'],
    ['http://[::1]/x', 'Only domain names are supported, not IP addresses'],
    ['http://0x7f000001/x', 'Only domain names are supported, not IP addresses'],
    ['http://8.8.8.8/x', 'Only domain names are supported, not IP addresses'],
    ['http://intranet/x', 'Invalid host in redirect target "intranet"'],
  ])('to %s', async (to, text) => {
    await world.http(graph({ [PATH]: to.replace('{name}', NAME) }))
    const problem = await world.look()
    expect(problem!.detail).toContain(text)
    expect(diagnosed(problem!, 'http-01')).toBe('bad-redirect')
    expect(world.accepted.get('127.0.0.1')).toBe(1)
  })

  test('to a URL of over 2,000 characters', async () => {
    await world.http(graph({ [PATH]: `/${'x'.repeat(2_000)}` }))
    expect((await world.look())!.detail).toMatch(/Invalid response from .*: 302$/)
  })

  test('to a name that nobody has', async () => {
    await world.http(graph({ [PATH]: 'http://nothing.example.org/' }))
    const problem = await world.look()
    expect(problem).toMatchObject({ type: 'urn:ietf:params:acme:error:dns' })
    expect(problem!.detail).toContain('DNS problem: NXDOMAIN looking up A for nothing.example.org')
    expect(diagnosed(problem!, 'http-01')).toBe('nxdomain')
  })

  test('to a server of TLS that has none', async () => {
    await world.http(graph({ [PATH]: `https://${OTHER}/x` }))
    await world.http(
      { raw: (socket) => socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')) },
      '127.0.0.1',
      world.tlsPort,
    )
    const problem = await world.look()
    expect(problem).toMatchObject({ type: 'urn:ietf:params:acme:error:malformed' })
    expect(problem!.detail).toContain('Server only speaks HTTP, not TLS')
    expect(diagnosed(problem!, 'http-01')).toBe('tls-on-http-port')
  })
})

describe('nothing leads inside', () => {
  test('every special block, and every spelling of an address of the inside: 0 connections', async () => {
    world.settings = { internal: ['127.0.0.1/32'] }
    const blocks = [...SPECIAL_IPV4, ...SPECIAL_IPV6].map(({ network }) => network.split('/')[0]!)
    const hosts = blocks.map((address, index) => [`h${index}.example.org`, address] as const)
    world.zones = {
      [NAME]: { A: ['127.0.0.1'] },
      ...Object.fromEntries(
        hosts.map(([host, at]) => [host, at.includes(':') ? { AAAA: [at] } : { A: [at] }]),
      ),
    }
    let to = ''
    // Written raw: some spellings are no field value that a good server would send.
    await world.http({
      raw: (socket) =>
        socket.once('data', (bytes) => {
          const isFirst = bytes.toString('latin1').startsWith(`GET ${PATH} `)
          const answer = isFirst
            ? `302 Found\r\nLocation: ${to}\r\nContent-Length: 0`
            : '200 OK\r\nContent-Length: 0'
          socket.end(`HTTP/1.1 ${answer}\r\n\r\n`)
        }),
    })
    const tried: string[] = []
    const attempts = await attemptsWhile(async () => {
      for (const [host] of hosts) tried.push(`http://${host}/`)
      for (const { written } of INTERNAL_SPELLINGS) tried.push(`http://${written}/`)
      for (to of tried) {
        const problem = await world.look()
        expect([to, problem?.type]).not.toEqual([to, undefined])
      }
      for (const [host, address] of hosts) {
        const problem = await world.look({ identifier: { type: 'dns', value: host } })
        expect(problem?.detail).toMatch(/^IP address is in a reserved address block: ./)
        expect(diagnosed(problem!, 'http-01')).toBe('split-horizon')
        if (address !== '127.0.0.1')
          expect((await world.look({ identifier: { type: 'ip', value: address } }))?.type).toMatch(/:dns$/)
      }
    })
    expect(tried.length).toBeGreaterThan(500)
    // Each of them is the first question, which the name itself answers; a spelling that is a path of it is asked there.
    expect([...new Set(attempts)]).toEqual([`127.0.0.1:${world.httpPort}`])
  }, 120_000)

  test.each(['a secret', 'a secret'.padEnd(4_000)])(
    'what a host inside answers is not told to whoever redirects there',
    async (secret) => {
      await world.http(({ headers, url }, response) => {
        if (url === PATH && headers.host?.startsWith(NAME))
          response.writeHead(302, { location: `http://${OTHER}/x` }).end()
        else response.end(secret)
      })
      const problem = await world.look()
      expect(problem!.detail).toContain('"(not shown: a redirect led inside)"')
      expect(problem!.detail).not.toContain('secret')
      expect(diagnosed(problem!, 'http-01')).toBe('wrong-body')
    },
  )

  test('a name that changes its address between two questions', async () => {
    world.settings = { internal: ['127.0.0.1/32'] }
    let turn = 0
    world.respond = ({ name, type }) => {
      if (type !== 'A') return {}
      turn += 1
      return { answers: [{ type: 'A', name, ttl: 0, data: turn % 2 === 1 ? '127.0.0.1' : '127.0.0.66' }] }
    }
    await world.http(graph({ [PATH]: '/x', '/x': null }))
    await world.http((_, response) => response.end(KEY_AUTHORIZATION), '127.0.0.66')
    const problem = await world.look()
    expect(problem!.detail).toContain('IP address is in a reserved address block')
    expect(world.accepted.get('127.0.0.66')).toBeUndefined()
  })

  test("acmetap's own listeners, wherever they are", async () => {
    const own = await world.http((_, response) => response.end(KEY_AUTHORIZATION))
    world.own.use([own.address() as { address: string; port: number }])
    expect((await world.look())!.detail).toContain("acmetap's own listener")
    expect(world.accepted.size).toBe(0)
  })

  test('a metadata service, though its network is permitted', async () => {
    world.settings = { internal: ['0.0.0.0/0', '::/0'] }
    for (const address of [
      '169.254.169.254',
      'fe80::1',
      'fd00:ec2::254',
      '::ffff:169.254.169.254',
      '64:ff9b::a9fe:a9fe',
      '0.0.0.0',
      '::',
    ]) {
      world.zones = { [NAME]: address.includes(':') ? { AAAA: [address] } : { A: [address] } }
      const attempts = await attemptsWhile(async () => {
        expect((await world.look())?.type).toMatch(/:dns$/)
      })
      expect(attempts).toEqual([])
    }
  })

  test('a name of no public suffix, where nothing inside is permitted', async () => {
    // Nothing on this machine is public, so the rule is asked for by itself.
    const { isListedSuffix } = await import('../../../src/policy/names/domains.ts')
    expect(
      ['a.example.com', 'x.co.uk', 'me.github.io', 'example.net'].filter((name) => !isListedSuffix(name)),
    ).toEqual([])
    expect(
      ['a.internal', 'b.corp', 'c.lan', 'd.local', 'e.home.arpa.x', 'localhost'].filter(isListedSuffix),
    ).toEqual([])
  })
})
