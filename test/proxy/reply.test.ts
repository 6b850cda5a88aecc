import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { Denial } from '../../src/exchange/decision.ts'
import type { Completed } from '../../src/exchange/exchange.ts'
import { replyWith } from '../../src/proxy/reply.ts'
import { denied, refused } from '../support/exchanges.ts'

const DENIAL: Denial = {
  effect: 'deny',
  rule: 'internal-only',
  problem: 'rejectedIdentifier',
  detail: 'no',
}

/** What a client gets for a denial, over a socket: fields as Node writes them. */
async function answerTo(denial: Partial<Denial>): Promise<IncomingMessage> {
  const exchange: Completed = {
    ...refused(denied('newOrder', { decision: { ...DENIAL, ...denial } })),
    completedAt: { wall: 1, monotonic: 1 },
  }
  const server = createServer((_request, response) => replyWith(exchange, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await new Promise((resolve, reject) => {
      const { port } = server.address() as AddressInfo
      get({ host: '127.0.0.1', port, agent: false }, (answer) => {
        answer.resume().on('end', () => resolve(answer))
      }).on('error', reject)
    })
  } finally {
    server.close()
  }
}

test('a denial tells its page as a link of relation help, and no nonce', async () => {
  const { headers } = await answerTo({ help: 'https://wiki.example.com/tls?a=b#who', retryAfter: 30 })
  expect(headers.link).toBe('<https://wiki.example.com/tls?a=b#who>;rel="help"')
  expect(headers['retry-after']).toBe('30')
  expect(headers).not.toHaveProperty('replay-nonce')
})

test('a denial without a page has no link', async () => {
  expect((await answerTo({})).headers).not.toHaveProperty('link')
})

test.each([
  ['no web address', 'javascript:alert(1)'],
  ['no address at all', 'ask the operators'],
  ['one for a user agent of another kind', 'mailto:ops@example.com'],
])('%s is not told as a link', async (_what, help) => {
  const answer = await answerTo({ help })
  expect(answer.headers).not.toHaveProperty('link')
  expect(answer.statusCode).toBe(400)
})

test.each([
  [
    'a line break',
    'https://wiki.example.com/a\r\nReplay-Nonce: x',
    '<https://wiki.example.com/aReplay-Nonce:%20x>',
  ],
  [
    'an end of the target',
    'https://wiki.example.com/a>;rel="next"',
    '<https://wiki.example.com/a%3E;rel=%22next%22>',
  ],
  ['a letter beyond ASCII', 'https://wiki.example.com/grün', '<https://wiki.example.com/gr%C3%BCn>'],
])('%s in the page does not get out of the link', async (_what, help, target) => {
  const { headers } = await answerTo({ help })
  expect(headers.link).toBe(`${target};rel="help"`)
  expect(headers).not.toHaveProperty('replay-nonce')
})
