/**
 * Which addresses belong to the public Internet. Pure: the tables are IANA's special-purpose registries for IPv4 and
 * IPv6, row by row.
 *
 * A special-purpose address is never public here, even where the registry calls it globally reachable: those are
 * anycast services that the nearest network answers (192.0.0.9 is our own router) or identifiers, and no server of
 * ours to call lives there. The one exception is NAT64's well-known prefix, which DNS64 puts before the public IPv4
 * addresses of an IPv6-only network's world: it is judged by the address within.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

interface SpecialBlock {
  readonly network: string
  readonly name: string
  readonly rfc: string
}

function rows(table: readonly (readonly [network: string, name: string, rfc: string])[]): SpecialBlock[] {
  return table.map(([network, name, rfc]) => ({ network, name, rfc }))
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry */
export const SPECIAL_IPV4: readonly SpecialBlock[] = rows([
  ['0.0.0.0/8', 'this network', 'RFC 791 §3.2'],
  ['0.0.0.0/32', 'this host on this network', 'RFC 1122 §3.2.1.3'],
  ['10.0.0.0/8', 'private use', 'RFC 1918'],
  ['100.64.0.0/10', 'shared address space', 'RFC 6598'],
  ['127.0.0.0/8', 'loopback', 'RFC 1122 §3.2.1.3'],
  ['169.254.0.0/16', 'link local', 'RFC 3927'],
  ['172.16.0.0/12', 'private use', 'RFC 1918'],
  ['192.0.0.0/24', 'IETF protocol assignments', 'RFC 6890 §2.1'],
  ['192.0.0.0/29', 'IPv4 service continuity', 'RFC 7335'],
  ['192.0.0.8/32', 'IPv4 dummy address', 'RFC 7600'],
  ['192.0.0.9/32', 'port control protocol anycast', 'RFC 7723'],
  ['192.0.0.10/32', 'TURN anycast', 'RFC 8155'],
  ['192.0.0.170/31', 'NAT64/DNS64 discovery', 'RFC 8880'],
  ['192.0.2.0/24', 'documentation', 'RFC 5737'],
  ['192.31.196.0/24', 'AS112', 'RFC 7535'],
  ['192.52.193.0/24', 'AMT', 'RFC 7450'],
  ['192.88.99.0/24', '6to4 relay anycast', 'RFC 7526'],
  ['192.88.99.2/32', '6a44 relay anycast', 'RFC 6751'],
  ['192.168.0.0/16', 'private use', 'RFC 1918'],
  ['192.175.48.0/24', 'AS112', 'RFC 7534'],
  ['198.18.0.0/15', 'benchmarking', 'RFC 2544'],
  ['198.51.100.0/24', 'documentation', 'RFC 5737'],
  ['203.0.113.0/24', 'documentation', 'RFC 5737'],
  ['240.0.0.0/4', 'reserved', 'RFC 1112 §4'],
  ['255.255.255.255/32', 'limited broadcast', 'RFC 8190'],
])

/** https://www.iana.org/assignments/iana-ipv6-special-registry */
export const SPECIAL_IPV6: readonly SpecialBlock[] = rows([
  ['::1/128', 'loopback', 'RFC 4291 §2.5.3'],
  ['::/128', 'unspecified', 'RFC 4291 §2.5.2'],
  ['::ffff:0:0/96', 'IPv4-mapped', 'RFC 4291 §2.5.5.2'],
  ['64:ff9b::/96', 'NAT64', 'RFC 6052'],
  ['64:ff9b:1::/48', 'NAT64 of local use', 'RFC 8215'],
  ['100::/64', 'discard only', 'RFC 6666'],
  ['100:0:0:1::/64', 'dummy prefix', 'RFC 9780'],
  ['2001::/23', 'IETF protocol assignments', 'RFC 2928'],
  ['2001::/32', 'Teredo', 'RFC 4380'],
  ['2001:1::1/128', 'port control protocol anycast', 'RFC 7723'],
  ['2001:1::2/128', 'TURN anycast', 'RFC 8155'],
  ['2001:1::3/128', 'DNS-SD service registration anycast', 'RFC 9665'],
  ['2001:2::/48', 'benchmarking', 'RFC 5180'],
  ['2001:3::/32', 'AMT', 'RFC 7450'],
  ['2001:4:112::/48', 'AS112', 'RFC 7535'],
  ['2001:10::/28', 'ORCHID', 'RFC 4843'],
  ['2001:20::/28', 'ORCHIDv2', 'RFC 7343'],
  ['2001:30::/28', 'drone remote identifiers', 'RFC 9374'],
  ['2001:db8::/32', 'documentation', 'RFC 3849'],
  ['2002::/16', '6to4', 'RFC 3056'],
  ['2620:4f:8000::/48', 'AS112', 'RFC 7534'],
  ['3fff::/20', 'documentation', 'RFC 9637'],
  ['5f00::/16', 'segment routing identifiers', 'RFC 9602'],
  ['fc00::/7', 'unique local', 'RFC 4193'],
  ['fe80::/10', 'link local', 'RFC 4291 §2.5.6'],
])

