/**
 * src/ca/dns asks DNS servers and shows what they say, faults included: a library that hides which
 * server failed how is of no use to a doctor. It knows no ACME. Start with `ask.ts`.
 *
 * RFC 1035 §4.2, RFC 6891 (EDNS), RFC 7766 (TCP).
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIP } from 'node:net'
import { CHECKING_DISABLED, encode, RECURSION_DESIRED } from 'dns-packet'
import { type AskedType, type DnsReply, isAskable, readReply } from './reply.ts'

export interface DnsPlace {
  readonly address: string
  readonly port: number
  /** Local address of the same family to ask from; left out: the system's choice. */
  readonly from?: string
}

export interface Question {
  readonly name: string
  readonly type: AskedType
  /** False towards authoritative servers. */
  readonly recursion: boolean
  /** The resolver shall answer what it could not validate, too (RFC 4035 §3.2.2). */
  readonly unvalidated?: boolean
}

/** No answer came, or none that can be used. */
export class DnsFailure extends Error {
  readonly reason: 'timeout' | 'refused' | 'unreachable' | 'malformed' | 'tcp'
  constructor(reason: DnsFailure['reason'], message: string) {
    super(message)
    this.name = 'DnsFailure'
    this.reason = reason
  }
}

/** What fits through every path without fragments (RFC 9715 §3). */
const PAYLOAD = 1232
const ATTEMPTS = 2

/** Asks one server over UDP, twice, and over TCP where the answer did not fit. `patience` is ms per attempt. */
export async function askServer(
  server: DnsPlace,
  question: Question,
  patience: number,
  signal: AbortSignal,
): Promise<DnsReply> {
  if (!isAskable(question.name))
    throw new DnsFailure('malformed', `${question.name.slice(0, 100)} cannot be asked for`)
  for (let attempt = 1; ; attempt++) {
    try {
      const reply = await overUdp(server, question, patience, signal)
      return reply.truncated ? await overTcp(server, question, patience, signal) : reply
    } catch (error) {
      const again = error instanceof DnsFailure && error.reason === 'timeout' && attempt < ATTEMPTS
      if (!again || signal.aborted) throw error
    }
  }
}

function write(id: number, { name, type, recursion, unvalidated = false }: Question): Buffer {
  return encode({
    type: 'query',
    id,
    flags: (recursion ? RECURSION_DESIRED : 0) | (unvalidated ? CHECKING_DISABLED : 0),
    questions: [{ type, name }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: PAYLOAD,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0x8000,
        flag_do: true,
        options: [],
      },
    ],
  })
}

function overUdp(
  server: DnsPlace,
  question: Question,
  patience: number,
  signal: AbortSignal,
): Promise<DnsReply> {
  const id = randomInt(65536)
  const socket = createSocket(isIP(server.address) === 6 ? 'udp6' : 'udp4')
  return bounded(
    server,
    patience,
    signal,
    () => socket.close(),
    (resolve, reject) => {
      socket.on('error', (error: NodeJS.ErrnoException) => reject(networkFailure(server, error)))
      socket.on('message', (message) => {
        // Whoever knows the address can send to it: what does not fit the question is passed over.
        try {
          resolve(readReply(message, id, question.name, question.type, false))
        } catch (error) {
          if (message.length >= 2 && message.readUInt16BE(0) === id)
            reject(new DnsFailure('malformed', `${at(server)} answers nonsense: ${(error as Error).message}`))
        }
      })
      // Without a callback of its own `connect` tells a fault (no route, say) as an error, and not as a connection.
      socket.on('connect', () => socket.send(write(id, question)))
      const ask = () => socket.connect(server.port, server.address)
      if (server.from === undefined) ask()
      else socket.bind({ address: server.from, port: 0 }, ask)
    },
  )
}

function overTcp(
  server: DnsPlace,
  question: Question,
  patience: number,
  signal: AbortSignal,
): Promise<DnsReply> {
  const id = randomInt(65536)
  const socket = connect({
    host: server.address,
    port: server.port,
    ...(server.from === undefined ? {} : { localAddress: server.from }),
  })
  return bounded(
    server,
    patience,
    signal,
    () => socket.destroy(),
    (resolve, reject) => {
      let bytes = Buffer.alloc(0)
      const fail = (says: string) =>
        reject(new DnsFailure('tcp', `${at(server)} has more to say than UDP takes, and over TCP ${says}`))
      socket.on('error', ({ code = '', message }: NodeJS.ErrnoException) => fail(`fails: ${code || message}`))
      socket.on('close', () => fail('closes the connection'))
      socket.on('connect', () => {
        const message = write(id, question)
        const length = Buffer.alloc(2)
        length.writeUInt16BE(message.length)
        socket.write(Buffer.concat([length, message]))
      })
      socket.on('data', (part: Buffer) => {
        bytes = Buffer.concat([bytes, part])
        if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return
        try {
          resolve(
            readReply(bytes.subarray(2, 2 + bytes.readUInt16BE(0)), id, question.name, question.type, true),
          )
        } catch (error) {
          reject(new DnsFailure('malformed', `${at(server)} answers nonsense: ${(error as Error).message}`))
        }
      })
    },
  )
}

function bounded(
  server: DnsPlace,
  patience: number,
  signal: AbortSignal,
  end: () => void,
  start: (resolve: (reply: DnsReply) => void, reject: (error: unknown) => void) => void,
): Promise<DnsReply> {
  return new Promise<DnsReply>((resolve, reject) => {
    const giveUp = () => reject(new DnsFailure('timeout', `${at(server)} gives no answer`))
    const timer = setTimeout(giveUp, patience)
    signal.addEventListener('abort', giveUp, { once: true })
    const settle =
      <T>(pass: (value: T) => void) =>
      (value: T) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
        pass(value)
      }
    if (signal.aborted) giveUp()
    start(settle(resolve), settle(reject))
  }).finally(end)
}

function networkFailure(server: DnsPlace, { code = '', message }: NodeJS.ErrnoException): DnsFailure {
  if (code === 'ECONNREFUSED') return new DnsFailure('refused', `nothing answers DNS at ${at(server)}`)
  return new DnsFailure('unreachable', `${at(server)} cannot be reached (${code || message})`)
}

/** As people write it: the port where it is not 53. */
export function at({ address, port }: DnsPlace): string {
  if (port === 53) return address
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`
}
