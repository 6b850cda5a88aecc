/** Other certificates and requests made from one, by overwriting bytes in place: nothing verifies, all of it parses. */

const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/
const VERSION_AND_SERIAL = Buffer.from('a003020102', 'hex')
const VALIDITY = /\x17\x0d(\d{12}Z)\x17\x0d(\d{12}Z)/
const EC_POINT = Buffer.from('03420004', 'hex')
const RSA_MODULUS = Buffer.from('0282010100', 'hex')

export interface Patch {
  /** As long as the name that stands there. */
  readonly name: string
  readonly serial: Buffer
  /** µs. */
  readonly notBefore: number
  readonly notAfter: number
  /** What another key is made of; 64 bytes. */
  readonly key: Buffer
}

/** The PEM text of a chain whose first certificate is patched, and that certificate in DER. */
export function patchChain(
  chain: string,
  name: string,
  patch: Patch,
): { readonly pem: string; readonly der: Buffer } {
  const text = BLOCK.exec(chain)![1]!
  const der = patchDer(Buffer.from(text, 'base64'), name, patch)
  const serialAt = der.indexOf(VERSION_AND_SERIAL) + VERSION_AND_SERIAL.length + 2
  const length = der[serialAt - 1]!
  patch.serial.copy(der, serialAt, 0, length)
  // Positive, and without a leading zero.
  der[serialAt] = (der[serialAt]! & 0x3f) | 0x40
  const [, from] = VALIDITY.exec(der.toString('latin1'))!
  const at = der.indexOf(`\x17\x0d${from}`, 'latin1')
  der.write(utcTime(patch.notBefore), at + 2, 'latin1')
  der.write(utcTime(patch.notAfter), at + 17, 'latin1')
  const lines = der
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n')
  return {
    pem: chain.replace(BLOCK, () => `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----`),
    der,
  }
}

/** Another name and another key, wherever they stand. */
export function patchDer(
  original: Buffer,
  name: string,
  { name: other, key }: Pick<Patch, 'name' | 'key'>,
): Buffer {
  const der = Buffer.from(original)
  for (let at = der.indexOf(name); at >= 0; at = der.indexOf(name, at + 1)) der.write(other, at, 'latin1')
  const point = der.indexOf(EC_POINT)
  if (point >= 0) key.copy(der, point + EC_POINT.length)
  const modulus = der.indexOf(RSA_MODULUS)
  if (modulus >= 0) key.copy(der, modulus + RSA_MODULUS.length + 8)
  return der
}

function utcTime(at: number): string {
  return `${new Date(at / 1000).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`
}
