import { isAscii, isUtf8 } from 'node:buffer'
import { type Element, readAll } from './der.ts'

const CLASS = 0xc0
const CONSTRUCTED = 0x20
/** Certificates and requests nest less than ten deep. */
const MAX_DEPTH = 16

/**
 * Where this element, whose lengths are known to be minimal, is BER and not DER (X.690 §8 to §11): one phrase each. The
 * order of sets is not looked at: no reader takes two orders differently. What stands inside an OCTET STRING is not read.
 * Throws DerError for what can't be read.
 */
export function derFaults(element: Element, depth = 0): string[] {
  const { tag, content } = element
  if (depth > MAX_DEPTH) return ['elements nested too deep']
  const constructed = (tag & CONSTRUCTED) !== 0
  if ((tag & CLASS) === 0) {
    const kind = tag & 0x1f
    if ((kind === 0x10 || kind === 0x11) !== constructed) return ['a string in pieces, or a sequence in one']
    const fault = constructed ? null : primitiveFault(kind, content)
    if (fault !== null) return [fault]
  }
  return constructed ? readAll(content).flatMap((inner) => derFaults(inner, depth + 1)) : []
}

function primitiveFault(kind: number, content: Buffer): string | null {
  const [first = 0, second = 0] = content
  switch (kind) {
    case 0x01:
      return content.length === 1 && (first === 0 || first === 0xff) ? null : 'a BOOLEAN that is neither'
    case 0x02:
      if (content.length === 0) return 'an empty INTEGER'
      return content.length > 1 && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80)
        ? 'an INTEGER that is not minimal'
        : null
    case 0x03:
      return bitsFault(content)
    case 0x05:
      return content.length === 0 ? null : 'a NULL that is not empty'
    case 0x06:
      return identifierFault(content)
    default:
      return isText(kind, content) ? null : 'a string of characters that its type has not'
  }
}

function bitsFault(content: Buffer): string | null {
  const [unused] = content
  if (unused === undefined || unused > 7 || (content.length === 1 && unused > 0))
    return 'a BIT STRING without bits'
  const last = content.at(-1)!
  return (last & ((1 << unused) - 1)) !== 0 && content.length > 1
    ? 'a BIT STRING with bits after its end'
    : null
}

/** X.680 §41. What is no string, or may hold anything, is. `*` and `&` are widespread in PrintableString. */
function isText(kind: number, content: Buffer): boolean {
  switch (kind) {
    case 0x0c:
      return isUtf8(content)
    case 0x12:
      return /^[0-9 ]*$/.test(content.toString('latin1'))
    case 0x13:
      return /^[A-Za-z0-9 '()+,./:=?*&-]*$/.test(content.toString('latin1'))
    case 0x16:
    case 0x1a:
      return isAscii(content)
    case 0x1c:
      return content.length % 4 === 0
    case 0x1e:
      return content.length % 2 === 0
    default:
      return true
  }
}

/** X.690 §8.19.2: an arc does not begin with a byte of no bits, and the last one ends. */
function identifierFault(content: Buffer): string | null {
  const last = content.at(-1)
  if (last === undefined || last >= 0x80) return 'an OBJECT IDENTIFIER that does not end'
  let begins = true
  for (const byte of content) {
    if (begins && byte === 0x80) return 'an OBJECT IDENTIFIER that is not minimal'
    begins = byte < 0x80
  }
  return null
}
