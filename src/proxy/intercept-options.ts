/** What the listeners of intercept mode are told, and what they need of the rest. Times are in milliseconds. */
import type { SecureContext } from 'node:tls'
import type { Dial } from '../ca/dial.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed, OtherHost, Received } from '../exchange/exchange.ts'
import type { Chain } from '../exchange/pipeline.ts'
import type { ClientAddressSource } from './client-address.ts'
import type { CertificateOrigin, ListenerLimits, RequestHandler } from './listener-options.ts'
import type { TunnelExit } from './stages.ts'

/** Read from the connection alone: inside TLS for a CA nobody may add fields. */
export type TunnelledAddressSource = ClientAddressSource & { readonly from: 'connection' | 'proxy_protocol' }

export interface ProxyUser {
  /** User name, and the label in the record. */
  readonly name: string
  readonly password: string
}

export interface ProxyListenerOptions {
  readonly address: string
  readonly port: number
  /** Host names and IP addresses in the certificate for `https://` proxy URLs. */
  readonly names: readonly string[]
  readonly certificate: CertificateOrigin
  readonly clientAddress: TunnelledAddressSource
  /** Networks that are served; empty serves every one. */
  readonly clients: readonly string[]
  /** Empty asks nobody to authenticate. */
  readonly users: readonly ProxyUser[]
  /** Tunnels and absolute-form requests at the same time. */
  readonly tunnels: number
  /** A tunnel ends after this long without a byte. */
  readonly tunnelIdle: number
  /** For the connection of a tunnel, name resolution included; 10 s where it is left out. */
  readonly dialTimeout?: number
  readonly limits?: Partial<ListenerLimits>
  readonly now?: () => Date
}

export interface ProxyListenerParts {
  readonly clock: Clock
  /**
   * The authority of the CA that is taken over at this host (as `OtherHost` spells it) and port: `host`, or
   * `host:port` where it is not 443. Null for every other host.
   */
  takeOver(host: string, port: number): string | null
  /** The TLS context for a host that `takeOver` knows. One per host, kept by whoever makes it. */
  contextFor(host: string): SecureContext | Promise<SecureContext>
  /** Gets the requests inside taken-over connections. */
  readonly handler: RequestHandler
  readonly tunnel: Chain<TunnelExit>
  readonly dial: Dial
  /** Whether the operator named this very host, so that it may be internal. */
  isVouched(target: OtherHost): boolean
  /** What the proxy itself serves; null where it has nothing under this path. */
  page(path: string, client: PageClient): Page | null
  onCompleted(exchange: Completed): void
  /** A tunnel that could not be completed for a reason of our own (a bug, or the record is not writable). */
  onFault(error: unknown, exchange: Received): void
}

/** Who asks for a page, and under which authority the proxy was reached; null where no Host was sent. */
export interface PageClient {
  readonly address: string | null
  readonly authority: string | null
}

export interface Page {
  readonly status: number
  readonly contentType: string
  readonly body: string | Buffer
}

export interface SniListenerOptions {
  readonly address: string
  readonly port: number
  readonly clientAddress: TunnelledAddressSource
  readonly clients: readonly string[]
  readonly limits?: Partial<ListenerLimits>
}

export interface SniListenerParts {
  /**
   * Authorities of the CAs taken over under this host: one per port, none for any other host. The listener takes
   * the one on its own port, else the one on 443, else the first.
   */
  authoritiesOf(host: string): readonly string[]
  /** The IP address that clients without SNI mean: set where exactly one CA is an IP literal, else null. */
  addressWithoutName(): string | null
  contextFor(host: string): SecureContext | Promise<SecureContext>
  readonly handler: RequestHandler
}
