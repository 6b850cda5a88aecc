/** Answers as they are sent (RFC 1035 §4.1). */

import type { DnsQuery, Unreadable } from './dns-query.ts'
import { writeOpt } from './edns.ts'
import { type ResourceRecord, type Suffix, writeRecord } from './resource-record.ts'

/** RFC 6895 §2.3. */
export const RCODES = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const
export type Rcode = keyof typeof RCODES

export interface DnsAnswer {
  readonly rcode: Rcode
  readonly authoritative: boolean
  readonly truncated: boolean
  readonly answers: readonly ResourceRecord[]
  readonly authorities: readonly ResourceRecord[]
  readonly additionals: readonly ResourceRecord[]
}

const QR = 0x8000
const AA = 0x0400
const TC = 0x0200
const RD = 0x0100
const HEADER = 12

/** `zone`: names are shortened to where the question holds it. `cookie`: for its OPT record; null without one. */
export function writeAnswer(query: DnsQuery, answer: DnsAnswer, zone: string, cookie: Buffer | null): Buffer {
  const suffixes = suffixesOf(query.name, zone)
  const sections = [answer.answers, answer.authorities, answer.additionals]
  const records = sections.flat().map((record) => writeRecord(record, suffixes))
  const code = RCODES[answer.rcode]
  const opt = query.edns === null ? [] : [writeOpt(code >> 4, cookie)]
  const header = Buffer.alloc(HEADER)
  header.writeUInt16BE(query.id, 0)
  const flags =
    (answer.authoritative ? AA : 0) | (answer.truncated ? TC : 0) | (query.recursionDesired ? RD : 0)
  header.writeUInt16BE(QR | flags | (code & 15), 2)
  header.writeUInt16BE(1, 4)
  for (const [index, section] of sections.entries()) header.writeUInt16BE(section.length, 6 + index * 2)
  header.writeUInt16BE(answer.additionals.length + opt.length, 10)
  return Buffer.concat([header, query.question, ...records, ...opt])
}

/** The header alone: for what could not be read there is nothing to repeat. */
export function writeRefusal({ id, flags }: Unreadable, rcode: 'FORMERR' | 'NOTIMP'): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(QR | (flags & 0x7900) | RCODES[rcode], 2)
  return header
}

function suffixesOf(name: string, zone: string): readonly Suffix[] {
  if (name === zone) return [{ name, offset: HEADER }]
  if (!name.endsWith(`.${zone}`)) return []
  const whole = { name, offset: HEADER }
  // A label that had to be escaped is shorter on the wire.
  const before = name.slice(0, -zone.length).replace(/\\\d{3}/g, '?').length
  return [whole, { name: zone, offset: HEADER + before }]
}
