/** Questions to a DNS server, byte by byte, and a reader of answers that is not acmetap's. */
import { type DecodedPacket, decode } from 'dns-packet'

export interface QuestionOptions {
  readonly id?: number
  readonly flags?: number
  readonly class?: number
  /** Bytes of UDP that it takes; with it the question has an OPT record. */
  readonly size?: number
  readonly version?: number
  /** COOKIE option, both halves. */
  readonly cookie?: Buffer
}

/** `name` as it is written: case and all. */
export function questionOf(name: string, type: number, options: QuestionOptions = {}): Buffer {
  const hasOpt = options.size !== undefined || options.cookie !== undefined || options.version !== undefined
  const header = Buffer.alloc(12)
  header.writeUInt16BE(options.id ?? 0x1234, 0)
  header.writeUInt16BE(options.flags ?? 0x0100, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(Number(hasOpt), 10)
  const labels = name === '' ? [] : name.split('.')
  const encoded = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')])
  const tail = Buffer.alloc(5)
  tail.writeUInt16BE(type, 1)
  tail.writeUInt16BE(options.class ?? 1, 3)
  return Buffer.concat([header, ...encoded, tail, ...(hasOpt ? [optOf(options)] : [])])
}

function optOf({ size = 1232, version = 0, cookie }: QuestionOptions): Buffer {
  const option =
    cookie === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0, 10, 0, cookie.length]), cookie])
  const opt = Buffer.alloc(11)
  opt.writeUInt16BE(41, 1)
  opt.writeUInt16BE(size, 3)
  opt[6] = version
  opt.writeUInt16BE(option.length, 9)
  return Buffer.concat([opt, option])
}

export type Decoded = DecodedPacket & { readonly rcode: string }

export function decodeAnswer(reply: Buffer | null): Decoded {
  if (reply === null) throw new Error('there is no answer')
  return decode(reply) as Decoded
}

/** COOKIE of an answer, both halves. */
export function cookieOf(reply: Buffer | null): Buffer | null {
  for (const one of decodeAnswer(reply).additionals ?? []) {
    if (one.type !== 'OPT') continue
    const option = one.options.find(({ code }) => (code as number) === 10)
    if (option?.data !== undefined) return option.data as Buffer
  }
  return null
}

/** TXT values of an answer. */
export function textsOf(reply: Buffer | null): string[] {
  return (decodeAnswer(reply).answers ?? []).map((one) => {
    if (one.type !== 'TXT') throw new Error(`${one.type}, not TXT`)
    return Buffer.concat((one.data as Buffer[]).map((part) => Buffer.from(part))).toString()
  })
}
