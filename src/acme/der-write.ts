/** Writes DER (X.690 §10), as certificates and revocation lists need it. What is written is never read back here. */

/** Definite, minimal lengths (§8.1.3, §10.1). */
export function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  let length = 0
  for (const part of parts) length += part.length
  return Buffer.concat([head(tag, length), ...parts])
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, ...parts)
}

export function set(...parts: readonly Buffer[]): Buffer {
  return element(0x31, ...parts)
}

/** Dotted. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const septets = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift((left % 128) | 0x80)
    bytes.push(...septets)
  }
  return element(0x06, Buffer.from(bytes))
}

/** Not negative: of a number, or of its bytes. */
export function integer(value: number | Buffer): Buffer {
  const hex =
    typeof value === 'number' ? value.toString(16) : value.toString('hex').replace(/^(?:00)+(?=..)/, '')
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return bytes[0]! >= 0x80 ? element(0x02, Buffer.of(0), bytes) : element(0x02, bytes)
}

export function enumerated(value: number): Buffer {
  return element(0x0a, Buffer.of(value))
}

/** Whole bytes. */
export function bitString(bytes: Buffer): Buffer {
  return element(0x03, Buffer.of(0), bytes)
}

/** Bits that have names, the first of them bit 0: without zeros at the end (§11.2.2). */
export function namedBits(bits: readonly number[]): Buffer {
  const last = Math.max(...bits)
  const bytes = Buffer.alloc(Math.floor(last / 8) + 1)
  for (const bit of bits) bytes[bit >> 3]! |= 0x80 >> (bit & 7)
  return element(0x03, Buffer.of(7 - (last & 7)), bytes)
}

export function octetString(bytes: Buffer): Buffer {
  return element(0x04, bytes)
}

export function utf8String(text: string): Buffer {
  return element(0x0c, Buffer.from(text, 'utf8'))
}

export const TRUE = Buffer.from('0101ff', 'hex')

/** RFC 5280 §4.1.2.5: UTCTime up to 2049, GeneralizedTime from then on. Whole seconds of `at`, in µs since 1970. */
export function time(at: number): Buffer {
  const digits = new Date(Math.floor(at / 1_000_000) * 1000).toISOString().replace(/[-:T]|\.\d+/g, '')
  const year = Number(digits.slice(0, 4))
  return year < 2050
    ? element(0x17, Buffer.from(digits.slice(2), 'latin1'))
    : element(0x18, Buffer.from(digits, 'latin1'))
}

/** RFC 5280 §4.1: `value` is the DER that stands in the extension's OCTET STRING. */
export function extension(oid: string, value: Buffer, critical = false): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [TRUE] : []), octetString(value))
}

function head(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.of(tag, length)
  if (length < 0x100) return Buffer.of(tag, 0x81, length)
  if (length < 0x10000) return Buffer.of(tag, 0x82, length >> 8, length & 0xff)
  if (length < 0x1000000) return Buffer.of(tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff)
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return Buffer.concat([Buffer.of(tag, 0x84), bytes])
}
