import { type Answer, type DecodedPacket, decode, type RecordType } from 'dns-packet'

/** The types that are asked for here. */
export type AskedType = Extract<
  RecordType,
  'A' | 'AAAA' | 'CAA' | 'CNAME' | 'DNSKEY' | 'DS' | 'NS' | 'SOA' | 'TXT'
>

/** What a DNS server answered. Names and texts are a stranger's: bounded by the message, escaped where shown. */
export interface DnsReply {
  /** RFC 1035 §4.1.1, RFC 6895: NOERROR, NXDOMAIN, SERVFAIL, REFUSED … */
  readonly rcode: string
  readonly authoritative: boolean
  /** The resolver says it has validated this (RFC 4035 §3.2.3). */
  readonly validated: boolean
  readonly truncated: boolean
  readonly answers: readonly Answer[]
  readonly authorities: readonly Answer[]
  /** Extended errors (RFC 8914): code and text. */
  readonly extended: readonly { readonly code: number; readonly text: string }[]
  readonly overTcp: boolean
}

const EXTENDED_ERROR = 15

/** Throws for what is no answer to this question. */
export function readReply(
  message: Buffer,
  id: number,
  name: string,
  type: AskedType,
  overTcp: boolean,
): DnsReply {
  const packet = decode(message) as DecodedPacket & { readonly rcode: string }
  const question = packet.questions?.[0]
  const ours =
    packet.flag_qr &&
    packet.id === id &&
    // A server that could not read the question may leave it out; an answer has it, or it may be a stranger's.
    (question === undefined
      ? packet.rcode !== 'NOERROR' && packet.rcode !== 'NXDOMAIN'
      : question.type === type && sameName(question.name, name))
  if (!ours) throw new Error('an answer to another question')
  return {
    rcode: packet.rcode,
    authoritative: packet.flag_aa,
    validated: packet.flag_ad,
    truncated: packet.flag_tc,
    answers: packet.answers ?? [],
    authorities: packet.authorities ?? [],
    extended: (packet.additionals ?? []).flatMap((one) =>
      one.type === 'OPT'
        ? one.options.flatMap(({ code, data }) =>
            (code as number) === EXTENDED_ERROR && data !== undefined && data.length >= 2
              ? [{ code: data.readUInt16BE(0), text: data.toString('utf8', 2) }]
              : [],
          )
        : [],
    ),
    overTcp,
  }
}

export function sameName(one: string, other: string): boolean {
  return plainName(one) === plainName(other)
}

/** In lower case and without the root's dot. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** A name that can be put into a question; what a stranger's answer names may not be. */
export function isAskable(name: string): boolean {
  return name.length <= 253 && /^[!-\-/-~]{1,63}(?:\.[!-\-/-~]{1,63})*$/.test(name)
}

/** More aliases than any resolver follows. */
const LONGEST_CHAIN = 16

/** The records of a type at a name, aliases followed through this one answer (RFC 1034 §3.6.2). */
export interface Found<T extends AskedType> {
  /** The alias targets in order; empty where the name is no alias. */
  readonly chain: readonly string[]
  /** The last of the chain, or the name itself. */
  readonly owner: string
  readonly records: readonly Extract<Answer, { type: T }>[]
  /** The aliases go round in a circle. */
  readonly circular: boolean
}

export function recordsAt<T extends AskedType>({ answers }: DnsReply, name: string, type: T): Found<T> {
  const chain: string[] = []
  let owner = plainName(name)
  let circular = false
  while (type !== 'CNAME' && chain.length < LONGEST_CHAIN) {
    const alias = answers.find((one) => one.type === 'CNAME' && sameName(one.name, owner))
    if (alias === undefined) break
    const target = plainName(String((alias as { data: unknown }).data))
    circular = target === plainName(name) || chain.includes(target)
    if (circular) break
    chain.push(target)
    owner = target
  }
  const records = answers.filter((one) => one.type === type && sameName(one.name, owner)) as Extract<
    Answer,
    { type: T }
  >[]
  return { chain, owner, records, circular }
}

/** A TXT record's strings are one text (RFC 8555 §8.4 compares the whole). */
export function textOf(data: unknown): string {
  const parts = Array.isArray(data) ? data : [data]
  return Buffer.concat(
    parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(String(part)))),
  ).toString('utf8')
}
