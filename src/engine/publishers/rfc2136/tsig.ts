/** TSIG (RFC 8945): a message and its answer, each with a MAC of a shared key. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import {
  CLASS,
  encodeName,
  encodeRecord,
  readName,
  readUpdateAnswer,
  TYPE,
  type UpdateAnswer,
} from './wire.ts'

export const TSIG_ALGORITHMS = [
  'hmac-sha224',
  'hmac-sha256',
  'hmac-sha384',
  'hmac-sha512',
  'hmac-sha1',
] as const
export type TsigAlgorithm = (typeof TSIG_ALGORITHMS)[number]

export interface TsigKey {
  /** In lower case. */
  readonly name: string
  readonly algorithm: TsigAlgorithm
  readonly secret: Buffer
}

export interface Signed {
  readonly message: Buffer
  readonly mac: Buffer
}

/** Seconds by which clocks may differ (RFC 8945 §10). */
const FUDGE = 300
const ERRORS = new Map([
  [0, 'NOERROR'],
  [16, 'BADSIG'],
  [17, 'BADKEY'],
  [18, 'BADTIME'],
  [22, 'BADTRUNC'],
])

/** `time`: seconds since 1970. */
export function signMessage(message: Buffer, key: TsigKey, time: number): Signed {
  const mac = hmac(key, [message, variables(key, { time, fudge: FUDGE, error: 0, other: Buffer.alloc(0) })])
  const data = Buffer.concat([
    encodeName(key.algorithm),
    timer(time, FUDGE),
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0),
    uint16(0),
  ])
  const signed = Buffer.concat([message, encodeRecord(key.name, TYPE.TSIG, CLASS.ANY, 0, data)])
  signed.writeUInt16BE(message.readUInt16BE(10) + 1, 10)
  return { message: signed, mac }
}

export type Verified =
  /** From whoever holds the key. `serverTime` (BADTIME): seconds since 1970 by its clock. */
  | {
      readonly kind: 'signed'
      readonly answer: UpdateAnswer
      readonly error: string
      readonly serverTime: number | null
    }
  /** The server had no key to sign with, and says why: worth as much as any stranger's word. */
  | { readonly kind: 'unsigned'; readonly answer: UpdateAnswer; readonly error: string | null }
  | { readonly kind: 'forged'; readonly says: string }

/** RFC 8945 §5.3.1 and §5.4. `now`: seconds since 1970 by the clock that signed. Throws for what is no message. */
export function verifyAnswer(message: Buffer, request: Signed, key: TsigKey, now: number): Verified {
  const answer = readUpdateAnswer(message)
  const record = answer.additionals.at(-1)
  if (record === undefined || record.type !== TYPE.TSIG) return { kind: 'unsigned', answer, error: null }
  const tsig = readTsig(record.data)
  const error = ERRORS.get(tsig.error) ?? `TSIG error ${tsig.error}`
  if (tsig.mac.length === 0) {
    return tsig.error === 0
      ? { kind: 'forged', says: 'its signature is empty' }
      : { kind: 'unsigned', answer, error }
  }
  if (record.name !== key.name) return { kind: 'forged', says: 'it is signed with another key' }
  if (tsig.algorithm !== key.algorithm) return { kind: 'forged', says: 'it is signed with another algorithm' }
  const unsigned = Buffer.from(message.subarray(0, record.start))
  unsigned.writeUInt16BE(tsig.originalId, 0)
  unsigned.writeUInt16BE(message.readUInt16BE(10) - 1, 10)
  const wanted = hmac(key, [uint16(request.mac.length), request.mac, unsigned, variables(key, tsig)])
  if (wanted.length !== tsig.mac.length || !timingSafeEqual(wanted, tsig.mac))
    return { kind: 'forged', says: 'its signature is wrong' }
  // RFC 8945 §5.2.3: the server repeats the time of the request, and says its own.
  if (tsig.error !== 18 && Math.abs(now - tsig.time) > tsig.fudge)
    return { kind: 'forged', says: 'it was signed at another time' }
  return {
    kind: 'signed',
    answer,
    error,
    serverTime: tsig.other.length === 6 ? tsig.other.readUIntBE(0, 6) : null,
  }
}

interface Stamp {
  readonly time: number
  readonly fudge: number
  readonly error: number
  readonly other: Buffer
}

interface Tsig extends Stamp {
  readonly algorithm: string
  readonly mac: Buffer
  readonly originalId: number
}

/** RFC 8945 §4.2. */
function readTsig(data: Buffer): Tsig {
  const { name, end } = readName(data, 0)
  const mac = end + 10
  const rest = mac + data.readUInt16BE(end + 8)
  const other = rest + 6
  if (other + data.readUInt16BE(rest + 4) !== data.length)
    throw new RangeError('a TSIG record of another length')
  return {
    algorithm: name,
    time: data.readUIntBE(end, 6),
    fudge: data.readUInt16BE(end + 6),
    mac: data.subarray(mac, rest),
    originalId: data.readUInt16BE(rest),
    error: data.readUInt16BE(rest + 2),
    other: data.subarray(other),
  }
}

/** RFC 8945 §4.3.3. */
function variables({ name, algorithm }: TsigKey, { time, fudge, error, other }: Stamp): Buffer {
  return Buffer.concat([
    encodeName(name),
    uint16(CLASS.ANY),
    Buffer.alloc(4),
    encodeName(algorithm),
    timer(time, fudge),
    uint16(error),
    uint16(other.length),
    other,
  ])
}

function hmac({ algorithm, secret }: TsigKey, parts: readonly Buffer[]): Buffer {
  const digest = createHmac(algorithm.slice('hmac-'.length), secret)
  for (const part of parts) digest.update(part)
  return digest.digest()
}

function timer(time: number, fudge: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUIntBE(time, 0, 6)
  bytes.writeUInt16BE(fudge, 6)
  return bytes
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
