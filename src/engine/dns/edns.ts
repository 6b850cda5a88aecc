/** EDNS (RFC 6891): the OPT record of a query, and the one of an answer. */

export interface Edns {
  /** Bytes of UDP the asker can take; at least 512 (RFC 6891 §6.2.3). */
  readonly size: number
  readonly version: number
  /** RFC 7873 §4: what it sent as COOKIE; null without one. */
  readonly cookie: { readonly client: Buffer; readonly server: Buffer | null } | null
}

/** What is said to take: fits into every path's MTU, so that nothing arrives in fragments. */
export const LARGEST_UDP = 1232

const OPT = 41
const COOKIE = 10

/** Null where the options cannot be read, or the cookie has a length that none has (RFC 7873 §5.2.2). */
export function readOptions(
  message: Buffer,
  { header, data, end }: { readonly header: number; readonly data: number; readonly end: number },
): Edns | null {
  let cookie: Edns['cookie'] = null
  for (let at = data; at < end; ) {
    if (at + 4 > end) return null
    const length = message.readUInt16BE(at + 2)
    const value = at + 4
    const next = value + length
    if (next > end) return null
    // The first one counts (RFC 7873 §5.2).
    if (message.readUInt16BE(at) === COOKIE && cookie === null) {
      if (length !== 8 && (length < 16 || length > 40)) return null
      const server = length === 8 ? null : message.subarray(value + 8, next)
      cookie = { client: message.subarray(value, value + 8), server }
    }
    at = next
  }
  const size = Math.max(512, message.readUInt16BE(header + 2))
  return { size, version: message[header + 5] ?? 0, cookie }
}

/** `extended`: the upper eight bits of the answer's code. `cookie`: both halves, or null. */
export function writeOpt(extended: number, cookie: Buffer | null): Buffer {
  const options = cookie === null ? 0 : 4 + cookie.length
  const opt = Buffer.alloc(11 + options)
  opt.writeUInt16BE(OPT, 1)
  opt.writeUInt16BE(LARGEST_UDP, 3)
  opt[5] = extended
  opt.writeUInt16BE(options, 9)
  if (cookie !== null) {
    opt.writeUInt16BE(COOKIE, 11)
    opt.writeUInt16BE(cookie.length, 13)
    cookie.copy(opt, 15)
  }
  return opt
}
