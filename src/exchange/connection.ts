import type { Duplex } from 'node:stream'
import type { Mode } from './mode.ts'

/** Who is at the other end, over which listener. Facts about a socket, gathered when it was accepted. */
export interface Connection {
  /** Name of the listener in the configuration: `acme`, `proxy` or `sni`; `engine` for our own requests. */
  readonly listener: string
  /** How requests on this connection come in; fixed when it was accepted. */
  readonly mode: Mode
  /** The client's address as text (IPv4-mapped IPv6 written as IPv4); null for our own requests. */
  readonly clientAddress: string | null
  readonly clientPort: number | null
  /** `TLSv1.3` and the like; null where there was no TLS. */
  readonly tlsVersion: string | null
  readonly serverName: string | null
  /** The label of the proxy user it authenticated as (RFC 9110 §11.7.1); null where none is asked for. */
  readonly proxyUser: string | null
  /**
   * Authority (`host`, or `host:port` where it is not 443) of the CA this connection was taken over for; null
   * outside intercept. A request on it must name this authority as its `Host`.
   */
  readonly intercepted: string | null
}

const connections = new WeakMap<Duplex, Connection>()

/** Remember what is known of a socket. Called once by whoever accepted it. */
export function rememberConnection(socket: Duplex, connection: Connection): void {
  connections.set(socket, connection)
}

export function connectionOf(socket: Duplex): Connection | undefined {
  return connections.get(socket)
}
