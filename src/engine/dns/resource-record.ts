/** The few kinds of records the responder has (RFC 1035 §3.3, RFC 3596), and how they are written. */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export const TYPES = { A: 1, NS: 2, SOA: 6, HINFO: 13, TXT: 16, AAAA: 28, ANY: 255 } as const

/** Names are whole, in lower case, without the final dot. */
export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'NS'; readonly target: string }
  | { readonly type: 'TXT'; readonly text: string }
  | { readonly type: 'HINFO'; readonly cpu: string; readonly os: string }
  | {
      readonly type: 'SOA'
      readonly nameserver: string
      /** Labels of the mailbox: the first may hold dots. */
      readonly mailbox: readonly string[]
      readonly serial: number
      /** Seconds. */
      readonly refresh: number
      readonly retry: number
      readonly expire: number
      readonly minimum: number
    }

export interface ResourceRecord {
  readonly owner: string
  /** Seconds. */
  readonly ttl: number
  readonly data: RecordData
}

/** A name of the question that others may end in, and where it stands in the message (RFC 1035 §4.1.4). */
export interface Suffix {
  readonly name: string
  readonly offset: number
}

const IN = 1
const LONGEST_STRING = 255

export function writeRecord({ owner, ttl, data }: ResourceRecord, suffixes: readonly Suffix[]): Buffer {
  const name = writeName(owner.split('.'), suffixes)
  const content = writeData(data, suffixes)
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(TYPES[data.type], 0)
  fixed.writeUInt16BE(IN, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(content.length, 8)
  return Buffer.concat([name, fixed, content])
}

function writeData(data: RecordData, suffixes: readonly Suffix[]): Buffer {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return Buffer.from(ipaddr.parse(data.address).toByteArray())
    case 'NS':
      return writeName(data.target.split('.'), suffixes)
    case 'TXT':
      return writeStrings(data.text)
    case 'HINFO':
      return Buffer.concat([writeStrings(data.cpu), writeStrings(data.os)])
    case 'SOA': {
      const numbers = Buffer.alloc(20)
      const { serial, refresh, retry, expire, minimum } = data
      for (const [index, value] of [serial, refresh, retry, expire, minimum].entries())
        numbers.writeUInt32BE(value, index * 4)
      const names = [writeName(data.nameserver.split('.'), suffixes), writeName(data.mailbox, suffixes)]
      return Buffer.concat([...names, numbers])
    }
  }
}

/** A text longer than one string can be is several, which are read as one (RFC 8555 §8.4). */
function writeStrings(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const strings: Buffer[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += LONGEST_STRING) {
    const part = bytes.subarray(at, at + LONGEST_STRING)
    strings.push(Buffer.from([part.length]), part)
  }
  return Buffer.concat(strings)
}

function writeName(labels: readonly string[], suffixes: readonly Suffix[]): Buffer {
  const parts: Buffer[] = []
  for (let from = 0; from < labels.length; from++) {
    const rest = labels.slice(from).join('.')
    const known = suffixes.find(({ name }) => name === rest)
    if (known !== undefined) {
      parts.push(Buffer.from([0xc0 | (known.offset >> 8), known.offset & 0xff]))
      return Buffer.concat(parts)
    }
    const label = Buffer.from(labels[from] ?? '', 'latin1')
    parts.push(Buffer.from([label.length]), label)
  }
  parts.push(Buffer.alloc(1))
  return Buffer.concat(parts)
}

export function addressRecord(owner: string, address: string, ttl: number): ResourceRecord {
  return { owner, ttl, data: { type: isIP(address) === 6 ? 'AAAA' : 'A', address } }
}
