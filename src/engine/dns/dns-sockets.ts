/** The sockets of the responder: UDP and TCP (RFC 7766) on one port. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net'
import { isLoopback, sourcePrefix } from './source-prefix.ts'

/** Null is silence. */
export type AnswerMessage = (message: Buffer, address: string, overTcp: boolean) => Buffer | null

export interface DnsSockets {
  readonly port: number
  close(): Promise<void>
}

const CONNECTIONS = 200
const CONNECTIONS_OF_ONE = 20
/** ms without a whole question. */
const IDLE = 10_000
const QUESTIONS = 100
const LONGEST_QUESTION = 1024
/** Bytes that wait for somebody who does not read. */
const UNREAD = 128 * 1024
/** Between finding a free TCP port and taking the UDP port of that number, somebody else may. */
const ATTEMPTS = 5

/** `report`: told of faults of the sockets themselves. Rejects with what listening throws. */
export async function openDnsSockets(
  { address, port }: { readonly address: string; readonly port: number },
  answer: AnswerMessage,
  report: (error: Error) => void,
): Promise<DnsSockets> {
  for (let attempt = 1; ; attempt++) {
    const tcp = await listenTcp(address, port, answer, report)
    const number = (tcp.server.address() as AddressInfo).port
    try {
      const udp = await listenUdp(address, number, answer, report)
      return {
        port: number,
        async close() {
          await Promise.all([closeUdp(udp), tcp.close()])
        },
      }
    } catch (error) {
      await tcp.close()
      if (port !== 0 || attempt === ATTEMPTS) throw error
    }
  }
}

async function listenUdp(
  address: string,
  port: number,
  answer: AnswerMessage,
  report: (error: Error) => void,
): Promise<UdpSocket> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  socket.on('message', (message: Buffer, peer: RemoteInfo) => {
    // Nobody asks from port 0, and nothing can be sent there.
    if (peer.port === 0) return
    const reply = answer(message, peer.address, false)
    // What cannot be sent is lost, as any packet may be.
    if (reply !== null) socket.send(reply, peer.port, peer.address, () => {})
  })
  socket.bind(port, address)
  await once(socket, 'listening')
  socket.on('error', report)
  return socket
}

async function closeUdp(socket: UdpSocket): Promise<void> {
  const closed = once(socket, 'close')
  socket.close()
  await closed
}

async function listenTcp(
  address: string,
  port: number,
  answer: AnswerMessage,
  report: (error: Error) => void,
): Promise<{ readonly server: Server; close(): Promise<void> }> {
  const open = new Map<Socket, string>()
  const server = createServer((socket) => {
    const peer = socket.remoteAddress
    if (peer === undefined) {
      socket.destroy()
      return
    }
    const prefix = sourcePrefix(peer)
    const others = [...open.values()].filter((one) => one === prefix).length
    if (others >= CONNECTIONS_OF_ONE && !isLoopback(peer)) {
      socket.destroy()
      return
    }
    open.set(socket, prefix)
    socket.on('close', () => open.delete(socket))
    serve(socket, peer, answer)
  })
  server.maxConnections = CONNECTIONS
  server.listen(port, address)
  await once(server, 'listening')
  server.on('error', report)
  return {
    server,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open.keys()) socket.destroy()
      await closed
    },
  }
}

/** RFC 7766 §6.2.1: several questions on one connection, one after the other. */
function serve(socket: Socket, peer: string, answer: AnswerMessage): void {
  let bytes: Buffer = Buffer.alloc(0)
  let questions = 0
  const idle = setTimeout(() => socket.destroy(), IDLE)
  socket.on('close', () => clearTimeout(idle))
  socket.on('error', () => socket.destroy())
  socket.on('data', (part: Buffer) => {
    bytes = bytes.length === 0 ? part : Buffer.concat([bytes, part])
    while (bytes.length >= 2) {
      const length = bytes.readUInt16BE(0)
      if (length > LONGEST_QUESTION) {
        socket.destroy()
        return
      }
      if (bytes.length < 2 + length) return
      const reply = answer(bytes.subarray(2, 2 + length), peer, true)
      bytes = bytes.subarray(2 + length)
      questions += 1
      if (reply === null || questions > QUESTIONS || socket.writableLength > UNREAD) {
        socket.destroy()
        return
      }
      const prefix = Buffer.alloc(2)
      prefix.writeUInt16BE(reply.length)
      socket.write(Buffer.concat([prefix, reply]))
      idle.refresh()
    }
  })
}
