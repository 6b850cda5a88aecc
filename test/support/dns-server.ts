import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export interface DnsAnswer {
  /** Addresses of either family; those of the family asked for are given. */
  readonly addresses?: readonly string[]
  /** The name is an alias of this one, and the addresses are its. */
  readonly alias?: string
  /** RFC 1035 §4.1.1: 2 is SERVFAIL, 3 is NXDOMAIN. */
  readonly code?: number
}

export interface DnsServer {
  /** `127.0.0.1:port`. */
  readonly address: string
  readonly questions: { readonly name: string; readonly type: 'A' | 'AAAA' | 'other' }[]
  close(): Promise<void>
}

/** A DNS server over UDP that answers what it is told, never the same for longer than a moment (TTL 0); null is silence. */
export async function startDnsServer(answer: (name: string) => DnsAnswer | null): Promise<DnsServer> {
  const questions: DnsServer['questions'] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, peer) => {
    const { name, end, type } = readQuestion(query)
    questions.push({ name, type: type === 1 ? 'A' : type === 28 ? 'AAAA' : 'other' })
    const told = answer(name)
    if (told === null) return
    socket.send(writeAnswer(query, end, name, type, told), peer.port, peer.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

function readQuestion(query: Buffer): { name: string; end: number; type: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at]!; length !== 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 5, type: query.readUInt16BE(at + 1) }
}

function writeAnswer(query: Buffer, end: number, name: string, type: number, told: DnsAnswer): Buffer {
  const { addresses = [], alias, code = 0 } = told
  const family = type === 1 ? 4 : type === 28 ? 6 : 0
  const owner = alias ?? name
  const records = [
    ...(alias === undefined ? [] : [record(name, 5, encodeName(alias))]),
    ...addresses
      .filter((address) => isIP(address) === family)
      .map((address) => record(owner, type, Buffer.from(ipaddr.parse(address).toByteArray()))),
  ]
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(0x8180 | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, query.subarray(12, end), ...records])
}

function record(owner: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([encodeName(owner), fixed, data])
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')]))
  return Buffer.concat([...labels, Buffer.from([0])])
}
