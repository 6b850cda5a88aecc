/** DNS messages as far as updates need them (RFC 1035 §4.1, RFC 2136 §2); names are never compressed. */

export const TYPE = { SOA: 6, TXT: 16, TSIG: 250 } as const
export const CLASS = { IN: 1, NONE: 254, ANY: 255 } as const
const UPDATE = 5
const HEADER = 12

export const RCODES = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
] as const

/** In lower case (RFC 4034 §6.2): what TSIG digests. Throws for what is no name. */
export function encodeName(name: string): Buffer {
  const plain = name.toLowerCase().replace(/\.$/, '')
  const labels = plain === '' ? [] : plain.split('.').map((label) => Buffer.from(label, 'latin1'))
  const encoded = Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), label]),
    Buffer.from([0]),
  ])
  if (encoded.length > 255 || labels.some(({ length }) => length === 0 || length > 63))
    throw new RangeError(`${JSON.stringify(name.slice(0, 100))} is no DNS name`)
  return encoded
}

export function encodeRecord(
  name: string,
  type: number,
  recordClass: number,
  ttl: number,
  data: Buffer,
): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(recordClass, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([encodeName(name), fixed, data])
}

/** RFC 1035 §3.3.14: strings of at most 255 bytes. */
export function encodeTxt(value: string): Buffer {
  const bytes = Buffer.from(value)
  const parts: Buffer[] = []
  for (let from = 0; from < bytes.length || from === 0; from += 255) {
    const part = bytes.subarray(from, from + 255)
    parts.push(Buffer.from([part.length]), part)
  }
  return Buffer.concat(parts)
}

export interface TxtChange {
  readonly what: 'add' | 'remove'
  readonly name: string
  readonly value: string
  readonly ttl: number
}

/** RFC 2136 §2.5.1 and §2.5.4: adds to a set, or takes one record out of it, whatever else is there. */
export function encodeUpdate(id: number, zone: string, { what, name, value, ttl }: TxtChange): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(UPDATE << 11, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(1, 8)
  const section = Buffer.alloc(4)
  section.writeUInt16BE(TYPE.SOA, 0)
  section.writeUInt16BE(CLASS.IN, 2)
  const change =
    what === 'add'
      ? encodeRecord(name, TYPE.TXT, CLASS.IN, ttl, encodeTxt(value))
      : encodeRecord(name, TYPE.TXT, CLASS.NONE, 0, encodeTxt(value))
  return Buffer.concat([header, encodeName(zone), section, change])
}

export interface WireRecord {
  readonly name: string
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly data: Buffer
  /** Offset of its first byte in the message. */
  readonly start: number
  readonly end: number
}

export interface UpdateAnswer {
  readonly id: number
  readonly rcode: string
  readonly truncated: boolean
  /** Of the additional section: TSIG is its last. */
  readonly additionals: readonly WireRecord[]
}

/** Throws for what is no answer to an update. */
export function readUpdateAnswer(message: Buffer): UpdateAnswer {
  if (message.length < HEADER) throw new RangeError('shorter than a header')
  const flags = message.readUInt16BE(2)
  if ((flags & 0x8000) === 0 || ((flags >> 11) & 15) !== UPDATE)
    throw new RangeError('no answer to an update')
  let at = HEADER
  for (let left = message.readUInt16BE(4); left > 0; left--) at = readName(message, at).end + 4
  const records: WireRecord[] = []
  const before = message.readUInt16BE(6) + message.readUInt16BE(8)
  const all = before + message.readUInt16BE(10)
  for (let read = 0; read < all; read++) {
    const record = readRecord(message, at)
    at = record.end
    if (read >= before) records.push(record)
  }
  if (at !== message.length) throw new RangeError('bytes after the last record')
  return {
    id: message.readUInt16BE(0),
    rcode: RCODES[flags & 15] ?? `RCODE${flags & 15}`,
    truncated: (flags & 0x0200) !== 0,
    additionals: records,
  }
}

function readRecord(message: Buffer, start: number): WireRecord {
  const { name, end } = readName(message, start)
  const data = end + 10
  const last = data + message.readUInt16BE(end + 8)
  if (last > message.length) throw new RangeError('a record is longer than the message')
  return {
    name,
    type: message.readUInt16BE(end),
    class: message.readUInt16BE(end + 2),
    ttl: message.readUInt32BE(end + 4),
    data: message.subarray(data, last),
    start,
    end: last,
  }
}

/** Compressed or not (RFC 1035 §4.1.4); a pointer leads back only, so that it ends. */
export function readName(message: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let at = start
  let end: number | null = null
  let limit = start
  for (;;) {
    const length = message.readUInt8(at)
    if (length >= 0xc0) {
      const target = message.readUInt16BE(at) & 0x3fff
      if (target >= limit) throw new RangeError('a name points forward')
      end ??= at + 2
      limit = target
      at = target
      continue
    }
    if (length > 63) throw new RangeError('a label is longer than 63 bytes')
    if (length === 0) break
    if (at + 1 + length > message.length || labels.length > 127)
      throw new RangeError('a name is longer than the message')
    labels.push(message.toString('latin1', at + 1, at + 1 + length).toLowerCase())
    at += 1 + length
  }
  return { name: labels.join('.'), end: end ?? at + 1 }
}
