/** One request of a validation over HTTP, to one address, and what became of it. RFC 8555 §8.3. */
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP } from 'node:net'

export interface Target {
  readonly secure: boolean
  /** For the Host field and SNI. */
  readonly host: string
  readonly port: number
  /** Written in the Host field; null where the URL names none. */
  readonly shownPort: number | null
  readonly address: string
  /** Path and query. */
  readonly path: string
}

export interface HttpAnswer {
  readonly kind: 'answer'
  readonly status: number
  readonly server: string | null
  readonly headers: IncomingMessage['headers']
  /** Its beginning. */
  readonly body: string
}

export interface HttpFailure {
  readonly kind: 'failure'
  readonly reason:
    | 'refused'
    | 'reset'
    | 'unreachable'
    | 'connect-timeout'
    | 'answer-timeout'
    | 'tls-there'
    | 'not-http'
    | 'no-tls'
  readonly says: string
}

/** As much as tells what it is. */
const MOST_BODY = 4096
const USER_AGENT = 'acmetap-doctor (looks at http-01 as a CA does)'

/** Never rejects. `patience` is ms until the head of the answer is there. Certificates are not verified, as CAs don't. */
export function fetchOnce(
  target: Target,
  patience: number,
  signal: AbortSignal,
): Promise<HttpAnswer | HttpFailure> {
  return new Promise((resolve) => {
    let connected = false
    let asked: ClientRequest | null = null
    const settle = (result: HttpAnswer | HttpFailure) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', late)
      resolve(result)
      asked?.destroy()
    }
    const late = () =>
      settle(
        connected
          ? { kind: 'failure', reason: 'answer-timeout', says: 'is connected, but gives no answer in time' }
          : {
              kind: 'failure',
              reason: 'connect-timeout',
              says: 'does not answer (time-out while connecting)',
            },
      )
    const timer = setTimeout(late, patience)
    signal.addEventListener('abort', late, { once: true })
    if (signal.aborted) return late()
    const { secure, host, shownPort, address, port, path } = target
    const bracketed = isIP(host) === 6 ? `[${host}]` : host
    const headers = {
      host: shownPort === null ? bracketed : `${bracketed}:${shownPort}`,
      'user-agent': USER_AGENT,
      accept: '*/*',
      connection: 'close',
    }
    try {
      asked = secure
        ? requestHttps({
            host: address,
            port,
            path,
            headers,
            agent: false,
            rejectUnauthorized: false,
            ...(isIP(host) === 0 ? { servername: host } : {}),
          })
        : requestHttp({ host: address, port, path, headers, agent: false })
    } catch (error) {
      settle({ kind: 'failure', reason: 'not-http', says: (error as Error).message })
      return
    }
    asked.on('socket', (socket) => {
      socket.once('connect', () => {
        connected = true
      })
    })
    asked.on('error', (error: NodeJS.ErrnoException) => settle(failureOf(error, connected, secure)))
    asked.on('response', (response) => readBeginning(response, settle))
    asked.end()
  })
}

function readBeginning(response: IncomingMessage, settle: (answer: HttpAnswer) => void): void {
  const parts: Buffer[] = []
  let length = 0
  const done = () =>
    settle({
      kind: 'answer',
      status: response.statusCode ?? 0,
      server: firstOf(response.headers.server),
      headers: response.headers,
      body: Buffer.concat(parts).toString('utf8', 0, MOST_BODY),
    })
  response.on('data', (part: Buffer) => {
    parts.push(part)
    length += part.length
    if (length >= MOST_BODY) done()
  })
  response.on('end', done)
  response.on('error', done)
}

/** A TLS record of type alert or handshake (RFC 8446 §5.1) where HTTP was expected. */
function looksLikeTls(bytes: Buffer | undefined): boolean {
  return bytes !== undefined && bytes.length > 2 && (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3
}

function failureOf(
  error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer },
  connected: boolean,
  secure: boolean,
): HttpFailure {
  const { code = '', message } = error
  const failure = (reason: HttpFailure['reason'], says: string): HttpFailure => ({
    kind: 'failure',
    reason,
    says,
  })
  if (looksLikeTls(error.rawPacket)) return failure('tls-there', 'speaks TLS where HTTP is expected')
  if (code.startsWith('HPE_')) return failure('not-http', `answers something that is not HTTP (${code})`)
  if (code === 'ECONNREFUSED') return failure('refused', 'refuses the connection')
  if (code === 'ENETUNREACH' || code === 'EHOSTUNREACH' || code === 'EADDRNOTAVAIL')
    return failure('unreachable', `cannot be reached (${code})`)
  if (code === 'ETIMEDOUT') return failure('connect-timeout', 'does not answer (time-out while connecting)')
  if (code === 'ECONNRESET' || code === 'EPIPE' || message === 'socket hang up')
    return failure('reset', 'closes the connection without an answer')
  if (secure && connected) return failure('no-tls', `does not complete TLS (${code || message})`)
  return failure('not-http', `fails (${code || message})`)
}

export function firstOf(field: string | string[] | undefined): string | null {
  return (Array.isArray(field) ? field[0] : field) ?? null
}
