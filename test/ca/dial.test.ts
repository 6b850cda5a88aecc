import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createDial, type DialTarget, type WayOut } from '../../src/ca/dial.ts'
import { OwnAddresses } from '../../src/ca/own-addresses.ts'
import { createResolve } from '../../src/ca/resolve.ts'
import { type DnsAnswer, startDnsServer } from '../support/dns-server.ts'
import { INTERNAL_SPELLINGS } from '../support/internal-address-spellings.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** A server on this machine that counts who calls it. */
async function door(host = '::') {
  const callers: (string | undefined)[] = []
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    callers.push(socket.remoteAddress)
    open.add(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, host)
  await once(server, 'listening')
  closing.push(async () => {
    for (const socket of open) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, callers }
}

async function nameServer(answer: (name: string) => DnsAnswer | null) {
  const server = await startDnsServer(answer)
  closing.push(() => server.close())
  return server
}

function wayOut(overrides: Partial<WayOut> = {}): WayOut {
  return { resolve: createResolve(), own: new OwnAddresses(), proxy: null, ...overrides }
}

function to(host: string, port: number, overrides: Partial<DialTarget> = {}): DialTarget {
  return { host, port, vouched: true, timeout: 5000, ...overrides }
}

async function outcome(way: WayOut, target: DialTarget): Promise<string> {
  try {
    const socket = await createDial(way)(target)
    const peer = `connected ${socket.remoteAddress}`
    socket.destroy()
    return peer
  } catch (error) {
    return (error as { failure?: string }).failure ?? `unexpected: ${String(error)}`
  }
}

test('no spelling of an address of the inside is connected to for a host that is not vouched for', async () => {
  expect(INTERNAL_SPELLINGS.length).toBeGreaterThanOrEqual(400)
  const inside = await door()
  // The worst of DNS servers: every name leads inside.
  const server = await nameServer(() => ({ addresses: ['127.0.0.1', '::1'] }))
  const bySystem = wayOut()
  const byServer = wayOut({ resolve: createResolve([server.address]) })
  const connected: string[] = []
  for (const { written, how } of INTERNAL_SPELLINGS) {
    const host = written.replace(/^\[(.*)\]$/, '$1')
    const target = to(host, inside.port, { vouched: false })
    const ways =
      how === 'a name of the inside' && !/^localhost$/i.test(host) ? [byServer] : [bySystem, byServer]
    for (const way of ways) {
      const result = await outcome(way, target)
      if (result !== 'addressRefused' && result !== 'nameNotResolved') connected.push(`${written} ${result}`)
    }
  }
  expect(connected).toEqual([])
  expect(inside.callers).toEqual([])
  // The door does count: a host that is vouched for may be internal.
  expect(await outcome(bySystem, to('localhost', inside.port))).toMatch(/^connected/)
  expect(inside.callers).toHaveLength(1)
})

test('one answer that is not public refuses the name, wherever it stands', async () => {
  const inside = await door()
  for (const addresses of [
    ['127.0.0.1', '8.8.8.8'],
    ['8.8.8.8', '127.0.0.1'],
    ['8.8.8.8', '2606:4700::1', '::1'],
    ['8.8.8.8', '::ffff:127.0.0.1'],
    ['64:ff9b::127.0.0.1'],
    ['10.0.0.1', '8.8.8.8'],
  ]) {
    const server = await nameServer(() => ({ addresses }))
    const way = wayOut({ resolve: createResolve([server.address]) })
    expect(await outcome(way, to('rebind.test', inside.port, { vouched: false }))).toBe('addressRefused')
  }
  expect(inside.callers).toEqual([])
})

test('a name that alternates between outside and inside leads inside in none of 1,000 rounds', async () => {
  const inside = await door()
  let asked = 0
  const server = await nameServer(() => {
    asked += 1
    return { addresses: [asked % 4 < 2 ? '8.8.8.8' : '127.0.0.1'] }
  })
  const way = wayOut({ resolve: createResolve([server.address]) })
  const results = new Map<string, number>()
  for (let round = 0; round < 1000; round += 1) {
    // Sent from loopback, so that nothing leaves this machine for the public address.
    const target = to('rebind.test', inside.port, { vouched: false, from: '127.0.0.1' })
    const result = await outcome(way, target)
    results.set(result, (results.get(result) ?? 0) + 1)
  }
  expect([...results.keys()].sort()).toEqual(['addressRefused', 'connectRefused'])
  expect(results.get('connectRefused')).toBeGreaterThan(200)
  expect(results.get('addressRefused')).toBeGreaterThan(200)
  // A and AAAA, once for each connection: nothing is asked a second time after it was judged.
  expect(asked).toBe(2000)
  expect(inside.callers).toEqual([])
})

test('a listener of our own is never called, vouched for or not, by any of its addresses', async () => {
  const ours = await door('0.0.0.0')
  const own = new OwnAddresses()
  own.use([{ address: '0.0.0.0', port: ours.port }])
  const server = await nameServer(() => ({ addresses: ['127.0.0.3'] }))
  const way = wayOut({ own, resolve: createResolve([server.address]) })
  for (const host of [
    '127.0.0.1',
    '127.0.0.2',
    '::ffff:127.0.0.1',
    '::1',
    'localhost',
    'ca.test',
    '0.0.0.0',
    '::',
  ]) {
    expect(await outcome(way, to(host, ours.port))).toBe('addressRefused')
    expect(await outcome(way, to('elsewhere.test', ours.port, { addresses: [host] }))).toBe('addressRefused')
  }
  expect(ours.callers).toEqual([])
  const theirs = await door('127.0.0.1')
  expect(await outcome(way, to('127.0.0.1', theirs.port))).toBe('connected 127.0.0.1')
})

test('the unspecified address is this machine, and refused even where no listener is known', async () => {
  const inside = await door()
  for (const host of ['0.0.0.0', '::', '::ffff:0.0.0.0', '0:0:0:0:0:0:0:0']) {
    expect(await outcome(wayOut(), to(host, inside.port))).toBe('addressRefused')
  }
  expect(inside.callers).toEqual([])
})

test('configured addresses are connected to instead of asking for the name', async () => {
  const ca = await door('127.0.0.5')
  const server = await nameServer(() => ({ addresses: ['127.0.0.1'] }))
  const way = wayOut({ resolve: createResolve([server.address]) })
  const target = to('ca.test', ca.port, { addresses: ['127.0.0.9', '127.0.0.5'] })
  expect(await outcome(way, target)).toBe('connected 127.0.0.5')
  expect(server.questions).toEqual([])
})

test('the server sees the address to send from; a family it can not reach is not tried', async () => {
  const there = await door('127.0.0.1')
  expect(await outcome(wayOut(), to('127.0.0.1', there.port, { from: '127.0.0.2' }))).toBe(
    'connected 127.0.0.1',
  )
  expect(there.callers).toEqual(['127.0.0.2'])
  const both = to('ca.test', there.port, { addresses: ['::1', '127.0.0.1'], from: '127.0.0.3' })
  expect(await outcome(wayOut(), both)).toBe('connected 127.0.0.1')
  expect(there.callers[1]).toBe('127.0.0.3')
  const none = to('ca.test', there.port, { addresses: ['::1'], from: '127.0.0.3' })
  expect(await outcome(wayOut(), none)).toBe('connectRefused')
  const notOurs = to('127.0.0.1', there.port, { from: '192.0.2.1' })
  expect(await outcome(wayOut(), notOurs)).toBe('connectRefused')
})

test('addresses that refuse are passed over, and the first error is told when all do', async () => {
  const there = await door('127.0.0.5')
  const some = to('ca.test', there.port, { addresses: ['127.0.0.6', '127.0.0.7', '127.0.0.5'] })
  expect(await outcome(wayOut(), some)).toBe('connected 127.0.0.5')
  const none = createDial(wayOut())(to('ca.test', there.port, { addresses: ['127.0.0.6', '127.0.0.7'] }))
  await expect(none).rejects.toMatchObject({
    failure: 'connectRefused',
    message: expect.stringContaining(`127.0.0.6:${there.port}`),
  })
})

test('a silent DNS server ends with the time-out, a caller that gives up with aborted', async () => {
  const server = await nameServer(() => null)
  const way = wayOut({ resolve: createResolve([server.address]) })
  expect(await outcome(way, to('ca.test', 443, { timeout: 100 }))).toBe('nameNotResolved')
  const ending = new AbortController()
  setTimeout(() => ending.abort(), 50)
  expect(await outcome(way, to('ca.test', 443, { signal: ending.signal }))).toBe('aborted')
  expect(await outcome(way, to('127.0.0.1', 443, { signal: AbortSignal.abort() }))).toBe('aborted')
})
