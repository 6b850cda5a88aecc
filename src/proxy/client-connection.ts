import type { Connection } from '../exchange/connection.ts'
import type { ObservedRequest } from '../exchange/exchange.ts'
import { type ClientAddressSource, clientAddress, trustedNetworks } from './client-address.ts'
import type { HttpRequest } from './listener-options.ts'
import { connectionOfRequest } from './peer.ts'

/**
 * Facts about the connection of a request, with the client's address read where the configuration of listener `acme`
 * says. Inside a connection that was taken over everything is the client's own word, whatever stands before us.
 */
export function clientConnection(source: ClientAddressSource) {
  const isTrusted = trustedNetworks(source.from === 'connection' ? [] : source.trusted)
  return (request: HttpRequest, observed: ObservedRequest): Connection => {
    const connection = connectionOfRequest(request)
    if (source.from !== 'x_forwarded_for' || connection.mode === 'intercept') return connection
    const forwardedFor = observed.fields
      .filter(([name]) => name.toLowerCase() === 'x-forwarded-for')
      .map(([, value]) => value)
    return {
      ...connection,
      clientAddress: clientAddress(connection, forwardedFor, { from: source.from, isTrusted }),
    }
  }
}
