/** DER (X.690 §10), written. */

/** Any element: identifier octet and what is inside. */
export function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content])
}

export const sequence = (...parts: readonly Buffer[]) => element(0x30, ...parts)
/** SET OF: in the order of their encodings (X.690 §11.6). */
export const set = (...parts: readonly Buffer[]) => element(0x31, ...parts.toSorted(Buffer.compare))
export const octets = (content: Buffer) => element(0x04, content)
/** Context-specific, constructed. */
export const explicit = (number: number, ...parts: readonly Buffer[]) => element(0xa0 | number, ...parts)
export const NULL = element(0x05)

/** A number from 0 to 2^31 - 1. */
export function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt32BE(value, 1)
  let at = 0
  while (at < 4 && bytes[at] === 0 && bytes[at + 1]! < 0x80) at++
  return element(0x02, bytes.subarray(at))
}

/** Dotted, with arcs below 2^31. */
export function oid(dotted: string): Buffer {
  const [first, second, ...arcs] = dotted.split('.').map(Number)
  return element(0x06, ...[first! * 40 + second!, ...arcs].map(base128))
}

/** BMPString: big-endian UTF-16. */
export function bmpString(text: string): Buffer {
  return element(0x1e, Buffer.from(text, 'utf16le').swap16())
}

function base128(value: number): Buffer {
  const bytes = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return Buffer.from(bytes)
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length]
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff)
  return [0x80 | bytes.length, ...bytes]
}
