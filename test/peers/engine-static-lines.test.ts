/** The lines that acmetap prints, in the servers they are for. */
import { afterEach, describe, expect, it } from 'vitest'
import { OwnAddresses } from '../../src/ca/own-addresses.ts'
import { createStateless } from '../../src/engine/solvers/stateless.ts'
import { staticLines } from '../../src/engine/solvers/static-lines.ts'
import { attemptFor, context, THUMBPRINT } from '../contract/solver.contract.ts'
import { freePort } from '../support/child-process.ts'
import {
  reasonWithoutServer,
  type StartedWebServer,
  startWebServer,
  WEB_SERVERS,
} from '../support/peers/web-servers.ts'

let server: StartedWebServer | null = null
afterEach(async () => {
  await server?.stop()
  server = null
})

describe.each(WEB_SERVERS)('the lines for %s', async (kind) => {
  const missing = await reasonWithoutServer(kind)
  it.skipIf(missing !== null)('make it answer every token for the account, and nothing else', async () => {
    server = await startWebServer(kind, await freePort(), staticLines(THUMBPRINT)[kind])
    const { port } = server
    const ask = (at: string) => fetch(`http://127.0.0.1:${port}${at}`, { redirect: 'manual' })
    for (const token of ['a', 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0', '-_-', '0'.repeat(86)]) {
      const answer = await ask(`/.well-known/acme-challenge/${token}`)
      expect([answer.status, await answer.text()], token).toEqual([200, `${token}.${THUMBPRINT}`])
    }
    for (const at of [
      '/',
      '/.well-known/acme-challenge',
      '/.well-known/acme-challenge/',
      '/.well-known/acme-challenge/a.b',
      '/.well-known/acme-challenge/a%22b',
      '/.well-known/acme-challenge/a%0d%0ab',
      '/.well-known/acme-challenge/a/b',
      '/.well-knownXacme-challenge/a',
      '/x/.well-known/acme-challenge/a',
      '/.well-known/acme-challenge/%24%7Benv:PATH%7D',
    ]) {
      const answer = await ask(at)
      expect(answer.status, at).not.toBe(200)
      expect(await answer.text(), at).not.toContain(THUMBPRINT)
    }
    const solver = createStateless(
      'static',
      { probe: true },
      {
        wayOut: () => ({ resolve: async () => ['127.0.0.1'], own: new OwnAddresses(), proxy: null }),
        ports: { http: port, https: 443 },
      },
    )
    await solver.ready!(attemptFor('www.example.test'), context())
  })
})
