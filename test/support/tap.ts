import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { makeServerCertificate } from '../../src/cli/demo/test-certificates.ts'

/** Name in lower case and value, in the order they came. */
export type Fields = readonly (readonly [string, string])[]

/** One request as it went over the wire, with its answer. */
export interface TappedExchange {
  readonly method: string
  readonly target: string
  readonly fields: Fields
  readonly host: string
  readonly userAgent: string
  readonly body: Buffer
  /** Null when the connection ended without an answer. */
  readonly status: number | null
  readonly answerFields: Fields
  readonly answer: Buffer
}

export interface TapOptions {
  /** Where it listens; a free port of 127.0.0.1. */
  readonly address?: string
  readonly port?: number
  /** The DNS names in its certificate; `localhost`. */
  readonly names?: readonly string[]
  /** True where clients ask it, as a proxy, to CONNECT first. */
  readonly asProxy?: boolean
  /** The way on, where it is not plain TLS to the upstream's port. Resolves with a TLS connection. */
  readonly onward?: () => Promise<TLSSocket>
}

export interface Tap {
  readonly port: number
  /** PEM of the root that signed the tap's own certificate. */
  readonly root: string
  /** Everything that went through, by connection and in each connection in order. */
  exchanges(): TappedExchange[]
  close(): Promise<void>
}

interface Recorded {
  readonly sent: Buffer[]
  readonly answered: Buffer[]
}

/**
 * A wire tap: ends TLS on both sides, passes every byte on unchanged and keeps a copy. It reads the copies only when
 * asked, so that it can't disturb what it watches. HTTP/1.1 only. `upstream` is a TLS server for `localhost` on
 * 127.0.0.1, with the PEM file of its root; null where `onward` says the way.
 */
export async function startTap(
  upstream: { port: number; trust: string } | null,
  options: TapOptions = {},
): Promise<Tap> {
  const names = options.names ?? ['localhost']
  const tls = await makeServerCertificate([...names], ['127.0.0.1'])
  const onward = options.onward ?? (await straightTo(upstream))
  const recorded: Recorded[] = []
  const open = new Set<Socket>()
  const keep = (socket: Socket): void => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  }
  const secure = createServer(
    { cert: tls.certificate, key: tls.key, ALPNProtocols: ['http/1.1'] },
    (client: TLSSocket) => {
      const record: Recorded = { sent: [], answered: [] }
      recorded.push(record)
      keep(client)
      client.on('error', () => client.destroy())
      onward().then(
        (server) => {
          keep(server)
          join(client, server, record)
        },
        () => client.destroy(),
      )
    },
  )
  const listener = options.asProxy ? connectListener(secure, keep) : secure
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(options.port ?? 0, options.address ?? '127.0.0.1', resolve)
  })
  return {
    port: (listener.address() as AddressInfo).port,
    root: tls.root,
    exchanges: () => recorded.flatMap(readConnection),
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

async function straightTo(
  upstream: { port: number; trust: string } | null,
): Promise<() => Promise<TLSSocket>> {
  if (upstream === null) throw new Error('a tap needs an upstream or a way on')
  const ca = await readFile(upstream.trust, 'utf8')
  const where = { host: '127.0.0.1', port: upstream.port, servername: 'localhost' }
  return async () => connect({ ...where, ca, ALPNProtocols: ['http/1.1'] })
}

function join(client: TLSSocket, server: TLSSocket, record: Recorded): void {
  for (const [from, to, copy] of [
    [client, server, record.sent],
    [server, client, record.answered],
  ] as const) {
    from.on('data', (chunk: Buffer) => copy.push(chunk))
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}

/** Says 200 to every CONNECT and hands the connection to the TLS server. */
function connectListener(secure: Server, keep: (socket: Socket) => void): HttpServer {
  const listener = createHttpServer()
  listener.on('connect', (_request, socket: Socket) => {
    keep(socket)
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    secure.emit('connection', socket)
  })
  return listener
}

export function digestOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

function readConnection(record: Recorded): TappedExchange[] {
  const requests = readMessages(Buffer.concat(record.sent), () => true)
  // An answer to HEAD has no body, whatever its fields say.
  const answers = readMessages(
    Buffer.concat(record.answered),
    (index) => !requests[index]?.start.startsWith('HEAD '),
  )
  return requests.map((request, index) => {
    const [method = '', target = ''] = request.start.split(' ')
    const answer = answers[index]
    return {
      method,
      target,
      fields: request.inOrder,
      host: request.fields.get('host') ?? '',
      userAgent: request.fields.get('user-agent') ?? '',
      body: request.body,
      status: answer === undefined ? null : Number(answer.start.split(' ')[1]),
      answerFields: answer?.inOrder ?? [],
      answer: answer?.body ?? Buffer.alloc(0),
    }
  })
}

interface Message {
  readonly start: string
  readonly inOrder: Fields
  readonly fields: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** Complete HTTP/1.1 messages, one after the other (RFC 9112 §6.3). */
function readMessages(bytes: Buffer, hasBody: (index: number) => boolean): Message[] {
  const messages: Message[] = []
  let at = 0
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end === -1) return messages
    const [start = '', ...lines] = bytes.toString('latin1', at, end).split('\r\n')
    const inOrder = lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    })
    const fields = new Map(inOrder)
    at = end + 4
    const status = /^HTTP\/1\.\d (\d+)/.exec(start)?.[1]
    const empty = !hasBody(messages.length) || status === '204' || status === '304'
    const body = empty
      ? { body: Buffer.alloc(0), next: at }
      : readBody(bytes, at, fields, status !== undefined)
    if (body === null) return messages
    at = body.next
    // 1xx comes before the answer and is none.
    if (status?.startsWith('1') !== true) messages.push({ start, inOrder, fields, body: body.body })
  }
}

function readBody(
  bytes: Buffer,
  from: number,
  fields: ReadonlyMap<string, string>,
  isAnswer: boolean,
): { body: Buffer; next: number } | null {
  if (fields.get('transfer-encoding') === 'chunked') return readChunks(bytes, from)
  const length = fields.get('content-length')
  if (length === undefined) {
    // Without a length an answer ends with its connection, and a request has no body.
    return isAnswer
      ? { body: bytes.subarray(from), next: bytes.length }
      : { body: Buffer.alloc(0), next: from }
  }
  const next = from + Number(length)
  return next > bytes.length ? null : { body: bytes.subarray(from, next), next }
}

function readChunks(bytes: Buffer, from: number): { body: Buffer; next: number } | null {
  const chunks: Buffer[] = []
  for (let at = from; ; ) {
    const line = bytes.indexOf('\r\n', at)
    if (line === -1) return null
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    const next = line + 2 + size + 2
    if (next > bytes.length) return null
    if (size === 0) return { body: Buffer.concat(chunks), next }
    chunks.push(bytes.subarray(line + 2, line + 2 + size))
    at = next
  }
}
