import type { Duplex } from 'node:stream'

/** Who is at the other end, over which listener. Facts about a socket, gathered when it was accepted. */
export interface Connection {
  /** Name of the listener in the configuration: `acme`; `engine` for our own requests. */
  readonly listener: string
  /** The client's address as text (IPv4-mapped IPv6 written as IPv4); null for our own requests. */
  readonly clientAddress: string | null
  readonly clientPort: number | null
  /** `TLSv1.3` and the like; null where there was no TLS. */
  readonly tlsVersion: string | null
  readonly serverName: string | null
}

const connections = new WeakMap<Duplex, Connection>()

/** Remember what is known of a socket. Called once by whoever accepted it. */
export function rememberConnection(socket: Duplex, connection: Connection): void {
  connections.set(socket, connection)
}

export function connectionOf(socket: Duplex): Connection | undefined {
  return connections.get(socket)
}
