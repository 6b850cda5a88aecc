/** How bytes come: what an HTTP client has to stand, whatever the step. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Answer } from '../../test-ca/answer.ts'
import type { Behaviour } from '../../test-ca/behaviour.ts'
import { always, EVERY_STEP, type EvilBehaviour, type EvilStep, errandOf } from './evil-behaviour.ts'

type Write = (socket: TLSSocket, answer: Answer, raw: Socket) => void | Promise<void>

interface Way {
  readonly name: string
  readonly behaviour: () => Behaviour
  /** By default it fails as `network`. */
  readonly ends?: EvilBehaviour['ends']
  readonly says?: RegExp
  /** It costs a time-out each: not at every step. */
  readonly isSlow?: boolean
}

const NO_ANSWER = /^no answer of the CA "test-ca" to /
const WRONG = /^the CA "test-ca" answered .+ with /

const wire = (write: Write) => (): Behaviour => ({ kind: 'wire', write })

/** Head and body with these lines before, among and after; the connection then ends. */
function whole(lines: string, body?: string | Buffer, status = 'HTTP/1.1 200 OK') {
  return wire((socket, answer) => {
    const content = body === undefined ? answer.body : Buffer.from(body)
    socket.end(Buffer.concat([head(answer, lines, status, content.length), content]))
  })
}

function head(answer: Answer, lines: string, status: string, length: number | null): Buffer {
  const fields = answer.fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const measured = length === null ? '' : `Content-Length: ${length}\r\n`
  return Buffer.from(`${status}\r\n${fields}${measured}${lines}Connection: close\r\n\r\n`, 'latin1')
}

async function endlessly(socket: TLSSocket, chunk: Buffer): Promise<void> {
  while (!socket.destroyed) {
    if (socket.write(chunk)) await sleep(0)
    else await drained(socket)
  }
}

function drained(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}

const BLOCK = Buffer.alloc(64 * 1024, ' ')
let bombs: { readonly gzip: Buffer; readonly br: Buffer; readonly twice: Buffer } | null = null

/** 64 MiB of blanks each, packed once. */
function bomb(coding: 'gzip' | 'br' | 'twice'): Buffer {
  if (bombs === null) {
    const zeros = Buffer.alloc(64 * 1024 * 1024)
    const gzip = gzipSync(zeros)
    bombs = { gzip, br: brotliCompressSync(zeros, { params: { 1: 1 } }), twice: gzipSync(gzip) }
  }
  return bombs[coding]
}

const packed = (coding: 'gzip' | 'br' | 'twice', field: string) =>
  wire((socket, answer) => {
    const body = bomb(coding)
    socket.end(
      Buffer.concat([head(answer, `Content-Encoding: ${field}\r\n`, 'HTTP/1.1 200 OK', body.length), body]),
    )
  })

const cut = (part: (answer: Answer) => Buffer) =>
  wire(async (socket, answer) => {
    socket.end(part(answer))
  })

