/** Messages as nobody should send them: valid questions that were damaged, and noise. */
import { questionOf } from './dns-question.ts'

const TYPES = [0, 1, 2, 5, 6, 12, 16, 28, 41, 43, 249, 250, 251, 252, 255, 257, 65_535]

/** `random`: 0 ≤ n < 1. `names`: such as stand in the zone. */
export function fuzzedMessage(random: () => number, names: readonly string[]): Buffer {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const byte = () => Math.floor(random() * 256)
  const noise = (length: number) => Buffer.from(Array.from({ length }, byte))
  const whole = () => {
    const cookie = random() < 0.3 ? noise(pick([0, 7, 8, 9, 15, 16, 24, 40, 41])) : undefined
    return questionOf(pick(names), pick(TYPES), {
      flags: random() < 0.7 ? 0x0100 : byte() * 256 + byte(),
      class: random() < 0.8 ? 1 : byte(),
      ...(random() < 0.5 ? { size: pick([0, 511, 512, 1232, 4096, 65_535]) } : {}),
      ...(random() < 0.1 ? { version: byte() } : {}),
      ...(cookie === undefined ? {} : { cookie }),
    })
  }
  const kind = random()
  if (kind < 0.1) return noise(Math.floor(random() * 600))
  const message = Buffer.from(whole())
  if (kind < 0.2) return message
  if (kind < 0.35) return message.subarray(0, Math.floor(random() * message.length))
  if (kind < 0.45) return Buffer.concat([message, noise(1 + Math.floor(random() * 64))])
  if (kind < 0.55) {
    // Counts that promise more, or less, than there is.
    message[4 + Math.floor(random() * 8)] = byte()
    return message
  }
  if (kind < 0.65) {
    // Pointers, to the front, to themselves and beyond the end.
    const at = 12 + Math.floor(random() * (message.length - 13))
    message[at] = 0xc0 | Math.floor(random() * 64)
    message[at + 1] = pick([0, 12, at, 255])
    return message
  }
  if (kind < 0.7) {
    const labels = Array.from({ length: 130 }, () => Buffer.concat([Buffer.from([1]), noise(1)]))
    return Buffer.concat([message.subarray(0, 12), ...labels, message.subarray(-5)])
  }
  for (let changes = 1 + Math.floor(random() * 8); changes > 0; changes--)
    message[Math.floor(random() * message.length)] = byte()
  return message
}

/** What is wrong with an answer to this message; null where nothing is. Oracle of the soak and of the test. */
export function faultOf(message: Buffer, reply: Buffer | null, limit: number): string | null {
  if (reply === null) return null
  if (message.length < 12) return 'an answer to less than a header'
  if (((message[2] ?? 0) & 0x80) !== 0) return 'an answer to an answer'
  if (reply.length > limit) return `${reply.length} bytes for ${message.length}`
  if (reply.readUInt16BE(0) !== message.readUInt16BE(0)) return 'another id'
  if (((reply[2] ?? 0) & 0x80) === 0) return 'a question for an answer'
  if (((reply[3] ?? 0) & 0x80) !== 0) return 'recursion is offered'
  return null
}
