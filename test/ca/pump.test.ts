import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { pumpTunnel } from '../../src/ca/pump.ts'
import type { TunnelTotals } from '../../src/exchange/exchange.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Two ends of one connection. */
async function pair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const { port } = server.address() as AddressInfo
  const near = connect({ port, host: '127.0.0.1' })
  const [far] = (await accepted) as [Socket]
  if (near.connecting) await once(near, 'connect')
  for (const socket of [near, far]) socket.on('error', () => undefined)
  closing.push(() => {
    near.destroy()
    far.destroy()
    server.close()
  })
  return { near, far }
}

interface Tunnel {
  readonly client: Socket
  readonly server: Socket
  readonly inner: { readonly client: Socket; readonly upstream: Socket }
  readonly totals: Promise<TunnelTotals>
  readonly ending: AbortController
}

/** client ⇄ (pump) ⇄ server. */
async function tunnel(
  options: { idle?: number; before?: (client: Socket, upstream: Socket) => void } = {},
): Promise<Tunnel> {
  const [left, right] = await Promise.all([pair(), pair()])
  const ending = new AbortController()
  options.before?.(left.far, right.near)
  const totals = pumpTunnel(left.far, right.near, { idle: options.idle ?? 10_000, signal: ending.signal })
  return {
    client: left.near,
    server: right.far,
    inner: { client: left.far, upstream: right.near },
    totals,
    ending,
  }
}

async function heard(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

function gone(...sockets: Socket[]): boolean[] {
  return sockets.map((socket) => socket.destroyed)
}

test('bytes go both ways and are counted; the side that closed first is named', async () => {
  for (const [first, second, end] of [
    ['client', 'server', 'clientClosed'],
    ['server', 'client', 'serverClosed'],
  ] as const) {
    const one = await tunnel()
    const { client, server, inner } = one
    client.write('question')
    expect(String((await once(server, 'data'))[0])).toBe('question')
    server.write('the answer')
    expect(String((await once(client, 'data'))[0])).toBe('the answer')
    one[first].end()
    one[second].resume()
    await once(one[second], 'end')
    one[second].end()
    const { duration, ...totals } = await one.totals
    expect(totals).toEqual({ up: 8, down: 10, end })
    expect(Number.isInteger(duration) && duration >= 0).toBe(true)
    expect(gone(inner.client, inner.upstream)).toEqual([true, true])
  }
})

test('a half-close is passed on, and the other direction goes on for as long as it likes', async () => {
  const { client, server, totals } = await tunnel()
  const answer = heard(client)
  client.end('everything')
  expect(await heard(server)).toBe('everything')
  for (let i = 0; i < 5; i++) {
    await sleep(10)
    server.write(`part ${i};`)
  }
  server.end()
  expect(await answer).toBe('part 0;part 1;part 2;part 3;part 4;')
  expect(await totals).toMatchObject({ up: 10, down: 35, end: 'clientClosed' })
})

test('bytes put back before, and those that came while the other side was dialled, are not lost', async () => {
  const { client, server, totals } = await tunnel({
    before(inner) {
      inner.pause()
      inner.unshift(Buffer.from('head;'))
    },
  })
  client.end('rest')
  server.end()
  expect(await heard(server)).toBe('head;rest')
  expect(await totals).toMatchObject({ up: 9 })
})

test('a client that closed its side before the tunnel was there is told the answer', async () => {
  const [left, right] = await Promise.all([pair(), pair()])
  left.near.end('early')
  await sleep(50)
  const totals = pumpTunnel(left.far, right.near, { idle: 5000, signal: new AbortController().signal })
  const answer = heard(left.near)
  expect(await heard(right.far)).toBe('early')
  right.far.end('late')
  expect(await answer).toBe('late')
  expect(await totals).toMatchObject({ up: 5, down: 4, end: 'clientClosed' })
})

test.each([
  ['client', 'server', 'clientReset'],
  ['server', 'client', 'serverReset'],
] as const)('a reset by the %s reaches the %s as a reset', async (one, other, end) => {
  const world = await tunnel()
  world.client.write('x')
  await once(world.server, 'data')
  const error = once(world[other], 'error')
  world[other].resume()
  world[one].resetAndDestroy()
  expect(await world.totals).toMatchObject({ up: 1, down: 0, end })
  expect(((await error) as unknown as [NodeJS.ErrnoException])[0].code).toBe('ECONNRESET')
  expect(gone(world.inner.client, world.inner.upstream)).toEqual([true, true])
})

test('a tunnel without a byte is ended, one with a byte now and then is not', async () => {
  const quiet = await tunnel({ idle: 100 })
  expect(await quiet.totals).toMatchObject({ up: 0, down: 0, end: 'idle' })
  expect(gone(quiet.inner.client, quiet.inner.upstream)).toEqual([true, true])
  const busy = await tunnel({ idle: 1000 })
  busy.client.resume()
  for (let i = 0; i < 8; i++) {
    await sleep(150)
    busy.server.write('x')
  }
  busy.server.resume()
  busy.server.end()
  await once(busy.client, 'end')
  busy.client.end()
  expect(await busy.totals).toMatchObject({ down: 8, end: 'serverClosed' })
})

test('a tunnel of which one half is closed is ended when the other is silent', async () => {
  const { client, server, totals } = await tunnel({ idle: 100 })
  client.end('x')
  server.resume()
  expect(await totals).toMatchObject({ up: 1, end: 'idle' })
})

test('aborting ends it at once, also before it began', async () => {
  const { client, totals, ending, inner } = await tunnel()
  client.resume()
  const closed = once(client, 'end')
  ending.abort()
  ending.abort()
  expect(await totals).toMatchObject({ end: 'shutdown' })
  await closed
  expect(gone(inner.client, inner.upstream)).toEqual([true, true])
  const [left, right] = await Promise.all([pair(), pair()])
  expect(await pumpTunnel(left.far, right.near, { idle: 1000, signal: AbortSignal.abort() })).toMatchObject({
    up: 0,
    down: 0,
    end: 'shutdown',
  })
  expect(gone(left.far, right.near)).toEqual([true, true])
})

test.each([
  ['client', 'clientReset'],
  ['upstream', 'serverReset'],
] as const)('the %s that is gone before it begins ends it', async (which, end) => {
  const world = await tunnel({
    before: (client, upstream) => (which === 'client' ? client : upstream).destroy(),
  })
  expect(await world.totals).toMatchObject({ up: 0, down: 0, end })
  expect(gone(world.inner.client, world.inner.upstream)).toEqual([true, true])
})

const SIZE = 64 * 1024 * 1024
const CHUNK = 64 * 1024

/** 64 MiB of bytes that differ, made as they are asked for. */
function flood(seed: number): Readable {
  let sent = 0
  return new Readable({
    read() {
      if (sent >= SIZE) {
        this.push(null)
        return
      }
      this.push(Buffer.alloc(CHUNK, `${seed}-${sent / CHUNK};`))
      sent += CHUNK
    },
  })
}

async function digest(socket: Readable, pace: (bytes: number) => Promise<void> | undefined): Promise<string> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of socket) {
    hash.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
    await pace(bytes)
  }
  return hash.digest('hex')
}