const WAYS: readonly Way[] = [
  { name: 'never answers', behaviour: () => ({ kind: 'hang' }), says: NO_ANSWER, isSlow: true },
  {
    name: 'drips its header',
    isSlow: true,
    says: NO_ANSWER,
    behaviour: wire(async (socket) => {
      for (let at = 0; !socket.destroyed; at++) {
        socket.write(at === 0 ? 'HTTP/1.1 200 OK\r\nX: ' : 'x')
        await sleep(50)
      }
    }),
  },
  {
    name: 'drips its body',
    isSlow: true,
    says: NO_ANSWER,
    behaviour: wire(async (socket, answer) => {
      socket.write(head(answer, '', 'HTTP/1.1 200 OK', 100_000))
      while (!socket.destroyed) {
        socket.write(' ')
        await sleep(50)
      }
    }),
  },
  {
    name: 'half-opens: a header, and then nothing',
    isSlow: true,
    says: NO_ANSWER,
    behaviour: wire((socket, answer) => void socket.write(head(answer, '', 'HTTP/1.1 200 OK', 100))),
  },
  {
    name: 'streams without an end',
    says: NO_ANSWER,
    behaviour: wire(async (socket, answer) => {
      socket.write(head(answer, '', 'HTTP/1.1 200 OK', 10 * 2 ** 30))
      await endlessly(socket, BLOCK)
    }),
  },
  {
    name: 'streams chunks without an end',
    says: NO_ANSWER,
    behaviour: wire(async (socket, answer) => {
      socket.write(head(answer, 'Transfer-Encoding: chunked\r\n', 'HTTP/1.1 200 OK', null))
      await endlessly(socket, Buffer.concat([Buffer.from('10000\r\n'), BLOCK, Buffer.from('\r\n')]))
    }),
  },
  {
    name: 'sends fields without an end',
    says: NO_ANSWER,
    behaviour: wire(async (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      await endlessly(socket, Buffer.from(`X-Field: ${'x'.repeat(1000)}\r\n`.repeat(20)))
    }),
  },
  { name: 'sends a field of 1 MB', says: NO_ANSWER, behaviour: whole(`X: ${'x'.repeat(1_000_000)}\r\n`) },
  { name: 'sends a gzip bomb', says: WRONG, behaviour: packed('gzip', 'gzip') },
  { name: 'sends a brotli bomb', says: WRONG, behaviour: packed('br', 'br') },
  { name: 'sends a bomb packed twice', says: WRONG, behaviour: packed('twice', 'gzip, gzip') },
  {
    name: 'says it is packed twenty times',
    says: WRONG,
    behaviour: whole(`Content-Encoding: ${Array(20).fill('gzip').join(', ')}\r\n`),
  },
  {
    name: 'says it is packed, and is not',
    says: WRONG,
    behaviour: whole('Content-Encoding: br\r\n', 'plain'),
  },
  { name: 'packs in an unknown way', says: WRONG, behaviour: whole('Content-Encoding: rot13\r\n', 'cynva') },
  {
    name: 'resets before it reads',
    says: NO_ANSWER,
    behaviour: () => ({ kind: 'reset', when: 'before-reading' }),
  },
  {
    name: 'resets after its work',
    says: NO_ANSWER,
    behaviour: () => ({ kind: 'reset', when: 'after-processing' }),
  },
  { name: 'resets in the body', says: NO_ANSWER, behaviour: () => ({ kind: 'reset', when: 'mid-body' }) },
  { name: 'ends without a byte', says: NO_ANSWER, behaviour: cut(() => Buffer.alloc(0)) },
  { name: 'ends in the status line', says: NO_ANSWER, behaviour: cut(() => Buffer.from('HTTP/1.1 20')) },
  {
    name: 'ends after the status line',
    says: NO_ANSWER,
    behaviour: cut(() => Buffer.from('HTTP/1.1 200 OK\r\n')),
  },
  {
    name: 'ends after the header',
    says: NO_ANSWER,
    behaviour: cut((answer) => head(answer, '', 'HTTP/1.1 200 OK', 5000)),
  },
  {
    name: 'ends before the last byte',
    says: NO_ANSWER,
    behaviour: cut((answer) =>
      Buffer.concat([head(answer, '', 'HTTP/1.1 200 OK', answer.body.length + 1), answer.body]),
    ),
  },
  {
    name: 'sends 1,000 times 103',
    says: NO_ANSWER,
    behaviour: () => ({ kind: 'interim', status: 103, count: 1000, ending: 'answer' }),
  },
  {
    name: 'sends 100 without an end',
    says: NO_ANSWER,
    behaviour: wire((socket) => endlessly(socket, Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(50)))),
  },
  {
    name: 'switches protocols',
    says: NO_ANSWER,
    behaviour: whole('Upgrade: h2c\r\n', '', 'HTTP/1.1 101 Switching Protocols'),
  },
  {
    name: 'speaks HTTP/2',
    says: NO_ANSWER,
    behaviour: cut(() => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')),
  },
  { name: 'speaks HTTP/0.9', says: NO_ANSWER, behaviour: cut((answer) => answer.body) },
  {
    name: 'speaks SMTP',
    says: NO_ANSWER,
    behaviour: cut(() => Buffer.from('220 mail.example.com ESMTP\r\n')),
  },
  {
    name: 'sends random bytes',
    says: NO_ANSWER,
    behaviour: cut(() => Buffer.from('\x00\xff\x16\x03\x01'.repeat(400), 'latin1')),
  },
  {
    name: 'writes below TLS',
    says: NO_ANSWER,
    behaviour: wire(
      (_socket, _answer, raw) => void raw.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'),
    ),
  },
  { name: 'chunks badly', says: NO_ANSWER, behaviour: () => ({ kind: 'bad-chunking' }) },
  {
    name: 'sends a chunk of a size beyond all numbers',
    says: NO_ANSWER,
    behaviour: wire((socket, answer) => {
      socket.write(head(answer, 'Transfer-Encoding: chunked\r\n', 'HTTP/1.1 200 OK', null))
      socket.end('ffffffffffffffffffff\r\nx')
    }),
  },
  { name: 'gives two lengths', says: NO_ANSWER, behaviour: whole('Content-Length: 1\r\n') },
  { name: 'gives a length and chunks', says: NO_ANSWER, behaviour: whole('Transfer-Encoding: chunked\r\n') },
  {
    name: 'gives a negative length',
    says: NO_ANSWER,
    behaviour: cut(() => Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}')),
  },
  { name: 'sends NUL in a field', says: NO_ANSWER, behaviour: whole('X: a\0b\r\n') },
  { name: 'sends a field without a colon', says: NO_ANSWER, behaviour: whole('nothing\r\n') },
  { name: 'sends CR alone in a field', says: NO_ANSWER, behaviour: whole('X: a\rInjected: b\r\n') },
  { name: 'folds a field', ends: 'either', behaviour: whole('X: a\r\n b\r\n') },
  {
    name: 'sends trailers',
    ends: 'either',
    behaviour: wire((socket, answer) => {
      socket.write(
        head(answer, 'Transfer-Encoding: chunked\r\nTrailer: Replay-Nonce\r\n', statusLine(answer), null),
      )
      const size = answer.body.length === 0 ? '' : `${answer.body.length.toString(16)}\r\n`
      socket.write(Buffer.concat([Buffer.from(size), answer.body, Buffer.from(size === '' ? '' : '\r\n')]))
      socket.end('0\r\nReplay-Nonce: trailer\r\nLocation: https://evil.test/\r\n\r\n')
    }),
  },
  {
    name: 'sends 500 cookies',
    ends: 'either',
    behaviour: () => ({
      kind: 'rewrite',
      change: (answer) => ({
        ...answer,
        fields: [
          ...answer.fields,
          ...Array.from(
            { length: 100 },
            (_, n) => ['Set-Cookie', `c${n}=${'x'.repeat(50)}; Path=/`] as const,
          ),
        ],
      }),
    }),
  },
  { name: 'answers twice', ends: 'either', behaviour: () => ({ kind: 'unsolicited' }) },
  { name: 'answers in HTTP/1.0', ends: 'done', behaviour: () => ({ kind: 'http-1.0' }) },
]

