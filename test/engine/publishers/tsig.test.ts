import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { signMessage, type TsigKey, verifyAnswer } from '../../../src/engine/publishers/rfc2136/tsig.ts'
import {
  encodeName,
  encodeUpdate,
  readName,
  readUpdateAnswer,
} from '../../../src/engine/publishers/rfc2136/wire.ts'

const KEY: TsigKey = {
  name: 'key.test',
  algorithm: 'hmac-sha256',
  secret: Buffer.from('a secret of thirty-two bytes....'),
}
const TIME = 1_800_000_000
const MESSAGE = encodeUpdate(0x1234, 'lab.test', { what: 'add', name: 'a.lab.test', value: 'v', ttl: 60 })
const REQUEST = signMessage(MESSAGE, KEY, TIME)

/** An answer as a server writes it, over RFC 8945 §4.3.1: the MAC of the request comes first. */
function answer(
  key: TsigKey = KEY,
  { time = TIME, error = 0, other = Buffer.alloc(0), rcode = 0, cut = 0 } = {},
): Buffer {
  const head = Buffer.from(MESSAGE.subarray(0, 12))
  head.writeUInt16BE(0xa800 | rcode, 2)
  head.writeUInt16BE(0, 8)
  const body = Buffer.concat([head, MESSAGE.subarray(12, 12 + encodeName('lab.test').length + 4)])
  const number = (value: number, bytes: number) => {
    const made = Buffer.alloc(bytes)
    made.writeUIntBE(value, 0, bytes)
    return made
  }
  const stamp = Buffer.concat([number(time, 6), number(300, 2)])
  const digest = createHmac(key.algorithm.slice(5), key.secret)
    .update(Buffer.concat([number(REQUEST.mac.length, 2), REQUEST.mac, body]))
    .update(
      Buffer.concat([encodeName(key.name), number(255, 2), number(0, 4), encodeName(key.algorithm), stamp]),
    )
    .update(Buffer.concat([number(error, 2), number(other.length, 2), other]))
    .digest()
  const mac = digest.subarray(0, digest.length - cut)
  const data = Buffer.concat([
    encodeName(key.algorithm),
    stamp,
    number(mac.length, 2),
    mac,
    body.subarray(0, 2),
    number(error, 2),
    number(other.length, 2),
    other,
  ])
  const record = Buffer.concat([
    encodeName(key.name),
    number(250, 2),
    number(255, 2),
    number(0, 4),
    number(data.length, 2),
    data,
  ])
  body.writeUInt16BE(1, 10)
  return Buffer.concat([body, record])
}

describe('TSIG', () => {
  it('takes the answer of whoever has the key', () => {
    expect(verifyAnswer(answer(), REQUEST, KEY, TIME)).toMatchObject({ kind: 'signed', error: 'NOERROR' })
  })

  it('takes the time of the server from a signed BADTIME alone', () => {
    const other = Buffer.alloc(6)
    other.writeUIntBE(TIME + 5000, 0, 6)
    expect(verifyAnswer(answer(KEY, { error: 18, other, rcode: 9 }), REQUEST, KEY, TIME)).toMatchObject({
      kind: 'signed',
      error: 'BADTIME',
      serverTime: TIME + 5000,
    })
  })

  it.each([
    ['another secret', answer({ ...KEY, secret: Buffer.from('b') }), /signature is wrong/],
    ['another name', answer({ ...KEY, name: 'other.test' }), /another key/],
    ['another algorithm', answer({ ...KEY, algorithm: 'hmac-sha512' }), /another algorithm/],
    ['a shorter signature', answer(KEY, { cut: 16 }), /signature is wrong/],
    ['an empty signature', answer(KEY, { cut: 32 }), /signature is empty/],
    ['another hour', answer(KEY, { time: TIME - 3600 }), /another time/],
  ])('does not take an answer with %s', (_what, message, says) => {
    expect(verifyAnswer(message, REQUEST, KEY, TIME)).toMatchObject({
      kind: 'forged',
      says: expect.stringMatching(says),
    })
  })

  it('does not take the answer to another request', () => {
    const other = signMessage(
      encodeUpdate(0x1234, 'lab.test', { what: 'add', name: 'b.lab.test', value: 'v', ttl: 60 }),
      KEY,
      TIME,
    )
    expect(verifyAnswer(answer(), other, KEY, TIME)).toMatchObject({ kind: 'forged' })
  })

  it('takes no answer with any bit changed', () => {
    const sound = answer()
    for (let bit = 0; bit < sound.length * 8; bit++) {
      const changed = Buffer.from(sound)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      let read: { readonly kind: string; readonly answer?: { readonly rcode: string } } | null = null
      try {
        read = verifyAnswer(changed, REQUEST, KEY, TIME)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
      // Its case is not digested (RFC 4034 §6.2), its id is compared elsewhere, its TTL counts for nothing.
      if (read?.kind === 'signed') expect(hasNoWeight(sound, bit >> 3, bit & 7)).toBe(true)
    }
  })

  it('reads cut and random messages without failing otherwise', () => {
    const sound = answer()
    for (let length = 0; length < sound.length; length++)
      expect(() => readUpdateAnswer(sound.subarray(0, length))).toThrow(RangeError)
    expect(() => readName(Buffer.from([0xc0, 0x00]), 0)).toThrow(RangeError)
    expect(() => readName(Buffer.from([1, 97, 0xc0, 0x00]), 2)).not.toThrow(TypeError)
  })
})

/** Bits outside of what is digested: the id, letters of names in the TSIG record, its class and TTL. */
function hasNoWeight(sound: Buffer, byte: number, bit: number): boolean {
  const record = sound.length - answerRecordLength()
  const inName = byte > record && byte <= record + encodeName(KEY.name).length
  const inFixed =
    byte >= record + encodeName(KEY.name).length + 2 && byte < record + encodeName(KEY.name).length + 8
  const algorithm = record + encodeName(KEY.name).length + 10
  const inAlgorithm = byte > algorithm && byte < algorithm + encodeName(KEY.algorithm).length
  return byte < 2 || inFixed || ((inName || inAlgorithm) && bit === 5)
}

function answerRecordLength(): number {
  const data = encodeName(KEY.algorithm).length + 8 + 2 + 32 + 2 + 2 + 2
  return encodeName(KEY.name).length + 10 + data
}
