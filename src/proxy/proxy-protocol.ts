/**
 * The PROXY protocol header, versions 1 and 2, as a load balancer puts it before the TLS handshake. Strict and
 * bounded: whatever the published format does not allow for TCP is refused, never skipped over.
 */
import { isIPv4, isIPv6 } from 'node:net'

export type ProxyHeader =
  /** More bytes are needed; what came so far may still become a header. */
  | { readonly kind: 'incomplete' }
  /** `length` bytes were the header; `source` is null where the balancer speaks for itself. */
  | { readonly kind: 'header'; readonly length: number; readonly source: ProxySource | null }
  | { readonly kind: 'refused'; readonly reason: string }

export interface ProxySource {
  readonly address: string
  readonly port: number
}

/** No header is longer: balancers add a few hundred bytes of extensions at most. */
export const MAX_PROXY_HEADER_BYTES = 4096

const V1_PREFIX = Buffer.from('PROXY ')
const V1_MAX_BYTES = 107
const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const V2_FIXED_BYTES = 16
const INCOMPLETE: ProxyHeader = { kind: 'incomplete' }

/** Read the header at the start of what a connection has sent so far. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, V2_SIGNATURE)) return parseVersion2(bytes)
  if (startsLike(bytes, V1_PREFIX)) return parseVersion1(bytes)
  return refused('no PROXY protocol header')
}

function parseVersion1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf('\r\n')
  if (end === -1) return bytes.length < V1_MAX_BYTES ? INCOMPLETE : refused('version 1 line too long')
  const length = end + 2
  const [, family, ...rest] = bytes.toString('latin1', 0, end).split(' ')
  if (family === 'UNKNOWN') return { kind: 'header', length, source: null }
  const [source = '', destination = '', sourcePort = '', destinationPort = ''] = rest
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : null
  if (isAddress === null) return refused('version 1 names an unknown family')
  if (rest.length !== 4) return refused('version 1 has the wrong number of fields')
  if (!isAddress(source) || !isAddress(destination)) return refused('version 1 has a malformed address')
  if (!isPort(sourcePort) || !isPort(destinationPort)) return refused('version 1 has a malformed port')
  return { kind: 'header', length, source: { address: source, port: Number(sourcePort) } }
}

const LOCAL = 0x20
const PROXY = 0x21
const UNSPECIFIED = 0x00
const TCP_OVER_IPV4 = 0x11
const TCP_OVER_IPV6 = 0x21

function parseVersion2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE
  const command = bytes.readUInt8(12)
  const family = bytes.readUInt8(13)
  const size = bytes.readUInt16BE(14)
  const length = V2_FIXED_BYTES + size
  if (command !== LOCAL && command !== PROXY) return refused('version 2 has an unknown version or command')
  if (length > MAX_PROXY_HEADER_BYTES) return refused('version 2 header too long')
  const addressBytes = family === TCP_OVER_IPV4 ? 4 : family === TCP_OVER_IPV6 ? 16 : null
  if (command === PROXY) {
    if (addressBytes === null && family !== UNSPECIFIED)
      return refused('version 2 names a family other than TCP')
    if (addressBytes !== null && size < addressBytes * 2 + 4)
      return refused('version 2 addresses are cut short')
  }
  if (bytes.length < length) return INCOMPLETE
  if (command === LOCAL || addressBytes === null) return { kind: 'header', length, source: null }
  const extensions = bytes.subarray(V2_FIXED_BYTES + addressBytes * 2 + 4, length)
  if (!areWhole(extensions)) return refused('version 2 extensions are malformed')
  const address = bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + addressBytes)
  const port = bytes.readUInt16BE(V2_FIXED_BYTES + addressBytes * 2)
  return { kind: 'header', length, source: { address: addressText(address), port } }
}

/** Type, two octets of length, value: repeated until exactly the end. */
function areWhole(extensions: Buffer): boolean {
  let at = 0
  while (at + 3 <= extensions.length) at += 3 + extensions.readUInt16BE(at + 1)
  return at === extensions.length
}

function addressText(address: Buffer): string {
  if (address.length === 4) return address.join('.')
  return (address.toString('hex').match(/.{4}/g) ?? []).join(':')
}

function startsLike(bytes: Buffer, prefix: Buffer): boolean {
  const shared = Math.min(bytes.length, prefix.length)
  return bytes.compare(prefix, 0, shared, 0, shared) === 0
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%')
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
}

function refused(reason: string): ProxyHeader {
  return { kind: 'refused', reason }
}
