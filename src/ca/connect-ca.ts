import type { TLSSocket } from 'node:tls'
import type { Dial } from './dial.ts'
import type { CaEgress } from './egress-proxy.ts'
import { FailureError } from './failure.ts'
import { secureFor } from './secure.ts'

export interface CaConnection {
  readonly name: string
  /** `https://host[:port]`. */
  readonly origin: string
  /** PEM of the only roots to trust, or null for the public roots. */
  readonly trust: string | null
  /** Milliseconds from sending to the last byte. */
  readonly timeout: number
  /** Connect to these instead of resolving its name. */
  readonly addresses?: readonly string[]
  /** `inherit` where it is left out. */
  readonly egress?: CaEgress
}

/** Opens one verified connection to a CA, from a local address or (null) from any. Rejects with what went wrong. */
export type ConnectCa = (from: string | null) => Promise<TLSSocket>

/**
 * undici takes SNI and the name it verifies from the Host header, which in relay is the client's and not the
 * CA's. Here it is the CA's own name; for an IP address there is no SNI and the address is verified. A CA is
 * vouched for by the configuration and may be internal, but never one of our own listeners.
 */
export function connectorFor(ca: CaConnection, dial: Dial): ConnectCa {
  const { hostname, port } = new URL(ca.origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const secure = secureFor(host, ca.trust)
  const timeout = Math.min(ca.timeout, 10_000)
  return async (from) => {
    const late = new AbortController()
    const timer = setTimeout(
      () => late.abort(new FailureError('connectTimeout', `no TLS with ${ca.origin} within ${timeout} ms`)),
      timeout,
    )
    try {
      const socket = await dial({
        host,
        port: Number(port) || 443,
        vouched: true,
        addresses: ca.addresses ?? [],
        from,
        timeout,
      })
      return await secure(socket, late.signal)
    } catch (error) {
      throw withRemedy(ca, error)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Where DNS or routing leads a CA's name to acmetap, acmetap itself must learn the CA's address elsewhere. */
function withRemedy(ca: CaConnection, error: unknown): unknown {
  if (!(error instanceof FailureError) || error.failure !== 'addressRefused') return error
  const remedy = `set cas.${ca.name}.addresses to the CA's own addresses, or egress.resolvers to DNS servers that know them`
  return new FailureError(error.failure, `${error.message}; ${remedy}`)
}
