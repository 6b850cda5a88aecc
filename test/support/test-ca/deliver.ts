import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync } from 'node:zlib'
import { type Answer, problem, withField } from './answer.ts'
import type { Behaviour } from './behaviour.ts'

/** Where an answer goes: Node's response for the honest part, the sockets for the rest. */
export interface Recipient {
  readonly response: ServerResponse
  /** The TCP connection under the TLS one. */
  readonly raw: Socket
}

const MALFORMED = Buffer.from('{"status":"valid","authorizations":[')
const CODERS = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync }

/** The answer of a behaviour that leaves the ACME operation out; null where the operation must run. */
export function unprocessedAnswer(behaviour: Behaviour): Answer | null {
  if (behaviour.kind === 'problem') {
    const answer = problem(behaviour.type, behaviour.detail ?? 'told to say so', { status: behaviour.status })
    return behaviour.retryAfter === undefined
      ? answer
      : withField(answer, 'Retry-After', retryAfter(behaviour.retryAfter))
  }
  if (behaviour.kind === 'answer') {
    const body = Buffer.from(behaviour.body ?? '')
    return { status: behaviour.status, fields: behaviour.fields ?? [], body }
  }
  return null
}

/** What a behaviour makes of an honest answer's content. */
export async function distort(answer: Answer, behaviour: Behaviour): Promise<Answer> {
  switch (behaviour.kind) {
    case 'rewrite':
      return behaviour.change(answer)
    case 'malformed-json':
      return { ...answer, body: MALFORMED }
    case 'content-type':
      return withField(answer, 'Content-Type', behaviour.value)
    case 'huge-body':
      return { ...answer, body: Buffer.alloc(behaviour.bytes, 'x') }
    case 'encoded':
      return withField(
        { ...answer, body: CODERS[behaviour.coding](answer.body) },
        'Content-Encoding',
        behaviour.coding,
      )
    case 'gzip-bomb':
      return withField({ ...answer, body: await zeros(behaviour.bytes) }, 'Content-Encoding', 'gzip')
    case 'nonce':
      return withField(answer, 'Replay-Nonce', behaviour.value)
    case 'field':
      return withField(answer, behaviour.name, behaviour.value)
    case 'repeated-links': {
      const link =
        answer.fields.find(([name]) => name === 'Link') ??
        (['Link', '<https://ca.test/>;rel="index"'] as const)
      return { ...answer, fields: [...answer.fields, ...Array.from({ length: behaviour.count }, () => link)] }
    }
    case 'retry-after':
      return withField(answer, 'Retry-After', retryAfter(behaviour.value))
    default:
      return answer
  }
}

/** Send it, the way the behaviour says. Resolves when the CA has done its part. */
export async function deliver(to: Recipient, answer: Answer, behaviour: Behaviour | null): Promise<void> {
  const { response, raw } = to
  // Not response.socket: that is null while an earlier answer on the connection has not ended.
  const { socket } = response.req
  switch (behaviour?.kind) {
    case 'hang':
      return
    case 'slow':
      await sleep(behaviour.ms)
      return send(response, answer)
    case 'reset':
      if (behaviour.when === 'mid-body') {
        socket.write(head(answer, [['Content-Length', String(answer.body.length + 100)]]))
        socket.write(answer.body.subarray(0, Math.ceil(answer.body.length / 2)))
        await sleep(20)
      }
      raw.resetAndDestroy()
      return
    case 'drip':
      return drip(response, answer, behaviour.bytes, behaviour.ms)
    case 'interim':
      for (let i = 0; i < behaviour.count && !socket.destroyed; i++) {
        const early = behaviour.status === 103 ? 'Link: </early>;rel=preload\r\n' : ''
        if (!socket.write(`HTTP/1.1 ${behaviour.status} Interim\r\n${early}\r\n`)) await drained(socket)
      }
      return behaviour.ending === 'answer' ? send(response, answer) : undefined
    case 'close-idle':
      send(response, answer)
      await sleep(behaviour.ms)
      socket.destroy()
      return
    case 'wire':
      await behaviour.write(socket as TLSSocket, answer, raw)
      return
    case 'http-1.0':
      socket.end(Buffer.concat([head(answer, [], 'HTTP/1.0'), answer.body]))
      return
    case 'bad-chunking':
      socket.write(head(answer, [['Transfer-Encoding', 'chunked']]))
      socket.write(`4\r\n{"st\r\nnot-a-size\r\n${answer.body.toString('latin1')}\r\n0\r\n\r\n`, 'latin1')
      await sleep(20)
      socket.destroy()
      return
    case 'unsolicited': {
      const length = ['Content-Length', String(answer.body.length)] as const
      const stray = Buffer.from('{"stray":true}')
      const second = head({ status: 200, fields: [], body: stray }, [
        ['Content-Length', String(stray.length)],
      ])
      socket.write(Buffer.concat([head(answer, [length]), answer.body, second, stray]))
      return
    }
    default:
      send(response, answer)
  }
}

function send(response: ServerResponse, answer: Answer): void {
  if (response.req.socket.destroyed) return
  const fields = answer.fields.flat()
  // HEAD has no body to measure; RFC 9110 §8.6 forbids a length with 204.
  const measured = response.req.method === 'HEAD' || answer.status === 204
  response.writeHead(
    answer.status,
    measured ? fields : [...fields, 'Content-Length', String(answer.body.length)],
  )
  response.end(response.req.method === 'HEAD' ? undefined : answer.body)
}

async function drip(response: ServerResponse, answer: Answer, bytes: number, ms: number): Promise<void> {
  response.writeHead(answer.status, [...answer.fields.flat(), 'Content-Length', String(answer.body.length)])
  for (let at = 0; at < answer.body.length && !response.destroyed; at += bytes) {
    await sleep(at === 0 ? 0 : ms)
    response.write(answer.body.subarray(at, at + bytes))
  }
  response.end()
}

function head(answer: Answer, more: Answer['fields'], version = 'HTTP/1.1'): Buffer {
  const lines = [...answer.fields, ...more].map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${version} ${answer.status} Told\r\n${lines.join('')}\r\n`, 'latin1')
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', resolve).once('close', resolve)
  })
}

function retryAfter(value: number | Date): string {
  return value instanceof Date ? value.toUTCString() : String(value)
}

async function zeros(bytes: number): Promise<Buffer> {
  const gzip = createGzip({ level: constants.Z_BEST_COMPRESSION })
  const parts: Buffer[] = []
  gzip.on('data', (part: Buffer) => parts.push(part))
  const block = Buffer.alloc(1 << 20)
  for (let left = bytes; left > 0; left -= block.length) {
    if (!gzip.write(block.subarray(0, Math.min(left, block.length)))) {
      await new Promise((resolve) => gzip.once('drain', resolve))
    }
  }
  await new Promise<void>((resolve) => {
    gzip.once('end', resolve)
    gzip.end()
  })
  return Buffer.concat(parts)
}
