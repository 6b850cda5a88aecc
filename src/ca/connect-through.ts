import type { Socket } from 'node:net'
import type { EgressProxy } from './egress-proxy.ts'
import { FailureError } from './failure.ts'

/** Bytes of an answer's header. */
const HEADER_LIMIT = 16 * 1024

/**
 * Asks a proxy, over a connection to it, for a tunnel to `authority` (RFC 9110 §9.3.6). What follows its answer's
 * header is put back into the socket. Rejects with `proxyRefused` or the signal's reason; then the socket is gone.
 * Nothing of an answer but its status line is told, and never the credentials.
 */
export function connectThrough(
  socket: Socket,
  proxy: EgressProxy,
  authority: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    const settled = () => {
      signal.removeEventListener('abort', giveUp)
      for (const [event, listener] of listeners) socket.off(event, listener)
    }
    const fail = (error: unknown) => {
      settled()
      socket.destroy()
      reject(error)
    }
    const refuse = (what: string) =>
      fail(new FailureError('proxyRefused', `the proxy ${proxy.url} ${what} to CONNECT ${authority}`))
    const giveUp = () => fail(signal.reason)
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      for (;;) {
        const end = received.indexOf('\r\n\r\n')
        if (end > HEADER_LIMIT || (end < 0 && received.length > HEADER_LIMIT)) {
          return refuse('answered with a header over 16 KiB')
        }
        if (end < 0) return
        const line = received.toString('latin1', 0, received.indexOf('\r\n'))
        const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(line)?.[1] ?? Number.NaN)
        if (Number.isNaN(status)) return refuse('answered with something that is not HTTP')
        received = received.subarray(end + 4)
        if (status >= 100 && status < 200) continue
        if (status < 200 || status > 299)
          return refuse(`answered ${shown(line, proxy)}${advice(status, proxy)}`)
        settled()
        socket.pause()
        if (received.length > 0) socket.unshift(received)
        return resolve()
      }
    }
    const listeners = [
      ['data', onData],
      ['error', () => refuse('broke the connection instead of answering')],
      ['end', () => refuse('closed the connection instead of answering')],
      ['close', () => refuse('closed the connection instead of answering')],
    ] as const
    if (signal.aborted) return fail(signal.reason)
    signal.addEventListener('abort', giveUp)
    for (const [event, listener] of listeners) socket.on(event, listener)
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials(proxy)}\r\n`)
  })
}

/** RFC 7617 §2. */
function credentials(proxy: EgressProxy): string {
  return proxy.username === null ? '' : `Proxy-Authorization: Basic ${basic(proxy)}\r\n`
}

function basic({ username, password }: EgressProxy): string {
  return Buffer.from(`${username}:${password ?? ''}`).toString('base64')
}

/** `403 Forbidden`, in printable ASCII. A proxy that repeats what it was sent must not make us log it. */
function shown(line: string, proxy: EgressProxy): string {
  const text = line.replace(/^HTTP\/1\.[01] /, '').trim()
  const secrets = [basic(proxy), proxy.password ?? '']
  if (secrets.some((secret) => secret !== '' && text.includes(secret))) return text.slice(0, 3)
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)
}

function advice(status: number, proxy: EgressProxy): string {
  if (status !== 407) return ''
  return proxy.username === null
    ? ' (it wants a user name and password: set egress.username and egress.password_file)'
    : ' (it does not accept the user name and password of egress)'
}
