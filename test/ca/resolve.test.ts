import { afterEach, expect, test } from 'vitest'
import { FailureError } from '../../src/ca/failure.ts'
import { createResolve } from '../../src/ca/resolve.ts'
import { type DnsAnswer, type DnsServer, startDnsServer } from '../support/dns-server.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function dns(answer: (name: string) => DnsAnswer | null): Promise<DnsServer> {
  const server = await startDnsServer(answer)
  closing.push(() => server.close())
  return server
}

const patient = () => new AbortController().signal

test('addresses of both families come in turn, IPv6 first, each once', async () => {
  const server = await dns(() => ({ addresses: ['192.0.2.1', '192.0.2.2', '2001:db8::1', '192.0.2.1'] }))
  const resolve = createResolve([server.address])
  expect(await resolve('ca.test', patient())).toEqual(['2001:db8::1', '192.0.2.1', '192.0.2.2'])
  expect(server.questions.map(({ type }) => type).sort()).toEqual(['A', 'AAAA'])
})

test('an alias is followed; every question is asked afresh', async () => {
  const server = await dns(() => ({ alias: 'real.test', addresses: ['192.0.2.1'] }))
  const resolve = createResolve([server.address])
  for (let i = 0; i < 5; i++) expect(await resolve('ca.test', patient())).toEqual(['192.0.2.1'])
  expect(server.questions).toHaveLength(10)
})

test('an IP address is its own, and localhost is asked of nobody', async () => {
  const server = await dns(() => ({ addresses: ['192.0.2.1'] }))
  const resolve = createResolve([server.address])
  expect(await resolve('192.0.2.7', patient())).toEqual(['192.0.2.7'])
  expect(await resolve('::1', patient())).toEqual(['::1'])
  expect(await resolve('localhost', patient())).toEqual(['127.0.0.1', '::1'])
  expect(server.questions).toEqual([])
})

test.each([
  ['no such name', { code: 3 }],
  ['no address', {}],
  ['a server that fails', { code: 2 }],
])('%s is nameNotResolved', async (_what, answer) => {
  const server = await dns(() => answer)
  const error = await createResolve([server.address])('ca.test', patient()).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(FailureError)
  expect(error).toMatchObject({ failure: 'nameNotResolved', message: expect.stringContaining('ca.test') })
})

test('one family is enough where the other has trouble', async () => {
  let count = 0
  const server = await dns(() => (count++ === 0 ? { code: 2 } : { addresses: ['192.0.2.1', '2001:db8::1'] }))
  expect((await createResolve([server.address])('ca.test', patient())).length).toBeGreaterThanOrEqual(1)
})

test('a server that is silent is given up with the signal', async () => {
  const server = await dns(() => null)
  const ending = new AbortController()
  const asked = createResolve([server.address])('ca.test', ending.signal)
  setTimeout(() => ending.abort(new Error('enough')), 50)
  await expect(asked).rejects.toThrow('enough')
})

test.each([
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '127.0.0.0x1',
  '0',
  '0x',
  '\uff11\uff12\uff17.0.0.1',
  'localhost.',
  'a..b',
  '',
  'a b',
  'a\0b',
  'a\r\nb',
  'a%2eb',
  `${'a'.repeat(64)}.test`,
  Array(60).fill('aaaa').join('.'),
])('%j is no name, neither for the system nor for a server of ours', async (host) => {
  const server = await dns(() => ({ addresses: ['127.0.0.1'] }))
  for (const servers of [[], [server.address]]) {
    await expect(createResolve(servers)(host, patient())).rejects.toMatchObject({
      failure: 'nameNotResolved',
    })
  }
  expect(server.questions).toEqual([])
})

test('the system knows localhost', async () => {
  expect(await createResolve()('localhost', patient())).toContain('127.0.0.1')
})
