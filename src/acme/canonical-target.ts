/** Targets without anything to clean up but case: the rule. */
const PLAIN = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9._~-]*)+$/

/**
 * What a lax server might take a request target for: percent-decoded until nothing is left to decode, without
 * query, fragment and path parameters, with one kind of slash, no empty or dot segment and no slash at the end,
 * in lower case. Two targets with one result may be one resource to some server; a target that is a server's own
 * resource always has the result of that resource. The result is no target: nothing is ever sent to it.
 *
 * A target is taken as one character per byte, as Node gives it; characters above U+00FF as their UTF-8 bytes.
 * Takes time linear in the length.
 */
export function canonicalTarget(pathAndQuery: string): string {
  if (PLAIN.test(pathAndQuery)) return pathAndQuery.toLowerCase()
  const path = decodeFully(pathAndQuery)
  const cut = path.search(/[?#]/)
  const segments: string[] = []
  for (const part of (cut < 0 ? path : path.slice(0, cut)).split(/[/\\]/)) {
    const segment = part.split(';', 1)[0]!
    if (segment === '' || segment === '.') continue
    if (segment === '..') segments.pop()
    else segments.push(segment)
  }
  return `/${segments.join('/')}`
}

/**
 * One pass with a stack: every byte that is pushed may complete a percent-encoding, whose byte is pushed in its
 * place and may complete another one. Each step shortens the stack, so the whole is linear.
 */
function decodeFully(target: string): string {
  const bytes = /[^\x00-\xff]/.test(target) ? utf8WhereNeeded(target) : Buffer.from(target, 'latin1')
  const stack = Buffer.allocUnsafe(bytes.length)
  let top = 0
  for (const byte of bytes) {
    let next: number | null = byte
    while (next !== null) {
      // Parsers of URLs drop tabs and line ends; none of the others is in a URL.
      if (next <= 0x20 || next === 0x7f) break
      stack[top++] = next >= 0x41 && next <= 0x5a ? next + 0x20 : next
      next = null
      const last = stack[top - 1]!
      const before = top > 1 ? stack[top - 2]! : 0
      const first = top > 2 ? stack[top - 3]! : 0
      if (first === 0x25 && hex(before) >= 0 && hex(last) >= 0) {
        top -= 3
        next = hex(before) * 16 + hex(last)
      } else if (before === 0xc5 && last === 0xbf) {
        top -= 2
        next = 0x73
      } else if (first === 0xe2 && before === 0x84 && last === 0xaa) {
        top -= 3
        next = 0x6b
      } else if ((before === 0xc0 || before === 0xc1) && last >= 0x80 && last <= 0xbf) {
        // Overlong UTF-8: an ASCII character to careless decoders.
        top -= 2
        next = ((before & 1) << 6) | (last & 0x3f)
      }
    }
  }
  return stack.toString('latin1', 0, top)
}

function utf8WhereNeeded(target: string): Buffer {
  const parts = Array.from(target, (character) =>
    Buffer.from(character, character.charCodeAt(0) > 0xff ? 'utf8' : 'latin1'),
  )
  return Buffer.concat(parts)
}

/** The value of a hexadecimal digit in lower case, or -1. */
function hex(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1
}
