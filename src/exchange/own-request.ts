import type { Clock } from './clock.ts'
import type { Destination, Received } from './exchange.ts'
import { newExchangeId } from './exchange-id.ts'

/** A request of acmetap's own: it passes the same stages as everyone else's. */
export function ownRequest(
  method: 'GET' | 'HEAD',
  destination: Destination,
  target: string,
  userAgent: string,
  clock: Clock,
): Received {
  return {
    id: newExchangeId(),
    parent: null,
    mode: 'engine',
    connection: {
      listener: 'engine',
      mode: 'engine',
      clientAddress: null,
      clientPort: null,
      tlsVersion: null,
      serverName: null,
      proxyUser: null,
      intercepted: null,
    },
    destination,
    request: {
      method,
      target,
      authority: destination.authority,
      fields: [
        ['User-Agent', userAgent],
        ['Accept', 'application/json'],
      ],
      body: Buffer.alloc(0),
      truncated: false,
      httpVersion: '1.1',
      ambiguities: [],
    },
    receivedAt: clock.now(),
  }
}
