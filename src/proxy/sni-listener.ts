/**
 * Listener `sni`: for networks that lead a CA's own name to acmetap. TLS for the hosts of CAs that are taken over
 * and for nothing else: no certificate is made for a name because someone asks for it.
 */
import type { AddressInfo } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { secureContextOptions, withoutResumption } from '../interception/secure-context.ts'
import { cutOff } from './deadlines.ts'
import type { SniListenerOptions, SniListenerParts } from './intercept-options.ts'
import { DEFAULT_LIMITS, errorDetail, type ListenerEvents } from './listener-options.ts'
import type { Peer } from './peer.ts'
import { Port } from './port.ts'
import { TakenOver } from './taken-over.ts'

/** Prepare a listener; `listen` opens the port. Throws RangeError for networks that are none. */
export function createSniListener(
  options: SniListenerOptions,
  parts: SniListenerParts,
  events: ListenerEvents,
): SniListener {
  return new SniListener(options, parts, events)
}

export class SniListener {
  readonly #parts: SniListenerParts
  readonly #port: Port
  readonly #takenOver: TakenOver
  /** Without a certificate: a handshake that gets it ends in an alert. */
  readonly #nobody = createSecureContext(WITHOUT_CERTIFICATE)
  #boundPort = 0

  constructor(options: SniListenerOptions, parts: SniListenerParts, events: ListenerEvents) {
    this.#parts = parts
    this.#port = new Port(
      options,
      { ...DEFAULT_LIMITS, ...options.limits },
      (peer) => void this.#begin(peer),
      events.onConnectionEvent.bind(events),
    )
    this.#takenOver = new TakenOver(this.#port, 'sni', parts.handler)
  }

  get openConnections(): number {
    return this.#port.openConnections
  }

  /** Open the port. Rejects with the system's error, EADDRINUSE for one. */
  async listen(): Promise<AddressInfo> {
    const bound = await this.#port.listen()
    this.#boundPort = bound.port
    return bound
  }

  /** Stop accepting, let requests under way finish for up to `drainMs`, then cut what is left. Always resolves. */
  async close(drainMs: number): Promise<void> {
    await this.#port.close(drainMs)
    this.#takenOver.server.close()
  }

  async #begin(peer: Peer): Promise<void> {
    const unnamed = this.#parts.addressWithoutName()
    let context = this.#nobody
    if (unnamed !== null) {
      try {
        context = await this.#parts.contextFor(unnamed)
      } catch (error) {
        cutOff(peer, this.#port.report, 'certificateUnavailable', errorDetail(error))
        return
      }
      if (peer.socket.destroyed) return
    }
    this.#takenOver.terminate(peer, peer.socket, {
      context,
      choose: (name, done) => {
        this.#choose(peer, name, unnamed !== null).then(
          (chosen) => done(null, chosen),
          (error: Error) => done(error),
        )
      },
      authorityOf: (name) => this.#authorityOf(name ?? unnamed),
    })
  }

  async #choose(peer: Peer, name: string, hasDefault: boolean): Promise<SecureContext> {
    const host = name.toLowerCase().replace(/\.$/, '')
    if (this.#authorityOf(host) === null) {
      peer.trouble ??= 'the TLS server name is no CA that is taken over'
      // A context without a certificate would leave the one for clients without a name in use.
      if (hasDefault) throw new Error(peer.trouble)
      return this.#nobody
    }
    return this.#parts.contextFor(host)
  }

  #authorityOf(host: string | null): string | null {
    if (host === null) return null
    const authorities = this.#parts.authoritiesOf(host)
    const onPort = (port: number) => authorities.find((authority) => portOf(authority) === port)
    return onPort(this.#boundPort) ?? onPort(443) ?? authorities[0] ?? null
  }
}

/** Protocol versions, ciphers and resumption are settled before the server name is looked at, for every client. */
const {
  cert: _,
  key: __,
  ...WITHOUT_CERTIFICATE
} = withoutResumption(secureContextOptions({ chain: '', key: '' }))

function portOf(authority: string): number {
  return Number(/:(\d+)$/.exec(authority)?.[1] ?? 443)
}
