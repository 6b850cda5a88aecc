/** DER (X.690), as much of it as certificates and certification requests need. Strict: definite lengths only. */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const size = body.length < 0x100 ? 1 : body.length < 0x10000 ? 2 : 3
  const length = Buffer.alloc(size)
  length.writeUIntBE(body.length, 0, size)
  return Buffer.concat([Buffer.of(tag, 0x80 | size), length, body])
}

export const sequence = (...content: readonly Uint8Array[]): Buffer => der(TAG.sequence, ...content)
export const set = (...content: readonly Uint8Array[]): Buffer => der(TAG.set, ...content)
export const octets = (...content: readonly Uint8Array[]): Buffer => der(TAG.octetString, ...content)
export const bits = (content: Uint8Array, unused = 0): Buffer =>
  der(TAG.bitString, Buffer.of(unused), content)
export const text = (value: string): Buffer => der(TAG.utf8String, Buffer.from(value))
export const yes = (): Buffer => der(TAG.boolean, Buffer.of(0xff))

/** A non-negative INTEGER from its big-endian bytes. */
export function integer(value: Uint8Array | number): Buffer {
  const bytes = typeof value === 'number' ? Buffer.of(value) : Buffer.from(value)
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  return der(TAG.integer, (trimmed[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed)
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(TAG.oid, Buffer.from(bytes))
}

/** RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050. */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/\.\d+Z$|[-:T]/g, '')
  if (at.getUTCFullYear() < 2050) return der(TAG.utcTime, Buffer.from(`${digits.slice(2)}Z`))
  return der(TAG.generalizedTime, Buffer.from(`${digits}Z`))
}

export interface Element {
  readonly tag: number
  readonly content: Buffer
  /** Tag, length and content. */
  readonly whole: Buffer
}

/** The elements of a constructed value, in order. @throws RangeError where the bytes are not DER. */
export function readElements(bytes: Buffer): readonly Element[] {
  const elements: Element[] = []
  let at = 0
  while (at < bytes.length) {
    const start = at
    const tag = bytes.readUInt8(at++)
    let length = bytes.readUInt8(at++)
    if (length >= 0x80) {
      const size = length & 0x7f
      if (size === 0 || size > 3) throw new RangeError('not DER: length')
      length = bytes.readUIntBE(at, size)
      at += size
    }
    if (at + length > bytes.length) throw new RangeError('not DER: cut short')
    elements.push({
      tag,
      content: bytes.subarray(at, at + length),
      whole: bytes.subarray(start, at + length),
    })
    at += length
  }
  return elements
}

/** The one element the bytes are. @throws RangeError where there is none or more. */
export function readElement(bytes: Buffer, tag: number = TAG.sequence): Element {
  const [element, ...more] = readElements(bytes)
  if (!element || more.length > 0 || element.tag !== tag)
    throw new RangeError('not DER: one element expected')
  return element
}
