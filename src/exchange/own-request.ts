import type { Clock } from './clock.ts'
import type { Destination, FieldList, Received } from './exchange.ts'
import { type ExchangeId, newExchangeId } from './exchange-id.ts'

/** What a request of acmetap's own carries beside its target. */
export interface OwnContent {
  readonly body?: Buffer
  /** After `User-Agent`, in the place of `Accept: application/json`. */
  readonly fields?: FieldList
  /** The exchange on whose behalf it is sent. */
  readonly parent?: ExchangeId | null
}

/** A request of acmetap's own: it passes the same stages as everyone else's. */
export function ownRequest(
  method: 'GET' | 'HEAD' | 'POST',
  destination: Destination,
  target: string,
  userAgent: string,
  clock: Clock,
  { body = Buffer.alloc(0), fields = [['Accept', 'application/json']], parent = null }: OwnContent = {},
): Received {
  return {
    id: newExchangeId(),
    parent,
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
      fields: [['User-Agent', userAgent], ...fields],
      body,
      truncated: false,
      httpVersion: '1.1',
      ambiguities: [],
    },
    receivedAt: clock.now(),
  }
}
