/** The responder as others meet it: over its sockets, asked by dig where that is installed. */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { DnsOutcome } from '../../../src/engine/dns/name-service.ts'
import { type DnsResponder, openDnsResponder } from '../../../src/engine/dns/open-dns-responder.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import { findProgram } from '../../support/child-process.ts'
import { questionOf, textsOf } from '../../support/dns-question.ts'
import { MemoryEngineStore } from '../../support/engine/memory-engine-store.ts'
import { SETTINGS } from './fixtures.ts'

const { zone, nameserver, addresses } = SETTINGS
const TXT = 16
const VALUE = 'A'.repeat(43)

async function open(over: { address?: string; port?: number } = {}) {
  const outcomes: DnsOutcome[] = []
  const config = { address: '127.0.0.1', port: 0, zone, nameserver, addresses: [...addresses], ...over }
  const responder = await openDnsResponder(config, {
    store: new MemoryEngineStore(),
    clock: systemClock(),
    tls: null,
    observe: {
      query: (outcome) => outcomes.push(outcome),
      apiCall: () => {},
      fault(error) {
        throw error
      },
    },
  })
  let closed = false
  const close = async () => {
    if (!closed) await responder.close()
    closed = true
  }
  onTestFinished(close)
  await responder.publisher.add({ name: `www.${zone}`, value: VALUE, ttl: 60 }, AbortSignal.timeout(1000))
  return { responder, outcomes, close }
}

async function askUdp(port: number, message: Buffer, address = '127.0.0.1'): Promise<Buffer> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.send(message, port, address)
  const [reply] = (await once(socket, 'message')) as [Buffer]
  socket.close()
  return reply
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

const question = questionOf(`www.${zone}`, TXT)

test('UDP and TCP on one port; what is not there any more is not told', async () => {
  const { responder, outcomes } = await open()
  expect(textsOf(await askUdp(responder.port, question))).toEqual([VALUE])
  const socket = connect(responder.port, '127.0.0.1')
  // Two questions on one connection, the first of them byte by byte.
  const both = framed(question)
  for (const byte of both) {
    socket.write(Buffer.from([byte]))
    await sleep(0)
  }
  socket.write(framed(questionOf(`www.${zone}`, TXT, { id: 7 })))
  let bytes = Buffer.alloc(0)
  while (bytes.length < 2 || bytes.length < 2 * (2 + bytes.readUInt16BE(0)))
    bytes = Buffer.concat([bytes, (await once(socket, 'data'))[0] as Buffer])
  const length = bytes.readUInt16BE(0)
  expect(textsOf(bytes.subarray(2, 2 + length))).toEqual([VALUE])
  expect(bytes.readUInt16BE(4 + length)).toBe(7)
  socket.destroy()
  await responder.publisher.remove({ name: `www.${zone}`, value: VALUE, ttl: 60 }, AbortSignal.timeout(1000))
  await askUdp(responder.port, question)
  expect(outcomes).toEqual(['noerror', 'noerror', 'noerror', 'nxdomain'])
})

test('over IPv6', async () => {
  const { responder } = await open({ address: '::1' })
  expect(textsOf(await askUdp(responder.port, question, '::1'))).toEqual([VALUE])
})

test('a connection that sends too much at once is ended, as is one that asks without end', async () => {
  const { responder } = await open()
  const long = connect(responder.port, '127.0.0.1')
  long.on('error', () => {})
  long.write(Buffer.from([0xff, 0xff]))
  long.resume()
  await once(long, 'close')
  const endless = connect(responder.port, '127.0.0.1')
  endless.on('error', () => {})
  let received = 0
  endless.on('data', (part: Buffer) => {
    received += part.length
  })
  for (let index = 0; index < 200; index++) endless.write(framed(question))
  await once(endless, 'close')
  expect(received).toBeLessThanOrEqual(100 * (2 + (await askUdp(responder.port, question)).length))
})

test('closing ends open connections and frees the port; a port that is taken is told', async () => {
  const { responder, close } = await open()
  const idle = connect(responder.port, '127.0.0.1')
  await once(idle, 'connect')
  await expect(open({ port: responder.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  const ended = once(idle, 'close')
  await close()
  await ended
  const again = await open({ port: responder.port })
  expect(textsOf(await askUdp(again.responder.port, question))).toEqual([VALUE])
})

const dig = findProgram('dig')

describe.skipIf(dig === null)('asked by dig', () => {
  let responder: DnsResponder
  beforeAll(async () => {
    const config = { address: '127.0.0.1', port: 0, zone, nameserver, addresses: [...addresses] }
    responder = await openDnsResponder(config, {
      store: new MemoryEngineStore(),
      clock: systemClock(),
      tls: null,
      observe: { query: () => {}, apiCall: () => {}, fault: () => {} },
    })
    const { signal } = new AbortController()
    for (const value of ['one', 'two']) await responder.publisher.add({ name: zone, value, ttl: 60 }, signal)
    for (let index = 0; index < 60; index++)
      await responder.publisher.add(
        { name: `many.${zone}`, value: String(index).padStart(43, '0'), ttl: 60 },
        signal,
      )
    return () => responder.close()
  })

  const ask = async (...args: string[]) => {
    const at = ['@127.0.0.1', '-p', String(responder.port), '+tries=1', '+time=5']
    const { stdout } = await promisify(execFile)(dig ?? '', [...at, ...args])
    return stdout
  }

  test('without a warning, with a cookie that is good the second time', async () => {
    const told = await ask(zone, 'TXT', '+norecurse')
    expect(told).toMatch(/status: NOERROR/)
    expect(told).toMatch(/flags: qr aa;/)
    expect(told).toMatch(/ANSWER: 2, AUTHORITY: 0/)
    expect(told).toMatch(/IN\s+TXT\s+"one"/)
    expect(told).not.toMatch(/WARNING|malformed|extra bytes/i)
    expect(told).toMatch(/COOKIE: [0-9a-f]{48} \(good\)/)
  })

  test('what was cut over UDP is fetched over TCP', async () => {
    const told = await ask(`many.${zone}`, 'TXT', '+norecurse')
    expect(told).toMatch(/Truncated, retrying in TCP mode/)
    expect(told).toMatch(/ANSWER: 60/)
  })

  test.each([
    [['nobody', 'A'], /status: NXDOMAIN[\s\S]*IN\s+SOA\s+ns\.acme-dns\.example\.net\./],
    [['', 'ANY'], /HINFO\s+"RFC8482" ""/],
    [['', 'ANY', '+tcp'], /HINFO\s+"RFC8482" ""/],
    [['', 'AXFR'], /Transfer failed/],
    [['', 'SOA', '+edns=1', '+noednsneg'], /status: BADVERS/],
    [['', 'TXT', '-c', 'CH'], /status: REFUSED/],
    [['', 'SOA', '+opcode=STATUS'], /status: NOTIMP/],
    [['', 'DNSKEY', '+dnssec'], /status: NOERROR[\s\S]*ANSWER: 0, AUTHORITY: 1/],
    [['', 'SOA', '+noedns'], /status: NOERROR/],
  ])('%j', async ([name = '', ...args], expected) => {
    const told = await ask(name === '' ? zone : `${name}.${zone}`, ...args)
    expect(told).toMatch(expected)
    expect(told).not.toMatch(/malformed|extra bytes/i)
  })
})
