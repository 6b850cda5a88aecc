/** Bits. Below, no public CA takes the key (and nobody should); above, one verification costs too much. */
const SMALLEST = 2048
const LARGEST = 8192

/**
 * Primes below 168 for which the keys of a broken generator (CVE-2017-15361, ROCA) stand out: modulo each of
 * them, such a modulus is a power of 65537.
 */
const ROCA_PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
]
const SMALL_PRIMES = [
  ...ROCA_PRIMES,
  173,
  179,
  181,
  191,
  193,
  197,
  199,
  211,
  223,
  227,
  229,
  233,
  239,
  241,
  251,
]

/**
 * Whether an RSA public key (base64url numbers) is one to verify with: 2048 to 8192 bits, odd, without a small
 * factor, not of a known broken generator, and with an odd exponent from 3 to 2^32. Takes well under 100 µs.
 */
export function acceptableRsa(n: string, e: string): boolean {
  const modulus = toNumber(n)
  const bits = modulus.toString(16).length * 4
  if (bits < SMALLEST - 3 || bits > LARGEST || modulus < 1n << BigInt(SMALLEST - 1)) return false
  return rsaFault(modulus, toNumber(e)) === null
}

/** Why nobody should trust an RSA key of these numbers, whatever its size; null where nothing is known against it. */
export function rsaFault(modulus: bigint, exponent: bigint): string | null {
  if ((exponent & 1n) === 0n || exponent < 3n) return 'an exponent that is even or below 3'
  if (exponent > 1n << 32n) return 'an exponent over 2^32'
  if ((modulus & 1n) === 0n || SMALL_PRIMES.some((prime) => modulus % BigInt(prime) === 0n))
    return 'a modulus with a small factor'
  return ROCA_PRIMES.every((prime) => isPowerOf65537(Number(modulus % BigInt(prime)), prime))
    ? 'a modulus of a broken generator (CVE-2017-15361)'
    : null
}

function toNumber(text: string): bigint {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.length === 0 || bytes.length > LARGEST / 8 + 8 ? 0n : BigInt(`0x${bytes.toString('hex')}`)
}

function isPowerOf65537(residue: number, prime: number): boolean {
  let power = 1
  do {
    if (power === residue) return true
    power = (power * 65537) % prime
  } while (power !== 1)
  return false
}
