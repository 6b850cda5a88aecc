import { createSocket } from 'node:dgram'
import { connect, isIP } from 'node:net'
import { stopped } from '../../abortable.ts'

/** Whether these bytes answer the request; what does not is passed over over UDP, where anybody can send. */
export type Fits = (message: Buffer) => boolean

/** RFC 1035 §4.2.1. */
const MOST_UDP = 512
const UDP_PATIENCE = 2_000
const TRUNCATED = 0x0200

/**
 * Sends a message to one address and resolves with its answer: over UDP where it fits, over TCP where it does not, where
 * UDP is not answered, or the answer is cut. Rejects with EngineError (`aborted`) or an Error that says what happened.
 */
export async function converse(
  place: { readonly address: string; readonly port: number },
  message: Buffer,
  fits: Fits,
  { timeout, signal }: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<Buffer> {
  const until = performance.now() + timeout
  if (message.length <= MOST_UDP) {
    const answer = await overUdp(place, message, fits, Math.min(UDP_PATIENCE, timeout), signal)
    if (answer !== null && (answer.readUInt16BE(2) & TRUNCATED) === 0) return answer
  }
  return overTcp(place, message, fits, Math.max(1, until - performance.now()), signal)
}

interface Place {
  readonly address: string
  readonly port: number
}

/** Null where nobody answers, or the port is closed. */
function overUdp(
  { address, port }: Place,
  message: Buffer,
  fits: Fits,
  patience: number,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4')
  return within<Buffer | null>(patience, signal, null, (resolve) => {
    socket.on('error', () => resolve(null))
    socket.on('message', (answer) => {
      if (fits(answer)) resolve(answer)
    })
    socket.connect(port, address, () => socket.send(message))
  }).finally(() => socket.close())
}

function overTcp(
  { address, port }: Place,
  message: Buffer,
  fits: Fits,
  patience: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const socket = connect({ host: address, port })
  const silence = new Error('no answer, over UDP or TCP')
  return within<Buffer>(patience, signal, silence, (resolve, reject) => {
    let bytes = Buffer.alloc(0)
    socket.on('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`TCP: ${error.code ?? error.message}`)),
    )
    socket.on('close', () => reject(new Error('the connection was closed without an answer')))
    socket.on('connect', () => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(message.length)
      socket.write(Buffer.concat([length, message]))
    })
    socket.on('data', (part: Buffer) => {
      bytes = Buffer.concat([bytes, part])
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return
      const answer = bytes.subarray(2, 2 + bytes.readUInt16BE(0))
      if (fits(answer)) resolve(answer)
      else reject(new Error('it answers something else'))
    })
  }).finally(() => socket.destroy())
}

/** `late`: what it comes to when the time is over; thrown where it is an Error. */
function within<T>(
  patience: number,
  signal: AbortSignal,
  late: T | Error,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => settle(() => reject(stopped()))
    const timer = setTimeout(
      () => settle(() => (late instanceof Error ? reject(late) : resolve(late))),
      patience,
    )
    const settle = (how: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      how()
    }
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) return abort()
    start(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    )
  })
}
