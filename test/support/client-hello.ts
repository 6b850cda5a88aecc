/** A real ClientHello as bytes (RFC 8446 §4.1.2), and others made from it. */
import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { connect } from 'node:tls'

const RECORD_HEADER = 5
const HANDSHAKE_HEADER = 4
const SERVER_NAME = 0

/** The first flight of Node's own client, with this server name. */
export async function captureClientHello(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1')
  const client = connect({ socket, servername, ALPNProtocols: ['http/1.1'], rejectUnauthorized: true })
  for (const each of [socket, client]) each.on('error', () => undefined)
  const [arrived] = (await accepted) as [import('node:net').Socket]
  let bytes = Buffer.alloc(0)
  for await (const chunk of arrived) {
    bytes = Buffer.concat([bytes, chunk as Buffer])
    if (bytes.length >= RECORD_HEADER + bytes.readUInt16BE(3)) break
  }
  client.destroy()
  socket.destroy()
  server.close()
  return bytes
}

/** The same hello with another server name, whatever its bytes; null leaves the extension out. */
export function withServerName(hello: Buffer, name: Buffer | null): Buffer {
  const { fixed, extensions } = read(hello)
  const others = extensions.filter(({ type }) => type !== SERVER_NAME)
  const named =
    name === null
      ? others
      : [{ type: SERVER_NAME, data: vector(Buffer.concat([Buffer.of(0), vector(name)])) }, ...others]
  return write(fixed, named)
}

/** The same hello in records of `size` bytes (RFC 8446 §5.1 lets a message span records). */
export function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(RECORD_HEADER)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size)
    records.push(Buffer.of(0x16, 3, 1, part.length >> 8, part.length & 255), part)
  }
  return Buffer.concat(records)
}

interface Extension {
  readonly type: number
  readonly data: Buffer
}

function read(hello: Buffer): { fixed: Buffer; extensions: Extension[] } {
  const start = RECORD_HEADER + HANDSHAKE_HEADER
  let at = start + 2 + 32
  at += 1 + hello[at]!
  at += 2 + hello.readUInt16BE(at)
  at += 1 + hello[at]!
  const fixed = hello.subarray(start, at)
  const end = at + 2 + hello.readUInt16BE(at)
  const extensions: Extension[] = []
  for (at += 2; at < end; ) {
    const size = hello.readUInt16BE(at + 2)
    extensions.push({ type: hello.readUInt16BE(at), data: hello.subarray(at + 4, at + 4 + size) })
    at += 4 + size
  }
  return { fixed, extensions }
}

function write(fixed: Buffer, extensions: readonly Extension[]): Buffer {
  const written = extensions.map(({ type, data }) =>
    Buffer.concat([Buffer.of(type >> 8, type & 255), vector(data)]),
  )
  const body = Buffer.concat([fixed, vector(Buffer.concat(written))])
  const message = Buffer.concat([Buffer.of(1, 0, body.length >> 8, body.length & 255), body])
  return Buffer.concat([Buffer.of(0x16, 3, 1), vector(message)])
}

/** With its length in two bytes before it. */
function vector(data: Buffer): Buffer {
  return Buffer.concat([Buffer.of(data.length >> 8, data.length & 255), data])
}
