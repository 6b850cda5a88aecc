import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * An address as RFC 8738 has it: IPv4 in dotted decimal, or any spelling of an IPv6 address, which becomes the one of
 * RFC 5952 §4, for each of them is the same number to everybody. Refused is what some read as another address.
 */
export function addressOf(text: string): string | { readonly fault: string } {
  if (IPV4.test(text)) return text
  if (!isIPv6(text)) return { fault: faultOf(text) }
  if (text.includes('%')) return { fault: "has a zone, which an address in a certificate can't have" }
  const address = ipaddr.IPv6.parse(text)
  if (address.isIPv4MappedAddress()) {
    return { fault: `stands for an IPv4 address: write ${address.toIPv4Address().toString()}` }
  }
  return address.toRFC5952String()
}

/** No leading zeros: to some they make it octal. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$(?!\n))){4}$(?<!\.)/

function faultOf(text: string): string {
  if (/^\[.*\]$/.test(text)) return 'has brackets: write the address without them'
  if (/\/\d+$/.test(text)) return 'is a network: certificates are for single addresses'
  if (/^[0-9a-fx.]+$/i.test(text)) return 'is no IPv4 address of four decimal numbers without leading zeros'
  if (/^[0-9a-f:.]+$/i.test(text)) return 'is no IPv6 address'
  return 'is no address: ask for a DNS name with the identifier type dns'
}
