import { isIPv4, isIPv6 } from 'node:net'
import type { Identifier } from '../../acme/identifier.ts'
import { addressBytes } from '../../policy/names/address.ts'
import { hostOf } from './http-host.ts'

/** What a validator sends as SNI: the name, or an address as its name in the reverse tree (RFC 8738 §6). */
export function serverNameOf(identifier: Identifier): string {
  const host = hostOf(identifier)
  if (isIPv4(host)) return `${[...addressBytes(host)].reverse().join('.')}.in-addr.arpa`
  if (!isIPv6(host)) return host
  return `${[...addressBytes(host).toString('hex')].reverse().join('.')}.ip6.arpa`
}
