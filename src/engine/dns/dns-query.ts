/** What somebody asks of a DNS server (RFC 1035 §4): read strictly, in one pass, following no pointer. */

import type { Edns } from './edns.ts'
import { readOptions } from './edns.ts'

export interface DnsQuery {
  readonly id: number
  /** RD, which is given back as it came (RFC 1035 §4.1.1). */
  readonly recursionDesired: boolean
  /** In lower case, without the final dot; bytes that no host name has are written as \DDD. The root is empty. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** The question byte for byte: the case of its letters is part of the answer (draft-vixie-dnsext-dns0x20). */
  readonly question: Buffer
  readonly edns: Edns | null
  /** Bytes it came in. */
  readonly bytes: number
}

/** drop: no answer can do any good. All others are answered with the header alone. */
export type Unreadable = {
  readonly refused: 'drop' | 'FORMERR' | 'NOTIMP'
  readonly id: number
  readonly flags: number
}

const HEADER = 12
/** More than any query has; each is passed over at once. */
const MOST_RECORDS = 16
const OPT = 41

export function readQuery(message: Buffer): DnsQuery | Unreadable {
  if (message.length < HEADER) return { refused: 'drop', id: 0, flags: 0 }
  const id = message.readUInt16BE(0)
  const flags = message.readUInt16BE(2)
  const refuse = (refused: Unreadable['refused']): Unreadable => ({ refused, id, flags })
  // An answer to an answer goes on for ever.
  if ((flags & 0x8000) !== 0) return refuse('drop')
  if ((flags & 0x7800) !== 0) return refuse('NOTIMP')
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10)
  if (message.readUInt16BE(4) !== 1 || records > MOST_RECORDS) return refuse('FORMERR')
  const named = readName(message, HEADER)
  if (named === null || named.end + 4 > message.length) return refuse('FORMERR')
  const end = named.end + 4
  const edns = readRecords(message, end, records, message.readUInt16BE(10))
  if (edns === undefined) return refuse('FORMERR')
  return {
    id,
    recursionDesired: (flags & 0x0100) !== 0,
    name: named.name,
    type: message.readUInt16BE(named.end),
    class: message.readUInt16BE(named.end + 2),
    question: message.subarray(HEADER, end),
    edns,
    bytes: message.length,
  }
}

/** RFC 1035 §3.1. Null for what is no name, and for pointers: before a question there is nothing to point at. */
function readName(message: Buffer, from: number): { readonly name: string; readonly end: number } | null {
  const labels: string[] = []
  let at = from
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63) return null
    at += 1
    if (length === 0) break
    if (at + length > message.length || at + length - from > 254) return null
    labels.push(readLabel(message, at, at + length))
    at += length
  }
  return { name: labels.join('.'), end: at }
}

function readLabel(message: Buffer, from: number, to: number): string {
  const label = message.toString('latin1', from, to)
  if (/^[0-9a-zA-Z_-]+$/.test(label)) return label.toLowerCase()
  return label
    .toLowerCase()
    .replace(/[^!-~]|[.\\]/g, (byte) => `\\${byte.charCodeAt(0).toString().padStart(3, '0')}`)
}

/** The OPT record among them, or null. Undefined where they cannot be read, or there are two (RFC 6891 §6.1.1). */
function readRecords(
  message: Buffer,
  from: number,
  count: number,
  additional: number,
): Edns | null | undefined {
  let at = from
  let edns: Edns | null = null
  for (let index = 0; index < count; index++) {
    const owner = at
    const after = passName(message, at)
    if (after === null || after + 10 > message.length) return undefined
    const type = message.readUInt16BE(after)
    const data = after + 10
    at = data + message.readUInt16BE(after + 8)
    if (at > message.length) return undefined
    if (type !== OPT) continue
    // RFC 6891 §6.1.2: in the additional section, and owned by the root.
    if (edns !== null || message[owner] !== 0 || index < count - additional) return undefined
    const options = readOptions(message, { header: after, data, end: at })
    if (options === null) return undefined
    edns = options
  }
  return at === message.length ? edns : undefined
}

/** Where the name ends; pointers are passed over, not followed. */
function passName(message: Buffer, from: number): number | null {
  let at = from
  for (;;) {
    const length = message[at]
    if (length === undefined) return null
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    if (length > 63) return null
    at += 1 + length
  }
}
