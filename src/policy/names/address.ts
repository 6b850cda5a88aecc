import { isIPv4, isIPv6 } from 'node:net'

/**
 * An address as RFC 8738 has it: IPv4 in dotted decimal, or a spelling of an IPv6 address, which becomes the one of
 * RFC 5952 §4, for all of them are the same number to everybody. Refused is what some read as another address: IPv4
 * addresses within IPv6's (of `::192.0.2.1` some libraries make 192.0.2.1, others ::c000:201) and zones.
 */
export function addressOf(text: string): string | { readonly fault: string } {
  // Node's isIPv4 takes no leading zeros, which make a number octal to some.
  if (isIPv4(text)) return text
  if (!isIPv6(text)) return { fault: faultOf(text) }
  if (text.includes('%')) return { fault: "has a zone, which an address in a certificate can't have" }
  const bytes = ipv6Bytes(text)
  const address = addressText(bytes)
  if (isMapped(bytes))
    return { fault: `stands for an IPv4 address: write ${addressText(bytes.subarray(12))}` }
  return text.includes('.') ? { fault: `has an IPv4 address in it: write ${address}` } : address
}

function faultOf(text: string): string {
  if (text.length > 60) return 'is no address'
  if (/^\[.*\]$/.test(text)) return 'has brackets: write the address without them'
  if (/\/\d+$/.test(text)) return 'is a network: certificates are for single addresses'
  if (/^[0-9a-fx.]+$/i.test(text)) return 'is no IPv4 address of four decimal numbers without leading zeros'
  if (/^[0-9a-f:.]+$/i.test(text)) return 'is no IPv6 address'
  return 'is no address: ask for a DNS name with the identifier type dns'
}

/** Of what `isIPv4` or `isIPv6` takes, without a zone: 4 or 16 bytes. */
export function addressBytes(text: string): Buffer {
  return isIPv4(text) ? Buffer.from(text.split('.').map(Number)) : ipv6Bytes(text)
}

const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')

/** Of `::ffff:0:0/96` (RFC 4291 §2.5.5.2): an IPv4 address in IPv6's clothes. */
export function isMapped(bytes: Buffer): boolean {
  return bytes.length === 16 && bytes.indexOf(MAPPED) === 0
}

function ipv6Bytes(text: string): Buffer {
  const [before, after] = text.split('::').map(groupsOf)
  const zeros = after === undefined ? 0 : 8 - (before?.length ?? 0) - after.length
  const bytes = Buffer.alloc(16)
  for (const [at, group] of [
    ...(before ?? []),
    ...Array<number>(zeros).fill(0),
    ...(after ?? []),
  ].entries()) {
    bytes.writeUInt16BE(group, at * 2)
  }
  return bytes
}

/** 16 bits each; an IPv4 address at the end is two. */
function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const bytes = addressBytes(group)
    return [bytes.readUInt16BE(0), bytes.readUInt16BE(2)]
  })
}

/** The one way to write it. */
export function addressText(bytes: Buffer): string {
  return bytes.length === 4 ? bytes.join('.') : ipv6Text(bytes)
}

/** RFC 5952 §4: no leading zeros, the first longest run of two zeros or more as `::`. */
function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16))
  let [from, length] = [0, 0]
  for (let at = 0; at < 8; at++) {
    let end = at
    while (groups[end] === '0') end++
    if (end - at > length) [from, length] = [at, end - at]
  }
  if (length < 2) return groups.join(':')
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`
}
