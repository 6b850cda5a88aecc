import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import { createStateless } from '../../../src/engine/solvers/stateless.ts'
import {
  attemptFor,
  context,
  type SolverWorld,
  solverContract,
  THUMBPRINT,
} from '../../contract/solver.contract.ts'

const sites: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close()
})

async function startSite(answer: RequestListener, address = '127.0.0.1') {
  const server = createServer(answer).listen(0, address)
  await once(server, 'listening')
  const asked: string[] = []
  server.on('request', ({ headers, url }) => asked.push(`${headers.host}${url}`))
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  sites.push({ close })
  return { port: (server.address() as AddressInfo).port, asked }
}

const answering =
  (thumbprint: string, end = ''): RequestListener =>
  ({ url }, response) =>
    response.end(`${url?.split('/').at(-1)}.${thumbprint}${end}`)

const over = (port: number, addresses: readonly string[] = ['127.0.0.1'], own = new OwnAddresses()) =>
  createStateless(
    'static',
    { probe: true },
    {
      wayOut: () => ({ resolve: async () => addresses, own, proxy: null }),
      ports: { http: port, https: 443 },
    },
  )

async function open(): Promise<SolverWorld> {
  const site = await startSite(answering(THUMBPRINT))
  const other = await startSite((_request, response) => response.end('hello'))
  return {
    make: () => over(site.port),
    async sees({ token, keyAuthorization }) {
      const answer = await fetch(`http://127.0.0.1:${site.port}/.well-known/acme-challenge/${token}`)
      return (await answer.text()) === keyAuthorization
    },
    broken: () => over(other.port),
    close: async () => undefined,
  }
}

solverContract('stateless', 'http-01', open, { static: true })

describe('stateless', () => {
  const attempt = attemptFor('www.example.test')
  const probe = (solver: ReturnType<typeof over>) => solver.ready!(attempt, context())

  it('asks for a token that nobody made, not for the one of the challenge', async () => {
    const site = await startSite(answering(THUMBPRINT, '\r\n'))
    await probe(over(site.port))
    expect(site.asked).toHaveLength(1)
    expect(site.asked[0]).toMatch(
      new RegExp(`^www\\.example\\.test:${site.port}/\\.well-known/acme-challenge/[\\w-]{43}$`),
    )
    expect(site.asked[0]).not.toContain(attempt.token)
  })

  it.each([
    ['another account', answering('x'.repeat(43)), /answers with something else/],
    [
      'a page',
      ((_q, response) => response.end('<html>')) satisfies RequestListener,
      /answers with something else/,
    ],
    ['404', ((_q, response) => response.writeHead(404).end()) satisfies RequestListener, /answers 404/],
    ['500', ((_q, response) => response.writeHead(500).end()) satisfies RequestListener, /answers 500/],
    [
      'a huge body',
      (({ url }, response) =>
        response.end(`${url?.split('/').at(-1)}.${THUMBPRINT}${'x'.repeat(1e6)}`)) satisfies RequestListener,
      /answers with something else/,
    ],
    [
      'a redirect to a metadata service (N2)',
      ((_q, response) =>
        response.writeHead(302, { location: 'http://169.254.169.254/' }).end()) satisfies RequestListener,
      /no full domain name/,
    ],
    [
      'a redirect to a file',
      ((_q, response) =>
        response.writeHead(302, { location: 'file:///etc/passwd' }).end()) satisfies RequestListener,
      /neither http nor https/,
    ],
    [
      'a redirect to port 25',
      ((_q, response) =>
        response.writeHead(302, { location: 'http://www.example.test:25/' }).end()) satisfies RequestListener,
      /only \d+ and 443 are followed/,
    ],
    [
      'a redirect to itself',
      (({ url }, response) => response.writeHead(302, { location: url }).end()) satisfies RequestListener,
      /in a circle/,
    ],
    [
      'redirects without end (N4)',
      (({ url }, response) =>
        response.writeHead(302, { location: `${url}x` }).end()) satisfies RequestListener,
      /more than 10 times/,
    ],
    [
      'no HTTP',
      ((request) => request.socket.end('nonsense\r\n')) satisfies RequestListener,
      /not HTTP|without an answer/,
    ],
  ])('refuses a site that answers with %s, with the lines to add', async (_what, answer, says) => {
    const site = await startSite(answer)
    const failed = probe(over(site.port))
    await expect(failed).rejects.toThrow(says)
    await expect(failed).rejects.toThrow(`return 200 "$1.${THUMBPRINT}";`)
    await expect(failed).rejects.toMatchObject({ fault: 'solver', identifier: 'www.example.test' })
  })

  it('goes to no metadata service, whatever port a CA asks', async () => {
    const site = await startSite((_request, response) =>
      response.writeHead(302, { location: `http://169.254.169.254:${site.port}/` }).end(),
    )
    const address = attemptFor('127.0.0.1', 'http-01', { identifier: { type: 'ip', value: '127.0.0.1' } })
    await expect(over(site.port).ready!(address, context())).rejects.toThrow(
      /redirects to 169\.254\.169\.254: .*link-local/,
    )
    await expect(probe(over(site.port, ['169.254.169.254']))).rejects.toThrow(/link-local/)
  })

  it('follows a redirect on the same site', async () => {
    const site = await startSite((request, response) => {
      const token = request.url?.split('/').at(-1)
      if (request.url?.startsWith('/.well-known'))
        response.writeHead(301, { location: `/acme/${token}` }).end()
      else response.end(`${token}.${THUMBPRINT}`)
    })
    await probe(over(site.port))
    expect(site.asked).toHaveLength(2)
  })

  it('asks every address, for a CA may choose any', async () => {
    const site = await startSite(answering(THUMBPRINT))
    await expect(probe(over(site.port, ['127.0.0.1', '127.0.0.2']))).rejects.toThrow(/127\.0\.0\.2 refuses/)
  })

  it('is not asked at a listener of our own', async () => {
    const own = new OwnAddresses()
    own.use([{ address: '127.0.0.1', port: 8 }])
    await expect(probe(over(8, ['127.0.0.1'], own))).rejects.toThrow(/is acmetap itself/)
  })

  it('asks nothing where it shall not', async () => {
    const silent = createStateless(
      'static',
      { probe: false },
      {
        wayOut: () => {
          throw new Error('asked')
        },
      },
    )
    expect(silent.ready).toBeUndefined()
    await silent.present(attempt, context())
  })
})