test('64 MiB each way past slow readers arrive whole, and hardly any of it waits here', async () => {
  const { client, server, inner, totals } = await tunnel()
  // The way down often ends first; without this Node would then end what the client still writes.
  client.allowHalfOpen = true
  let most = 0
  const watch = setInterval(() => {
    const waiting = [inner.client, inner.upstream].map((one) => one.readableLength + one.writableLength)
    most = Math.max(most, ...waiting)
  }, 1)
  let stops = 0
  // Every 4 MiB the reader stops reading for a while.
  const slowly = () => {
    let next = 0
    return (bytes: number) => {
      if (bytes < next) return undefined
      next += 4 * 1024 * 1024
      stops += 1
      return sleep(20)
    }
  }
  const arrivals = [digest(server, slowly()), digest(client, slowly())]
  flood(1).pipe(client)
  flood(2).pipe(server)
  expect(await Promise.all(arrivals)).toEqual(
    await Promise.all([digest(flood(1), () => undefined), digest(flood(2), () => undefined)]),
  )
  expect(await totals).toMatchObject({ up: SIZE, down: SIZE })
  clearInterval(watch)
  expect(stops).toBeGreaterThanOrEqual(30)
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThan(1024 * 1024)
})

test('a reader that never reads holds the writer back: next to nothing is taken from it', async () => {
  const { client, server, inner, totals, ending } = await tunnel()
  server.pause()
  flood(3).pipe(client)
  let before = -1
  for (let same = 0; same < 5; ) {
    await sleep(20)
    same = inner.client.bytesRead === before ? same + 1 : 0
    before = inner.client.bytesRead
  }
  expect(inner.client.bytesRead).toBeGreaterThan(CHUNK)
  // What is not in the kernel's buffers is in one chunk and the stream's own buffer.
  expect(inner.upstream.writableLength).toBeLessThan(4 * CHUNK)
  expect(inner.client.bytesRead).toBeLessThan(SIZE / 2)
  ending.abort()
  expect((await totals).up).toBeLessThan(SIZE / 2)
})

test('a client over TLS is carried all the same, half-close and all', async () => {
  const root = makeRoot()
  const certificate = makeServerCertificate({ names: ['localhost'], issuer: root })
  const door = createTlsServer({ key: certificate.keyPem, cert: certificate.pem })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  closing.push(() => door.close())
  const accepted = once(door, 'secureConnection')
  const { port } = door.address() as AddressInfo
  const client = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: root.pem,
  })
  client.allowHalfOpen = true
  const [inner] = (await accepted) as [Socket]
  const right = await pair()
  const totals = pumpTunnel(inner, right.near, { idle: 5000, signal: new AbortController().signal })
  const answer = heard(client)
  client.end('question')
  expect(await heard(right.far)).toBe('question')
  right.far.end('answer')
  expect(await answer).toBe('answer')
  expect(await totals).toMatchObject({ up: 8, down: 6, end: 'clientClosed' })
})

test('500 tunnels that end in every way at once leave no socket and no rejection', async () => {
  const ends = new Map<string, number>()
  for (let batch = 0; batch < 10; batch += 1) {
    const worlds = await Promise.all(Array.from({ length: 50 }, () => tunnel()))
    const totals = worlds.map(async ({ client, server, ending, totals }, i) => {
      client.resume()
      server.resume()
      client.write('x'.repeat(1000 * i))
      server.write('y'.repeat(1000 * i))
      if (i % 5 === 0) client.resetAndDestroy()
      else if (i % 5 === 1) server.resetAndDestroy()
      else if (i % 5 === 2) ending.abort()
      else if (i % 5 === 3) client.end()
      else server.destroy()
      if (i % 5 === 3) server.end()
      return totals
    })
    for (const { end } of await Promise.all(totals)) ends.set(end, (ends.get(end) ?? 0) + 1)
    for (const { inner } of worlds) expect(gone(inner.client, inner.upstream)).toEqual([true, true])
  }
  expect([...ends.values()].reduce((sum, count) => sum + count, 0)).toBe(500)
})
