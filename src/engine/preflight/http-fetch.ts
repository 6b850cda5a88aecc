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
  /** Local address to connect from; left out: the system's choice. */
  readonly from?: string | null
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
  /** It broke off before its end. */
  readonly cut: boolean
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
  /** Null for our own limits. */
  readonly cause: NetworkFault | null
}

/** `rawPacket`: what came, where it is no HTTP. */
type NetworkFault = NodeJS.ErrnoException & { readonly rawPacket?: Buffer }

/** Who asks, and for how much of a body. */
export interface Asking {
  readonly userAgent: string
  readonly mostBody: number
}

/** As much as tells what it is. */
const DOCTOR: Asking = { userAgent: 'acmetap-doctor (looks at http-01 as a CA does)', mostBody: 4096 }
/** RFC 9110 §15.2: any number may come before an answer; a server that looks for harm sends them without end. */
const MOST_INTERIM = 8

/** Never rejects. `patience` is ms until the head of the answer is there. Certificates are not verified, as CAs don't. */
export function fetchOnce(
  target: Target,
  patience: number,
  signal: AbortSignal,
  { userAgent, mostBody }: Asking = DOCTOR,
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
          ? failure('answer-timeout', 'is connected, but gives no answer in time')
          : failure('connect-timeout', 'does not answer (time-out while connecting)'),
      )
    const timer = setTimeout(late, patience)
    signal.addEventListener('abort', late, { once: true })
    if (signal.aborted) return late()
    const { secure, host, shownPort, address, from, port, path } = target
    const bracketed = isIP(host) === 6 ? `[${host}]` : host
    const headers = {
      host: shownPort === null ? bracketed : `${bracketed}:${shownPort}`,
      'user-agent': userAgent,
      accept: '*/*',
      'accept-encoding': 'identity',
      connection: 'close',
    }
    const options = {
      host: address,
      port,
      path,
      headers,
      agent: false,
      ...(from ? { localAddress: from } : {}),
    } as const
    try {
      asked = secure
        ? requestHttps({
            ...options,
            rejectUnauthorized: false,
            ...(isIP(host) === 0 ? { servername: host } : {}),
          })
        : requestHttp(options)
    } catch (error) {
      settle(failure('not-http', (error as Error).message))
      return
    }
    let interim = 0
    asked.on('socket', (socket) => {
      socket.once('connect', () => {
        connected = true
      })
    })
    asked.on('error', (error: NodeJS.ErrnoException) => settle(failureOf(error, connected, secure)))
    asked.on('information', () => {
      interim += 1
      if (interim > MOST_INTERIM) settle(failure('not-http', 'answers with no end of interim answers'))
    })
    let answered = false
    asked.on('response', (response) => {
      answered = true
      readBeginning(response, mostBody, settle)
    })
    asked.on('close', () => {
      if (!answered) settle(failure('reset', 'closes the connection without an answer'))
    })
    asked.end()
  })
}

function readBeginning(response: IncomingMessage, most: number, settle: (answer: HttpAnswer) => void): void {
  const parts: Buffer[] = []
  let length = 0
  const done = (cut = false) =>
    settle({
      kind: 'answer',
      status: response.statusCode ?? 0,
      server: firstOf(response.headers.server),
      headers: response.headers,
      body: Buffer.concat(parts).toString('utf8', 0, most),
      cut,
    })
  response.on('data', (part: Buffer) => {
    parts.push(part)
    length += part.length
    if (length >= most) done()
  })
  response.on('end', () => done())
  response.on('error', () => done(true))
}

/** A TLS record of type alert or handshake (RFC 8446 §5.1) where HTTP was expected. */
function looksLikeTls(bytes: Buffer | undefined): boolean {
  return bytes !== undefined && bytes.length > 2 && (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 3
}

function failureOf(error: NetworkFault, connected: boolean, secure: boolean): HttpFailure {
  const { code = '', message } = error
  const failed = (reason: HttpFailure['reason'], says: string) => ({
    ...failure(reason, says),
    cause: error,
  })
  if (looksLikeTls(error.rawPacket)) return failed('tls-there', 'speaks TLS where HTTP is expected')
  if (code.startsWith('HPE_')) return failed('not-http', `answers something that is not HTTP (${code})`)
  if (code === 'ECONNREFUSED') return failed('refused', 'refuses the connection')
  if (code === 'ENETUNREACH' || code === 'EHOSTUNREACH' || code === 'EADDRNOTAVAIL')
    return failed('unreachable', `cannot be reached (${code})`)
  if (code === 'ETIMEDOUT') return failed('connect-timeout', 'does not answer (time-out while connecting)')
  if (code === 'ECONNRESET' || code === 'EPIPE' || message === 'socket hang up')
    return failed('reset', 'closes the connection without an answer')
  if (secure && connected) return failed('no-tls', `does not complete TLS (${code || message})`)
  return failed('not-http', `fails (${code || message})`)
}

function failure(reason: HttpFailure['reason'], says: string): HttpFailure {
  return { kind: 'failure', reason, says, cause: null }
}

export function firstOf(field: string | string[] | undefined): string | null {
  return (Array.isArray(field) ? field[0] : field) ?? null
}
