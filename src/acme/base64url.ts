const ALPHABET = /^[A-Za-z0-9_-]*$/
/** Last characters whose unused low bits are zero: two of them after one byte more, four of them after two. */
const ENDS_ONE_BYTE = 'AQgw'
const ENDS_TWO_BYTES = 'AEIMQUYcgkosw048'

/** RFC 7515 §2 and RFC 4648 §3.5: no padding, no other alphabet, no white space, no unused bits that are set. */
export function isBase64url(text: string): boolean {
  switch (text.length & 3) {
    case 1:
      return false
    case 2:
      if (!ENDS_ONE_BYTE.includes(text.charAt(text.length - 1))) return false
      break
    case 3:
      if (!ENDS_TWO_BYTES.includes(text.charAt(text.length - 1))) return false
      break
  }
  return ALPHABET.test(text)
}

/** The bytes, or null unless encoding them again gives exactly this text. */
export function decodeBase64url(text: string): Buffer | null {
  return isBase64url(text) ? Buffer.from(text, 'base64url') : null
}
