/**
 * DNS cookies (RFC 7873): whoever sends back what it was given has received something at its address, so the address is
 * not forged. Made and known by this process alone.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const VERSION = 1
/** Seconds a cookie is taken, and how far in the future it may lie (RFC 9018 §4.3). */
const LONGEST_AGE = 3600
const LONGEST_AHEAD = 300

export class ServerCookies {
  readonly #secret = randomBytes(32)

  /** Sixteen bytes: version, reserved, time, MAC (as RFC 9018 §4 lays them out). `now`: seconds since 1970. */
  make(client: Buffer, address: string, now: number): Buffer {
    const head = Buffer.alloc(8)
    head[0] = VERSION
    head.writeUInt32BE(now >>> 0, 4)
    return Buffer.concat([head, this.#mac(client, head, address)])
  }

  isGood(client: Buffer, server: Buffer, address: string, now: number): boolean {
    if (server.length !== 16 || server[0] !== VERSION) return false
    const age = (now >>> 0) - server.readUInt32BE(4)
    if (age > LONGEST_AGE || age < -LONGEST_AHEAD) return false
    return timingSafeEqual(server.subarray(8), this.#mac(client, server.subarray(0, 8), address))
  }

  #mac(client: Buffer, head: Buffer, address: string): Buffer {
    const mac = createHmac('sha256', this.#secret).update(client).update(head).update(address).digest()
    return mac.subarray(0, 8)
  }
}
