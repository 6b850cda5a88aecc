import { randomFillSync } from 'node:crypto'

/** A UUIDv7 (RFC 9562 §5.7) in its usual text form: ids sort by the time they were made. */
export type ExchangeId = string & { readonly __exchangeId?: never }

const pool = Buffer.alloc(10 * 256)
let used = pool.length
let lastMillis = 0
let counter = 0

/** A new id. Ids made by one process are strictly increasing (12-bit counter, RFC 9562 §6.2 method 1). */
export function newExchangeId(now: number = Date.now()): ExchangeId {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  if (now > lastMillis) {
    lastMillis = now
    counter = pool.readUInt16BE(used) & 0x7ff
  } else if (++counter > 0xfff) {
    lastMillis += 1
    counter = 0
  }
  const time = lastMillis.toString(16).padStart(12, '0')
  const variant = (pool[used + 2]! & 0x3f) | 0x80
  const rest = pool.toString('hex', used + 3, used + 10)
  used += 10
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${variant.toString(16)}${rest.slice(0, 2)}-${rest.slice(2)}`
}

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export function isExchangeId(text: string): text is ExchangeId {
  return PATTERN.test(text)
}
