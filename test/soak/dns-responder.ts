import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { DnsOutcome } from '../../src/engine/dns/name-service.ts'
import { openDnsResponder } from '../../src/engine/dns/open-dns-responder.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { faultOf, fuzzedMessage } from '../support/dns-fuzz.ts'
import { questionOf, textsOf } from '../support/dns-question.ts'
import { MemoryEngineStore } from '../support/engine/memory-engine-store.ts'
import { random, type Soak, type SoakOptions, type SoakReport } from './soak.ts'

const ZONE = 'acme-dns.example.net'
const TXT = 16
/** Messages under way at once: as many as a socket's buffer surely holds. */
const BATCH = 64
/** Of a hundred, over TCP. */
const TCP_SHARE = 1
const SECONDS_OF_FLOOD = 3

export const dnsResponder: Soak = {
  proves: 'damaged messages and floods harm neither the DNS responder nor, through it, others (threats N13)',
  unit: 'damaged messages',
  size: 1_000_000,
  run: runDnsResponder,
}

/** Over real sockets. The responder lives in this process, so that whatever it throws ends the run. */
export async function runDnsResponder({ size, seed, progress }: SoakOptions): Promise<SoakReport> {
  const next = random(seed)
  const failures: string[] = []
  const outcomes = new Map<DnsOutcome, number>()
  const fail = (fault: string) => failures.length < 20 && failures.push(fault)
  const config = {
    address: '127.0.0.1',
    port: 0,
    zone: ZONE,
    nameserver: `ns.${ZONE}`,
    addresses: ['192.0.2.53'],
  }
  let isExempt = true
  const responder = await openDnsResponder(config, {
    store: new MemoryEngineStore(),
    clock: systemClock(),
    tls: null,
    observe: {
      query: (outcome) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1),
      apiCall: () => {},
      fault: (error) => fail(`fault: ${error}`),
    },
    isExempt: () => isExempt,
  })
  const { registration } = await responder.registrations.register([])
  await responder.registrations.set(registration.subdomain, 'A'.repeat(43))
  const name = `${registration.subdomain}.${ZONE}`
  const client = createSocket('udp4')
  client.bind(0, '127.0.0.1')
  await once(client, 'listening')
  const names = [ZONE, name, `ns.${ZONE}`, `nobody.${ZONE}`, 'example.com', '']
  const control = questionOf(name, TXT)
  const figures: Record<string, number> = { seed }
  let [udp, tcp, answers] = [0, 0, 0]
  try {
    for (let done = 0; done < size; ) {
      const batch = Array.from({ length: Math.min(BATCH, size - done) }, () => fuzzedMessage(next, names))
      const overTcp = batch.filter(() => next() * 100 < TCP_SHARE)
      const overUdp = batch.filter((message) => !overTcp.includes(message))
      const replies = await exchange(client, responder.port, overUdp, control)
      if (replies === null) {
        fail(`no answer to a good question after ${done} messages`)
        break
      }
      for (const reply of replies) {
        answers += 1
        // Ids repeat within a batch: the answer must be a good one to some message of it.
        const faults = overUdp.map((message) => faultOf(message, reply, message.length * 3))
        if (faults.every((fault) => fault !== null)) fail(`${faults[0]}: ${reply.toString('hex')}`)
      }
      for (const message of overTcp) await throughTcp(responder.port, message, next)
      udp += overUdp.length
      tcp += overTcp.length
      done += batch.length
      if (done % (BATCH * 1000) === 0) progress(`${done} messages, ${answers} answers`)
    }
    if (failures.length === 0) {
      const texts = textsOf(await askTcp(responder.port, control))
      if (texts.join() !== 'A'.repeat(43)) fail(`over TCP in the end: ${texts}`)
    }
    isExempt = false
    const flood = await floodWith(client, responder.port, control)
    if (flood.most > 5) fail(`${flood.most} answers in one second`)
    if (flood.bytesOut > flood.bytesIn) fail(`${flood.bytesOut} bytes out for ${flood.bytesIn} in`)
    Object.assign(figures, {
      'messages over UDP': udp,
      'messages over TCP': tcp,
      answers,
      'flood, questions': flood.sent,
      'flood, most answers in a second': flood.most,
      'flood, bytes out per byte in': Number((flood.bytesOut / flood.bytesIn).toFixed(3)),
      ...Object.fromEntries([...outcomes].map(([outcome, count]) => [`outcome ${outcome}`, count])),
    })
  } finally {
    client.close()
    await responder.close()
  }
  return { figures, failures, late: [] }
}

/** What comes back until the answer to the last, good question. Null without one within 10 s. */
async function exchange(
  client: Socket,
  port: number,
  messages: readonly Buffer[],
  control: Buffer,
): Promise<readonly Buffer[] | null> {
  const replies: Buffer[] = []
  const last = Buffer.from(control)
  last.writeUInt16BE(0xfeed, 0)
  let receive = (_reply: Buffer) => {}
  const ended = new Promise<boolean>((resolve) => {
    const late = setTimeout(() => resolve(false), 10_000)
    receive = (reply) => {
      if (reply.length >= 12 && reply.readUInt16BE(0) === 0xfeed) {
        clearTimeout(late)
        resolve(true)
      } else replies.push(reply)
    }
  })
  client.on('message', receive)
  for (const message of [...messages, last]) client.send(message, port, '127.0.0.1')
  const isAnswered = await ended
  client.off('message', receive)
  return isAnswered ? replies : null
}

/** Sends it with a length, right or wrong, in two parts, and hangs up once the other side has. */
async function throughTcp(port: number, message: Buffer, next: () => number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(next() < 0.8 ? message.length : Math.floor(next() * 65_536))
  const cut = Math.floor(next() * message.length)
  socket.write(Buffer.concat([length, message.subarray(0, cut)]))
  socket.end(message.subarray(cut))
  socket.resume()
  await closed
}

async function askTcp(port: number, message: Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  socket.write(Buffer.concat([length, message]))
  const parts: Buffer[] = []
  for await (const part of socket) {
    parts.push(part as Buffer)
    const bytes = Buffer.concat(parts)
    if (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) return bytes.subarray(2)
  }
  throw new Error('no answer over TCP')
}

/** About 10,000 questions a second from one network. Answers with data are counted by their second. */
async function floodWith(client: Socket, port: number, message: Buffer) {
  const times: number[] = []
  let bytesOut = 0
  const receive = (reply: Buffer) => {
    bytesOut += reply.length
    if (reply.readUInt16BE(6) > 0) times.push(performance.now())
  }
  client.on('message', receive)
  const began = performance.now()
  let sent = 0
  while (performance.now() - began < SECONDS_OF_FLOOD * 1000) {
    const due = ((performance.now() - began) / 1000) * 10_000
    for (; sent < due; sent++) client.send(message, port, '127.0.0.1')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await new Promise((resolve) => setTimeout(resolve, 200))
  client.off('message', receive)
  // Answers are counted when they arrive; what held them up on the way is left a tenth of a second.
  const most = Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 900).length))
  return { sent, most, bytesIn: sent * message.length, bytesOut }
}
