/**
 * An ECDSA signature r ‖ s (RFC 7518 §3.4) as the DER SEQUENCE of two INTEGERs that OpenSSL takes (RFC 3279
 * §2.2.3). Node's own conversion (`dsaEncoding: 'ieee-p1363'`) costs nearly half as much as the verification.
 * `signature` has an even length of at most 132 bytes; whether r and s are in range is the verifier's to say.
 */
export function derSignature(signature: Buffer): Buffer {
  const half = signature.length / 2
  const r = unsigned(signature, 0, half)
  const s = unsigned(signature, half, signature.length)
  const length = 4 + r.length + r.pad + s.length + s.pad
  const long = length > 127
  const der = Buffer.alloc((long ? 3 : 2) + length)
  let at = 0
  der[at++] = 0x30
  if (long) der[at++] = 0x81
  der[at++] = length
  for (const { start, length: bytes, pad } of [r, s]) {
    der[at++] = 0x02
    der[at++] = bytes + pad
    at += pad
    at += signature.copy(der, at, start, start + bytes)
  }
  return der
}

/** Where a big-endian number begins without its leading zeros, and whether DER needs one zero byte before it. */
function unsigned(bytes: Buffer, from: number, to: number): { start: number; length: number; pad: number } {
  let start = from
  while (start < to - 1 && bytes[start] === 0) start += 1
  return { start, length: to - start, pad: bytes[start]! >= 0x80 ? 1 : 0 }
}
