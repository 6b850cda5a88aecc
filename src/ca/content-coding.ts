import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'

const DECODERS: Readonly<
  Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: (bytes, options) =>
    promisify(inflate)(bytes, options).catch(() => promisify(inflateRaw)(bytes, options)),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
}

/**
 * The body without its content codings (RFC 9110 §8.4), at most `limit` bytes; null when a coding is unknown,
 * broken, or hides more than that. The bytes that go to the client are never these.
 */
export async function decodeContent(body: Buffer, codings: string, limit: number): Promise<Buffer | null> {
  if (codings === '' || body.length === 0) return body
  const names = codings
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity')
  if (names.length > 3) return null
  let decoded = body
  for (const name of names.reverse()) {
    const decoder = DECODERS[name]
    if (!decoder) return null
    try {
      decoded = await decoder(decoded, { maxOutputLength: limit })
    } catch {
      return null
    }
  }
  return decoded
}
