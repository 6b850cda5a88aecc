/** Whose address a request counts for, when load balancers stand in front. Only listed peers are believed. */
import ipaddr from 'ipaddr.js'
import type { Connection } from '../exchange/connection.ts'

export interface ClientAddressSource {
  readonly from: 'connection' | 'proxy_protocol' | 'x_forwarded_for'
  /** Addresses and CIDR ranges of the balancers, as text. Not looked at for `connection`. */
  readonly trusted: readonly string[]
}

export type IsTrusted = (address: string) => boolean

/** Whether an address is in the list. Throws RangeError for an entry that is neither address nor range. */
export function trustedNetworks(networks: readonly string[]): IsTrusted {
  const ranges = networks.map((network) => {
    try {
      if (network.includes('/')) return ipaddr.parseCIDR(network)
      const address = ipaddr.process(network)
      return [address, address.kind() === 'ipv4' ? 32 : 128] as const
    } catch {
      throw new RangeError(`${JSON.stringify(network)} is neither an IP address nor a network in CIDR form`)
    }
  })
  return (text) => {
    if (!ipaddr.isValid(text)) return false
    const address = ipaddr.process(text)
    return ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits))
  }
}

/**
 * The client's address for one request. `forwardedFor` is every X-Forwarded-For field value in the order they
 * came. Counts from the right: the first address that is not a trusted balancer is the client; when all are,
 * it is the left-most. A malformed entry makes the whole chain worthless: the peer's own address then.
 */
export function clientAddress(
  connection: Connection,
  forwardedFor: readonly string[],
  source: { readonly from: ClientAddressSource['from']; readonly isTrusted: IsTrusted },
): string | null {
  const peer = connection.clientAddress
  if (source.from !== 'x_forwarded_for' || peer === null || !source.isTrusted(peer)) return peer
  const chain = forwardedFor.flatMap((value) => value.split(','))
  let client = peer
  for (const entry of chain.reverse()) {
    const address = forwardedAddress(entry.trim())
    if (address === null) return peer
    client = address
    if (!source.isTrusted(address)) return address
  }
  return client
}

/** Canonical text: IPv4-mapped IPv6 as IPv4, IPv6 in RFC 5952 form. What is no address comes back as it is. */
export function canonicalAddress(text: string): string {
  if (!ipaddr.isValid(text)) return text
  const address = ipaddr.process(text)
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString()
}

const IPV4_WITH_PORT = /^(\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?$/
const IPV6_IN_BRACKETS = /^\[([0-9a-fA-F:.]+)\](?::\d{1,5})?$/

/** An entry of X-Forwarded-For; some balancers add the port. Null for anything else. */
function forwardedAddress(entry: string): string | null {
  const bare = IPV4_WITH_PORT.exec(entry)?.[1] ?? IPV6_IN_BRACKETS.exec(entry)?.[1] ?? entry
  const plain =
    ipaddr.IPv4.isValidFourPartDecimal(bare) || (/^[0-9a-fA-F:.]+$/.test(bare) && ipaddr.IPv6.isValid(bare))
  return plain ? canonicalAddress(bare) : null
}