function statusLine({ status }: Answer): string {
  return `HTTP/1.1 ${status} Said`
}

/** A time-out at a step whose request is repeated costs four of them. */
const SLOW_STEPS: readonly EvilStep[] = [
  'directory',
  'newOrder',
  'challenge',
  'finalize',
  'certificate',
  'keyChange',
]

export const CONNECTIONS: readonly EvilBehaviour[] = WAYS.flatMap(
  ({ name, behaviour, ends = 'fails', says, isSlow = false }, at) =>
    stepsFor(at, isSlow).map((step): EvilBehaviour => {
      // A list of orders that cannot be had is as good as none, and a newOrder of which nothing is known is sent again.
      const list = step === 'orders'
      return {
        family: 'connections',
        name: `${step}: ${name}`,
        errand: errandOf(step),
        wicked: (host) => always(step, behaviour())(host),
        ends: list && ends === 'fails' ? 'done' : ends,
        ...(list || says === undefined ? {} : { says }),
        ...(list ? { orders: 2 } : {}),
      }
    }),
)

/** Not all at all: four steps each, another four for the next, and all in all at every step. */
function stepsFor(at: number, isSlow: boolean): readonly EvilStep[] {
  if (isSlow) return SLOW_STEPS
  return [0, 4, 8, 11].map((by) => EVERY_STEP[(at * 3 + by) % EVERY_STEP.length]!)
}
