import type { Socket } from 'node:net'

/** Where a raw connection goes and who answers for it. */
export interface DialTarget {
  /** DNS name in lower case, or an IP address. */
  readonly host: string
  readonly port: number
  /**
   * True where the operator named this host: a CA, or a host listed by its full name. Such a host may be internal. Any
   * other must have public addresses only (threat: a proxy that leads inside).
   */
  readonly vouched: boolean
  /** Connect to one of these instead of resolving the name. */
  readonly addresses?: readonly string[]
  /** Local address to connect from; null leaves it to the system. */
  readonly from?: string | null
  /** Milliseconds for the connection, name resolution included. */
  readonly timeout: number
  readonly signal?: AbortSignal
}

/**
 * Opens a TCP connection, or a tunnel through the proxy on the way out where one is configured. The name is resolved
 * once, every address is judged, and the judged address is what is connected to. Never connects to a listener of our
 * own. Rejects with a FailureError (`addressRefused`, `nameNotResolved`, `connectRefused`, `connectTimeout`,
 * `proxyRefused`, `aborted`).
 */
export type Dial = (target: DialTarget) => Promise<Socket>