/** Beside the registries: no server has an address in these. */
const MULTICAST: readonly SpecialBlock[] = rows([
  ['224.0.0.0/4', 'multicast', 'RFC 5771'],
  ['ff00::/8', 'multicast', 'RFC 4291 §2.7'],
])

const SIX_TO_FOUR = ipaddr.IPv6.parseCIDR('2002::/16')
const TEREDO = ipaddr.IPv6.parseCIDR('2001::/32')
const IPV4_AT_THE_END = ['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48'].map(
  (network) => ipaddr.IPv6.parseCIDR(network),
)
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

const BLOCKS_4 = [...SPECIAL_IPV4, ...MULTICAST.slice(0, 1)].map((block) => ({
  ...block,
  range: ipaddr.IPv4.parseCIDR(block.network),
}))
const BLOCKS_6 = [...SPECIAL_IPV6, ...MULTICAST.slice(1)].map((block) => ({
  ...block,
  range: ipaddr.IPv6.parseCIDR(block.network),
}))

/**
 * Why an address is not one of the public Internet, as words that follow it ("is private use, RFC 1918"); null where
 * it is. `address` is what `net.isIP` takes, a zone id included. Anything else is not public.
 */
export function whyNotPublic(address: string): string | null {
  const family = isIP(address)
  if (family === 4) return inBlock(ipaddr.IPv4.parse(address))
  if (family === 6) return ipv6NotPublic(ipaddr.IPv6.parse(address))
  return 'is no IP address'
}

function inBlock(address: ipaddr.IPv4): string | null {
  const block = BLOCKS_4.findLast(({ range }) => address.match(range))
  return block ? `is ${block.name}, ${block.rfc}` : null
}

function ipv6NotPublic(address: ipaddr.IPv6): string | null {
  if (address.match(NAT64)) {
    const within = lastFourBytes(address)
    const reason = whyNotPublic(within)
    return reason === null ? null : `leads through NAT64 to ${within}, which ${reason}`
  }
  const block = BLOCKS_6.findLast(({ range }) => address.match(range))
  if (block) return `is ${block.name}, ${block.rfc}`
  return address.match(GLOBAL_UNICAST) ? null : 'is outside global unicast, RFC 4291 §2.4'
}

/**
 * The IPv4 addresses that an IPv6 address carries by any transition rule: mapped and compatible (RFC 4291 §2.5.5),
 * translated (RFC 2765), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380 §4: server, inverted client).
 */
export function embeddedIpv4(address: string): readonly string[] {
  if (isIP(address) !== 6) return []
  const parsed = ipaddr.IPv6.parse(address)
  const bytes = parsed.toByteArray()
  const at = (from: number) => bytes.slice(from, from + 4).join('.')
  if (parsed.match(SIX_TO_FOUR)) return [at(2)]
  if (parsed.match(TEREDO)) {
    return [
      at(4),
      bytes
        .slice(12)
        .map((byte) => byte ^ 0xff)
        .join('.'),
    ]
  }
  return IPV4_AT_THE_END.some((network) => parsed.match(network)) ? [at(12)] : []
}

function lastFourBytes(address: ipaddr.IPv6): string {
  return address.toByteArray().slice(12).join('.')
}
