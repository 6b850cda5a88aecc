import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** The network that is counted as one asker: /24 of IPv4, /56 of IPv6. Mapped addresses are IPv4. */
export function sourcePrefix(address: string): string {
  const plain = plainAddress(address)
  if (isIP(plain) === 4) return plain.slice(0, plain.lastIndexOf('.'))
  const bytes = ipaddr.IPv6.parse(plain).toByteArray()
  return Buffer.from(bytes.slice(0, 7)).toString('hex')
}

/** Without a zone id; an IPv4-mapped address as the IPv4 address it is. */
export function plainAddress(address: string): string {
  const bare = address.replace(/%.*$/s, '')
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare) ? bare.slice(7) : bare
}

/** No packet from outside can have such a source. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address)
  return plain === '::1' || plain.startsWith('127.')
}
