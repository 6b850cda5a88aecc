/** The doctor's own small HTTP client: it must see what went wrong, not just that something did. */
import { request } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { portOf } from './proxy-variable.ts'

const PATIENCE = 15_000
const LIMIT = 1_000_000

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** One of the proxy's own pages, over plain HTTP. Rejects with the network's error; `code` starts with HPE_ where no HTTP came. */
export function askPage(proxy: URL, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: bare(proxy.hostname), port: portOf(proxy), path, agent: false, timeout: PATIENCE },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part
          if (body.length > LIMIT) asked.destroy(new Error('the answer has no end'))
        })
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      },
    )
    asked.on('timeout', () =>
      asked.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })),
    )
    asked.on('error', reject)
    asked.end()
  })
}

export type Connected =
  | { readonly kind: 'open'; readonly socket: Socket }
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string }

/** CONNECT through the proxy, with the credentials of its URL. `https://` is trusted as it comes: that is not what is asked. */
export async function connectThrough(proxy: URL, host: string, port: number): Promise<Connected> {
  const socket = await openProxy(proxy)
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const authorization =
    proxy.username === ''
      ? ''
      : `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`)
  const head = await readHead(socket)
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head.text)?.[1] ?? 0)
  if (status >= 200 && status < 300) {
    if (head.rest.length > 0) socket.unshift(head.rest)
    return { kind: 'open', socket }
  }
  socket.destroy()
  return { kind: 'refused', status, detail: head.rest.toString('utf8').trim() }
}

/** Why the certificate of an `https://` proxy is not trusted by these roots; null where it is. Rejects where no TLS comes about. */
export async function proxyCertificateFault(proxy: URL, roots: readonly string[]): Promise<string | null> {
  const host = bare(proxy.hostname)
  const socket = connectTls({
    host,
    port: portOf(proxy),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ca: [...roots],
    rejectUnauthorized: false,
  })
  await settled(socket, 'secureConnect')
  const fault = socket.authorized ? null : String(socket.authorizationError)
  socket.destroy()
  return fault
}

function openProxy(proxy: URL): Promise<Socket> {
  const host = bare(proxy.hostname)
  const at = { host, port: portOf(proxy) }
  const socket =
    proxy.protocol === 'https:'
      ? connectTls({ ...at, ...(isIP(host) === 0 ? { servername: host } : {}), rejectUnauthorized: false })
      : connect(at)
  return settled(socket, proxy.protocol === 'https:' ? 'secureConnect' : 'connect')
}

function settled<T extends Socket>(socket: T, event: string): Promise<T> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer in time')))
    socket.once(event, () => resolve(socket))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
  })
}

function readHead(socket: Socket): Promise<{ readonly text: string; readonly rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0)
    const onData = (part: Buffer) => {
      bytes = Buffer.concat([bytes, part])
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0 && bytes.length < LIMIT) return
      socket.off('data', onData)
      socket.pause()
      resolve({ text: bytes.subarray(0, end).toString('latin1'), rest: bytes.subarray(end + 4) })
    }
    socket.on('data', onData)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the proxy closed the connection')))
  })
}

/** TLS inside the tunnel, checked against these roots alone; `authorized` and `authorizationError` tell. */
export function secure(socket: Socket, host: string, roots: readonly string[]): Promise<TLSSocket> {
  const inside = connectTls({
    socket,
    servername: /^[\d.]+$|:/.test(host) ? '' : host,
    host,
    ca: [...roots],
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  })
  return settled(inside, 'secureConnect')
}

/** GET over a connection that is open. */
export function getOver(socket: Socket, host: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        createConnection: () => socket,
        path,
        headers: { host, 'user-agent': 'acmetap-doctor' },
        timeout: 60_000,
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          body += part
          if (body.length > LIMIT) asked.destroy(new Error('the answer has no end'))
        })
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      },
    )
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.on('error', reject)
    asked.end()
  })
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
